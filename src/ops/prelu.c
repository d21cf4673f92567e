/* prelu: x for x > 0, slope x otherwise, with one slope or one per channel (axis 2). At 0
 * the derivative is the slope, as in PyTorch.
 *
 * Own rows: oneDNN is a reference implementation for one shared slope, and its gradient of the slopes depends
 * on the number of threads. */
#include "ops/walk.h"

FV_WALK_ROW(value, x > 0 ? x : x * y)
FV_WALK_ROW(slope_src, G[i] * (x > 0 ? 1.0f : y))
FV_WALK_ROW(slope_weights, G[i] * (x > 0 ? 0.0f : x))

static fv_status shape(fv_node *node, fv_error *err)
{
    const fv_shape *src = &node->src[0]->shape, *slope = &node->src[1]->shape;
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (src->rank < 2 || slope->rank != 1 || (slope->dim[0] != 1 && slope->dim[0] != src->dim[1]))
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s, slope is %s: it needs 1 entry or one per channel",
                       fv_shape_text(src, ts), fv_shape_text(slope, tw));
    node->shape = *src;
    return FV_OK;
}

/* A value of C 1 ... 1, which stretches over src as slopes do. */
static fv_status channel_view(const fv_node *node, fv_emit *emit, fv_value **out, fv_error *err)
{
    fv_shape view = {node->shape.rank - 1, {node->src[1]->shape.dim[0], 1, 1, 1, 1}};
    return fv_emit_value(emit, &view, out, err);
}

static fv_status open_sources(const fv_node *node, fv_emit *emit, fv_value *in[FV_WALK_SOURCES],
                              fv_error *err)
{
    in[0] = fv_src(emit, 0);
    in[2] = fv_diff_dst(emit); /* NULL in the forward pass */
    FV_TRY(channel_view(node, emit, &in[1], err));
    return fv_emit_alias(emit, in[1], fv_src(emit, 1), err);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_value *in[FV_WALK_SOURCES];
    FV_TRY(open_sources(node, emit, in, err));
    return fv_emit_walk(emit, "prelu:own", value, fv_dst(emit), 2, in, fv_dst(emit), err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_value *in[FV_WALK_SOURCES];
    FV_TRY(open_sources(node, emit, in, err));
    return fv_emit_walk(emit, "prelu_backward:own", slope_src, in[2], 3, in, fv_diff_src(emit, 0), err);
}

static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_value *in[FV_WALK_SOURCES], *diff;
    FV_TRY(open_sources(node, emit, in, err));
    FV_TRY(channel_view(node, emit, &diff, err));
    FV_TRY(fv_emit_walk(emit, "prelu_backward:own", slope_weights, in[2], 3, in, diff, err));
    return fv_emit_alias(emit, fv_diff_src(emit, 1), diff, err);
}

const fv_op fv_op_prelu = {.name = "prelu",
                           .doc = "x for x > 0, slope x otherwise",
                           .src_min = 2,
                           .src_max = 2,
                           .parameters_from = 1,
                           .layout = FV_OP_ANY,
                           .shape = shape,
                           .forward = forward,
                           .backward_data = backward_data,
                           .backward_weights = backward_weights};
