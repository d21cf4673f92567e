/* Memory descriptors. */
#include "dnn/internal.h"

#include <string.h>

static fv_status new_md(fv_md **out, fv_error *err)
{
    return fv_calloc(out, 1, sizeof **out, err);
}

/* Frees *out again when oneDNN refused. */
static fv_status finish(fv_md **out, dnnl_status_t status, const char *what, fv_error *err)
{
    if (status == dnnl_success) return FV_OK;
    fv_free(*out);
    *out = NULL;
    return fv_dnn_check(status, what, err);
}

/* oneDNN has no rank 0: a scalar is a vector of one. */
static int dims_of(const fv_shape *shape, dnnl_dims_t dims)
{
    dims[0] = 1;
    for (int i = 0; i < shape->rank; i++) dims[i] = shape->dim[i];
    return shape->rank ? shape->rank : 1;
}

fv_status fv_md_strided(fv_md **out, const fv_shape *shape, const int64_t *strides, fv_error *err)
{
    dnnl_dims_t dims, steps = {1};
    int rank = dims_of(shape, dims);
    for (int i = 0; i < shape->rank; i++) steps[i] = strides[i];
    FV_TRY(new_md(out, err));
#if FV_DNN_V3
    dnnl_status_t status = dnnl_memory_desc_create_with_strides(&(*out)->desc, rank, dims, dnnl_f32, steps);
#else
    dnnl_status_t status = dnnl_memory_desc_init_by_strides(&(*out)->desc, rank, dims, dnnl_f32, steps);
#endif
    return finish(out, status, "strided memory descriptor", err);
}

fv_status fv_md_any(fv_md **out, const fv_shape *shape, fv_error *err)
{
    dnnl_dims_t dims;
    int rank = dims_of(shape, dims);
    FV_TRY(new_md(out, err));
#if FV_DNN_V3
    dnnl_status_t status =
        dnnl_memory_desc_create_with_tag(&(*out)->desc, rank, dims, dnnl_f32, dnnl_format_tag_any);
#else
    dnnl_status_t status =
        dnnl_memory_desc_init_by_tag(&(*out)->desc, rank, dims, dnnl_f32, dnnl_format_tag_any);
#endif
    return finish(out, status, "memory descriptor", err);
}

fv_status fv_md_plain(fv_md **out, const fv_shape *shape, fv_error *err)
{
    int64_t strides[FV_MAX_RANK];
    fv_shape_strides(shape, strides);
    return fv_md_strided(out, shape, strides, err);
}

fv_status fv_md_channels_last(fv_md **out, const fv_shape *shape, fv_error *err)
{
    int64_t strides[FV_MAX_RANK];
    fv_shape_strides_channels_last(shape, strides);
    return fv_md_strided(out, shape, strides, err);
}

fv_status fv_md_copy(fv_md **out, const fv_md *src, fv_error *err)
{
    FV_TRY(new_md(out, err));
#if FV_DNN_V3
    return finish(out, dnnl_memory_desc_clone(&(*out)->desc, src->desc), "memory descriptor", err);
#else
    (*out)->desc = src->desc;
    return FV_OK;
#endif
}

void fv_md_free(fv_md *md)
{
    if (!md) return;
#if FV_DNN_V3
    dnnl_memory_desc_destroy(md->desc);
#endif
    fv_free(md);
}

int fv_md_equal(const fv_md *a, const fv_md *b)
{
    return dnnl_memory_desc_equal(fv_desc(a), fv_desc(b));
}

size_t fv_md_bytes(const fv_md *md)
{
    return dnnl_memory_desc_get_size(fv_desc(md));
}
