/* What the pools share: their windows, and the emission of both ways to compute them (oneDNN, own kernels).
 * All work on channels-last values. */
#ifndef FV_OPS_POOL_H
#define FV_OPS_POOL_H

#include "graph/emit.h"

typedef struct fv_pool_attrs {
    fv_ints kernel, stride, dilation, pad, pad_end;
    int ceil, include_pad;
} fv_pool_attrs;

/* Rows for the attribute tables of max_pool and avg_pool. */
#define FV_POOL_ROWS                                                                                         \
    {"kernel",         FV_ATTR_SPATIAL,      offsetof(fv_pool_attrs, kernel),                                \
     FV_ATTR_REQUIRED, "size of the window", NULL},                                                          \
        {"stride",                                                                                           \
         FV_ATTR_SPATIAL,                                                                                    \
         offsetof(fv_pool_attrs, stride),                                                                    \
         FV_ATTR_EMPTY,                                                                                      \
         "step of the window; default: kernel",                                                              \
         NULL},                                                                                              \
        {"pad", FV_ATTR_SPATIAL, offsetof(fv_pool_attrs, pad), 0, "padding before each axis", NULL},         \
        {"pad_end",                                                                                          \
         FV_ATTR_SPATIAL,                                                                                    \
         offsetof(fv_pool_attrs, pad_end),                                                                   \
         FV_ATTR_EMPTY,                                                                                      \
         "padding after each axis; default: pad",                                                            \
         NULL},                                                                                              \
    {                                                                                                        \
        "ceil", FV_ATTR_BOOL, offsetof(fv_pool_attrs, ceil), 0, "keep a last window that runs over the end", \
            NULL                                                                                             \
    }

/* Windows along one axis. Adaptive ones: window o of `out` runs from floor(o size / out) to
 * ceil((o + 1) size / out); kernel, stride, dilation and padding then say nothing. */
typedef struct fv_pool_axis {
    int64_t size, out, kernel, stride, dilation, pad, pad_end;
    int adaptive;
} fv_pool_axis;

/* Depth, height, width; missing axes have size 1. */
typedef struct fv_pool {
    int64_t batch, channels;
    int spatial, include_pad;
    fv_pool_axis axis[3];
} fv_pool;

/* Checks rank and attributes, sets node->shape: the shape function of max_pool and avg_pool. */
fv_status fv_pool_shape(fv_node *node, fv_error *err);

/* The windows of a node with fv_pool_attrs, once its shape is known. */
fv_pool fv_pool_of(const fv_node *node);

/* Batch, channels and sizes of a node; each window is one element. */
fv_pool fv_pool_sizes(const fv_node *node);

/* True when a window runs over the end of the padding (ceil). */
int fv_pool_overruns(const fv_pool *pool);

/* True when windows share elements: oneDNN then adds their gradients in an order that depends on the number
 * of threads. */
int fv_pool_overlaps(const fv_pool *pool);

/* oneDNN's pooling; the backward one needs the forward one in the same plan. */
fv_status fv_emit_pool_forward(fv_emit *emit, const fv_pool *pool, dnnl_alg_kind_t algorithm, fv_error *err);
fv_status fv_emit_pool_backward(fv_emit *emit, const fv_pool *pool, dnnl_alg_kind_t algorithm, fv_error *err);

/* Own kernels for any windows. */
fv_status fv_emit_max_forward(fv_emit *emit, const fv_pool *pool, fv_error *err);
fv_status fv_emit_max_backward(fv_emit *emit, const fv_pool *pool, fv_error *err);
fv_status fv_emit_mean_forward(fv_emit *emit, const fv_pool *pool, fv_error *err);
fv_status fv_emit_mean_backward(fv_emit *emit, const fv_pool *pool, fv_error *err);

#endif
