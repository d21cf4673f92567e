/* avg_pool: mean over windows as in max_pool (without dilation). By default over the elements of the source
 * only; with include_pad the padding counts as zeros, but not what a last window under `ceil` reaches beyond
 * it, as in PyTorch and ONNX.
 *
 * oneDNN counts that too, so such windows have an own kernel; and so has the gradient of windows that
 * overlap, which would depend on the number of threads. */
#include "ops/pool.h"

static const fv_attr rows[] = {
    FV_POOL_ROWS,
    {"include_pad", FV_ATTR_BOOL, offsetof(fv_pool_attrs, include_pad), 0, "count padding as zeros", NULL},
    {0}};

static dnnl_alg_kind_t algorithm_of(const fv_pool *pool)
{
    return pool->include_pad ? dnnl_pooling_avg_include_padding : dnnl_pooling_avg_exclude_padding;
}

static int needs_own(const fv_pool *pool)
{
    return pool->include_pad && fv_pool_overruns(pool);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_pool pool = fv_pool_of(node);
    if (needs_own(&pool)) return fv_emit_mean_forward(emit, &pool, err);
    return fv_emit_pool_forward(emit, &pool, algorithm_of(&pool), err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_pool pool = fv_pool_of(node);
    if (needs_own(&pool) || fv_pool_overlaps(&pool)) return fv_emit_mean_backward(emit, &pool, err);
    return fv_emit_pool_backward(emit, &pool, algorithm_of(&pool), err);
}

const fv_op fv_op_avg_pool = {.name = "avg_pool",
                              .doc = "mean of each window",
                              .src_min = 1,
                              .src_max = 1,
                              .parameters_from = 1,
                              .attrs_size = sizeof(fv_pool_attrs),
                              .attrs = rows,
                              .layout = FV_OP_CHANNELS_LAST,
                              .shape = fv_pool_shape,
                              .forward = forward,
                              .backward_data = backward_data};
