/* max_pool: dst[n,c,y] = max over k of src[n,c, y stride + k dilation - pad], in 1 to 3 spatial dimensions;
 * padding never wins. Of equal maxima the first in row-major order gets the gradient, as in PyTorch; so does
 * oneDNN.
 *
 * oneDNN: training mode keeps the positions of the maxima in a workspace. Dilated windows run on its
 * reference implementation, and gradients of windows that overlap depend on the number of threads: own
 * kernels do both. */
#include "ops/pool.h"

static const fv_attr rows[] = {
    FV_POOL_ROWS,
    {"dilation", FV_ATTR_SPATIAL, offsetof(fv_pool_attrs, dilation), 1, "distance of window taps", NULL},
    {0}};

static int needs_own(const fv_pool *pool, const fv_emit *emit)
{
    if (fv_emit_has_backward(emit) && fv_pool_overlaps(pool)) return 1;
    for (int i = 0; i < 3; i++)
        if (pool->axis[i].dilation > 1 && pool->axis[i].kernel > 1) return 1;
    return 0;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_pool pool = fv_pool_of(node);
    if (needs_own(&pool, emit)) return fv_emit_max_forward(emit, &pool, err);
    return fv_emit_pool_forward(emit, &pool, dnnl_pooling_max, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_pool pool = fv_pool_of(node);
    if (needs_own(&pool, emit)) return fv_emit_max_backward(emit, &pool, err);
    return fv_emit_pool_backward(emit, &pool, dnnl_pooling_max, err);
}

const fv_op fv_op_max_pool = {.name = "max_pool",
                              .doc = "largest element of each window",
                              .src_min = 1,
                              .src_max = 1,
                              .parameters_from = 1,
                              .attrs_size = sizeof(fv_pool_attrs),
                              .attrs = rows,
                              .layout = FV_OP_CHANNELS_LAST,
                              .shape = fv_pool_shape,
                              .forward = forward,
                              .backward_data = backward_data};
