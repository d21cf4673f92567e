/* What the files of src/dnn share. */
#ifndef FV_DNN_INTERNAL_H
#define FV_DNN_INTERNAL_H

#include "dnn/dnn.h"
#include <oneapi/dnnl/dnnl.h>

#define FV_DNN_V3 (DNNL_VERSION_MAJOR >= 3)

struct fv_md {
    dnnl_memory_desc_t desc; /* a struct in 2.x, an owned handle in 3.x */
};

struct fv_prim {
    dnnl_primitive_t handle;
    dnnl_primitive_desc_t desc;
    char implementation[64];
};

/* 2.x takes the address of the struct, 3.x the handle itself. */
#if FV_DNN_V3
typedef const_dnnl_memory_desc_t fv_desc_arg;
static inline fv_desc_arg fv_desc(const fv_md *md)
{
    return md ? md->desc : NULL;
}
#else
typedef const dnnl_memory_desc_t *fv_desc_arg;
static inline fv_desc_arg fv_desc(const fv_md *md)
{
    return md ? &md->desc : NULL;
}
#endif

/* The process-wide engine and stream; created at the first call. */
fv_status fv_dnn_context(dnnl_engine_t *engine, dnnl_stream_t *stream, fv_error *err);

/* Turns a oneDNN status into ours, naming the call. */
fv_status fv_dnn_check(dnnl_status_t status, const char *what, fv_error *err);

#define FV_DNN(what, call) FV_TRY(fv_dnn_check((call), (what), err))

/* Makes the primitive of a descriptor, which it takes over (also on failure). */
fv_status fv_prim_from_desc(fv_prim **out, dnnl_primitive_desc_t desc, fv_error *err);

/* Attributes with a user scratchpad and the post-ops (may be NULL). To be destroyed by the caller. */
fv_status fv_dnn_attributes(dnnl_primitive_attr_t *out, const fv_post_ops *post, fv_error *err);

#endif
