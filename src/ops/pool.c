#include "ops/pool_windows.h"

#include <string.h>

static fv_pool_axis axis_of(const fv_pool_attrs *attrs, int i, int64_t size)
{
    fv_pool_axis a = {.size = size, .kernel = fv_spatial(&attrs->kernel, i, 1)};
    a.stride = fv_spatial(&attrs->stride, i, a.kernel);
    a.dilation = fv_spatial(&attrs->dilation, i, 1);
    a.pad = fv_spatial(&attrs->pad, i, 0);
    a.pad_end = fv_spatial(&attrs->pad_end, i, a.pad);
    return a;
}

/* Rounded up, the last window must begin inside the source or the padding before it. */
static int64_t out_size(const fv_pool_axis *a, int ceil)
{
    int64_t room = a->size + a->pad + a->pad_end - fv_pool_extent(a);
    if (room < 0) return 0;
    int64_t out = (room + (ceil ? a->stride - 1 : 0)) / a->stride + 1;
    return ceil && (out - 1) * a->stride >= a->size + a->pad ? out - 1 : out;
}

static fv_status check_attrs(const fv_pool_attrs *a, int spatial, fv_error *err)
{
    FV_TRY(fv_check_spatial(&a->kernel, "kernel", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->stride, "stride", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->dilation, "dilation", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->pad, "pad", spatial, 0, err));
    return fv_check_spatial(&a->pad_end, "pad_end", spatial, 0, err);
}

fv_status fv_pool_shape(fv_node *node, fv_error *err)
{
    const fv_pool_attrs *attrs = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char text[FV_SHAPE_TEXT];
    if (src->rank < 3 || src->rank > 5)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: it needs 3 to 5 dimensions",
                       fv_shape_text(src, text));
    FV_TRY(check_attrs(attrs, src->rank - 2, err));
    node->shape = *src;
    for (int i = 0; i < src->rank - 2; i++) {
        fv_pool_axis a = axis_of(attrs, i, src->dim[i + 2]);
        if (a.pad >= fv_pool_extent(&a) || a.pad_end >= fv_pool_extent(&a))
            return fv_fail(err, FV_STATUS_ARGUMENT,
                           "padding %lld and %lld of axis %d: the window has only %lld", (long long)a.pad,
                           (long long)a.pad_end, i + 3, (long long)fv_pool_extent(&a));
        node->shape.dim[i + 2] = out_size(&a, attrs->ceil);
        if (node->shape.dim[i + 2] < 1)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s, the window has %lld: nothing is left of axis %d",
                           fv_shape_text(src, text), (long long)fv_pool_extent(&a), i + 3);
    }
    return FV_OK;
}

fv_pool fv_pool_sizes(const fv_node *node)
{
    const fv_shape *src = &node->src[0]->shape;
    fv_pool pool = {.batch = src->dim[0], .channels = src->dim[1], .spatial = src->rank - 2};
    for (int i = 0; i < 3; i++) pool.axis[i] = (fv_pool_axis){1, 1, 1, 1, 1, 0, 0, 0};
    for (int i = 0; i < pool.spatial; i++) {
        fv_pool_axis *a = &pool.axis[i + 3 - pool.spatial];
        a->size = src->dim[i + 2];
        a->out = node->shape.dim[i + 2];
    }
    return pool;
}

fv_pool fv_pool_of(const fv_node *node)
{
    const fv_pool_attrs *attrs = node->attrs;
    fv_pool pool = fv_pool_sizes(node);
    pool.include_pad = attrs->include_pad;
    for (int i = 0; i < pool.spatial; i++) {
        fv_pool_axis *a = &pool.axis[i + 3 - pool.spatial];
        *a = axis_of(attrs, i, a->size);
        a->out = node->shape.dim[i + 2];
    }
    return pool;
}

/* How far the last window reaches beyond the source. */
static int64_t overhang(const fv_pool_axis *a)
{
    return (a->out - 1) * a->stride + fv_pool_extent(a) - a->pad - a->size;
}

int fv_pool_overruns(const fv_pool *pool)
{
    for (int i = 0; i < 3; i++)
        if (overhang(&pool->axis[i]) > pool->axis[i].pad_end) return 1;
    return 0;
}

int fv_pool_overlaps(const fv_pool *pool)
{
    for (int i = 0; i < 3; i++)
        if (pool->axis[i].stride < fv_pool_extent(&pool->axis[i]) && pool->axis[i].out > 1) return 1;
    return 0;
}

static fv_pool_params params_of(const fv_pool *pool, dnnl_alg_kind_t algorithm, int training)
{
    fv_pool_params p = {.algorithm = algorithm, .training = training};
    for (int i = 0; i < pool->spatial; i++) {
        const fv_pool_axis *a = &pool->axis[i + 3 - pool->spatial];
        p.kernel[i] = a->kernel;
        p.stride[i] = a->stride;
        p.dilation[i] = a->dilation - 1;
        p.pad_begin[i] = a->pad;
        p.pad_end[i] = overhang(a) > a->pad_end ? overhang(a) : a->pad_end;
    }
    return p;
}

/* The forward primitive, a hint for the backward one, and where it keeps the positions of the maxima. */
typedef struct pool_state {
    const fv_prim *forward;
    fv_value *workspace;
} pool_state;

fv_status fv_emit_pool_forward(fv_emit *emit, const fv_pool *pool, dnnl_alg_kind_t algorithm, fv_error *err)
{
    fv_status status;
    pool_state *state;
    fv_prim *prim;
    fv_md *workspace = NULL;
    const fv_md *src, *dst;
    int training = fv_emit_has_backward(emit);
    fv_pool_params params = params_of(pool, algorithm, training);
    FV_TRY_GOTO(fv_value_md(fv_src(emit, 0), &src, err));
    FV_TRY_GOTO(fv_value_md(fv_dst(emit), &dst, err));
    FV_TRY_GOTO(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY_GOTO(fv_prim_pool_forward(&prim, &params, src, dst, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    state->forward = prim;
    int has_workspace = training && algorithm == dnnl_pooling_max;
    if (has_workspace) {
        FV_TRY_GOTO(fv_prim_md(&workspace, prim, dnnl_query_workspace_md, err));
        FV_TRY_GOTO(fv_emit_value_md(emit, workspace, &state->workspace, err));
    }
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)),
                                FV_OUT(DNNL_ARG_DST, fv_dst(emit)),
                                {DNNL_ARG_WORKSPACE, state->workspace, 1, workspace}};
    status = fv_emit_primitive(emit, prim, has_workspace ? 3 : 2, args, err);
done:
    fv_md_free(workspace);
    return status;
}

fv_status fv_emit_pool_backward(fv_emit *emit, const fv_pool *pool, dnnl_alg_kind_t algorithm, fv_error *err)
{
    pool_state *state;
    fv_prim *prim;
    const fv_md *diff_src, *diff_dst;
    fv_pool_params params = params_of(pool, algorithm, 1);
    FV_TRY(fv_value_md(fv_diff_src(emit, 0), &diff_src, err));
    FV_TRY(fv_value_md(fv_diff_dst(emit), &diff_dst, err));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fv_prim_pool_backward(&prim, &params, diff_src, diff_dst, state->forward, err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)),
                                FV_OUT(DNNL_ARG_DIFF_SRC, fv_diff_src(emit, 0)),
                                FV_IN(DNNL_ARG_WORKSPACE, state->workspace)};
    return fv_emit_primitive(emit, prim, state->workspace ? 3 : 2, args, err);
}
