/* adaptive_avg_pool: mean over windows that cut each axis into `size` nearly equal pieces: window o runs from
 * floor(o n / size) to ceil((o + 1) n / size), as in PyTorch. global_avg_pool: one window.
 *
 * oneDNN pools where all pieces are equal; unequal ones have an own kernel. One window is a long sum in float
 * there, so it is an own one in double, spread over the threads. */
#include "ops/pool.h"
#include "ops/walk.h"

typedef struct adaptive_attrs {
    fv_ints size;
} adaptive_attrs;

static const fv_attr rows[] = {
    {"size", FV_ATTR_SPATIAL, offsetof(adaptive_attrs, size), FV_ATTR_REQUIRED, "size of dst", NULL}, {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    const adaptive_attrs *attrs = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char text[FV_SHAPE_TEXT];
    if (src->rank < 3 || src->rank > 5)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: it needs 3 to 5 dimensions",
                       fv_shape_text(src, text));
    node->shape = *src;
    if (node->op->attrs) FV_TRY(fv_check_spatial(&attrs->size, "size", src->rank - 2, 1, err));
    for (int i = 0; i < src->rank - 2; i++) {
        node->shape.dim[i + 2] = node->op->attrs ? fv_spatial(&attrs->size, i, 1) : 1;
        if (src->dim[i + 2] < 1)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s: it has no elements", fv_shape_text(src, text));
    }
    return FV_OK;
}

/* The windows; *is_even when all are of one size, *is_global when there is but one. */
static fv_pool pool_of(const fv_node *node, int *is_even, int *is_global)
{
    fv_pool pool = fv_pool_sizes(node);
    *is_even = *is_global = 1;
    for (int i = 0; i < 3; i++) {
        fv_pool_axis *a = &pool.axis[i];
        a->kernel = a->stride = a->size / a->out;
        a->adaptive = 1;
        *is_even &= a->size % a->out == 0;
        *is_global &= a->out == 1;
    }
    return pool;
}

FV_WALK_ROW(copy, x)

/* to = scale from; both are as small as dst. */
static fv_status emit_scaled(fv_emit *emit, float scale, fv_value *from, fv_value *to, fv_error *err)
{
    fv_prim *prim;
    const fv_md *md;
    FV_TRY(fv_value_md(to, &md, err));
    FV_TRY(fv_prim_eltwise_forward(&prim, dnnl_eltwise_linear, scale, 0, md, err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {{DNNL_ARG_SRC, from, 0, md}, {DNNL_ARG_DST, to, 1, md}};
    return fv_emit_primitive(emit, prim, 2, args, err);
}

static float share(const fv_pool *pool)
{
    return (float)(1.0 /
                   ((double)pool->axis[0].size * (double)pool->axis[1].size * (double)pool->axis[2].size));
}

static fv_status global_forward(const fv_node *node, fv_emit *emit, const fv_pool *pool, fv_error *err)
{
    fv_value *sum, *in[FV_WALK_SOURCES] = {fv_src(emit, 0), fv_src(emit, 0)};
    FV_TRY(fv_emit_value(emit, &node->shape, &sum, err));
    FV_TRY(fv_emit_walk(emit, "sum:own", copy, in[0], 2, in, sum, err));
    return emit_scaled(emit, share(pool), sum, fv_dst(emit), err);
}

static fv_status global_backward(const fv_node *node, fv_emit *emit, const fv_pool *pool, fv_error *err)
{
    fv_value *part, *to = fv_diff_src(emit, 0);
    FV_TRY(fv_emit_value(emit, &node->shape, &part, err));
    FV_TRY(emit_scaled(emit, share(pool), fv_diff_dst(emit), part, err));
    if (fv_emit_takes_affine(emit, 0)) {
        fv_emit_affine_gradient(emit, 0, &(fv_affine){NULL, NULL, part});
        return FV_OK;
    }
    fv_value *in[FV_WALK_SOURCES] = {part, part};
    return fv_emit_walk(emit, "spread:own", copy, to, 2, in, to, err);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    int is_even, is_global;
    fv_pool pool = pool_of(node, &is_even, &is_global);
    if (is_global) return global_forward(node, emit, &pool, err);
    if (is_even) return fv_emit_pool_forward(emit, &pool, dnnl_pooling_avg_exclude_padding, err);
    return fv_emit_mean_forward(emit, &pool, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    int is_even, is_global;
    fv_pool pool = pool_of(node, &is_even, &is_global);
    if (is_global) return global_backward(node, emit, &pool, err);
    if (is_even) return fv_emit_pool_backward(emit, &pool, dnnl_pooling_avg_exclude_padding, err);
    return fv_emit_mean_backward(emit, &pool, err);
}

const fv_op fv_op_adaptive_avg_pool = {.name = "adaptive_avg_pool",
                                       .doc = "mean of each of size pieces",
                                       .src_min = 1,
                                       .src_max = 1,
                                       .parameters_from = 1,
                                       .attrs_size = sizeof(adaptive_attrs),
                                       .attrs = rows,
                                       .layout = FV_OP_CHANNELS_LAST,
                                       .shape = shape,
                                       .forward = forward,
                                       .backward_data = backward_data};

const fv_op fv_op_global_avg_pool = {.name = "global_avg_pool",
                                     .doc = "mean over the spatial axes",
                                     .src_min = 1,
                                     .src_max = 1,
                                     .parameters_from = 1,
                                     .layout = FV_OP_ANY,
                                     .shape = shape,
                                     .forward = forward,
                                     .backward_data = backward_data};
