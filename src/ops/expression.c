/* expression: several element-wise functions in one pass over memory, a block at a time through the cache.
 * The backward pass computes the block again from the sources, so only these are kept. A source may be read
 * from some channel on (a slice that is not built). */
#include "graph/emit.h"
#include "ops/expression_run.h"

#include <limits.h>

static fv_status shape(fv_node *node, fv_error *err)
{
    const fv_expression *e = node->attrs;
    if (!e->count) return fv_fail(err, FV_STATUS_ARGUMENT, "only plans make expressions, of other nodes");
    node->shape = e->shape;
    return FV_OK;
}

/* Elements of a channel that lie side by side. */
static int64_t unit_of(const fv_value *dst)
{
    const fv_shape *shape = fv_value_shape(dst);
    int64_t unit = 1;
    for (int i = 2; i < shape->rank && !fv_value_is_channels_last(dst); i++) unit *= shape->dim[i];
    return unit;
}

static void open_call(const fv_node *node, fv_emit *emit, fv_expression_call *call)
{
    const fv_value *dst = fv_dst(emit);
    const fv_expression *e = node->attrs;
    int64_t unit = unit_of(dst), count = 1;
    *call = (fv_expression_call){.what = *e, .row = unit, .sources = node->src_count};
    for (int i = 0; i < e->shape.rank; i++) count *= e->shape.dim[i];
    if (e->shape.rank > 1) call->row *= e->shape.dim[1];
    call->rows = call->row ? count / call->row : 0;
    for (int k = 0; k < e->count; k++) {
        const fv_expression_step *step = &e->step[k];
        if (step->function != FV_FN_SOURCE) continue;
        const fv_shape *from = &node->src[step->a]->shape;
        call->stride[k] = from->rank > 1 ? from->dim[1] * unit : call->row;
        call->offset[k] = step->first * unit;
    }
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_expression_call call;
    open_call(node, emit, &call);
    if (!call.rows) return FV_OK;
    fv_emit_kernel k = {"expression:own", fv_expression_forward, &call, sizeof call, node->src_count, 1,
                        {fv_dst(emit)}};
    for (int i = 0; i < node->src_count; i++) k.value[i] = fv_src(emit, i);
    k.value[node->src_count] = fv_dst(emit);
    FV_TRY(fv_emit_call(emit, &k, err));
    for (int i = 0; i < node->src_count; i++)
        if (fv_shape_equal(&node->src[i]->shape, &node->shape))
            fv_emit_in_place(emit, fv_dst(emit), fv_src(emit, i));
    return FV_OK;
}

/* The parts of a source's rows that no step reads, in order. */
static void find_gaps(const fv_node *node, fv_expression_call *call, int source)
{
    int64_t at = 0, size = node->src[source]->shape.rank > 1 ? 0 : call->row, next;
    for (int k = 0; k < call->what.count && !size; k++)
        if (call->what.step[k].function == FV_FN_SOURCE && call->what.step[k].a == source)
            size = call->stride[k];
    call->to_stride[source] = size;
    for (; at < size; at = next + call->row) {
        next = size;
        for (int k = 0; k < call->what.count; k++)
            if (call->what.step[k].function == FV_FN_SOURCE && call->what.step[k].a == source &&
                call->offset[k] >= at && call->offset[k] < next)
                next = call->offset[k];
        if (next == at) continue;
        call->gap[source][call->gap_count[source]++] = (fv_expression_gap){at, next - at};
    }
}

/* Where they begin and end that are read. */
static fv_parts parts_of(const fv_expression_call *call, int source)
{
    fv_parts parts = {0};
    for (int k = 0; k < call->what.count; k++) {
        int known = call->what.step[k].function != FV_FN_SOURCE || call->what.step[k].a != source;
        for (int i = 0; i < parts.count && !known; i++) known = parts.first[i] == call->offset[k];
        if (known) continue;
        if (call->stride[k] == call->row || parts.count == FV_PARTS) return (fv_parts){0};
        parts.first[parts.count] = call->offset[k];
        parts.size[parts.count++] = call->row;
    }
    return parts;
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_expression_call call;
    open_call(node, emit, &call);
    if (!call.rows) return FV_OK;
    fv_emit_kernel k = {"expression_backward:own",
                        fv_expression_backward,
                        &call,
                        sizeof call,
                        node->src_count + 1,
                        0,
                        {NULL}};
    for (int i = 0; i < node->src_count; i++) k.value[i] = fv_src(emit, i);
    k.value[node->src_count] = fv_diff_dst(emit);
    for (int i = 0; i < node->src_count; i++) {
        call.to[i] = -1;
        if (!fv_diff_src(emit, i)) continue;
        fv_parts parts = parts_of(&call, i);
        call.to[i] = k.read_count + k.write_count++;
        if (!fv_emit_share_gradient(emit, i, &parts)) find_gaps(node, &call, i);
        k.value[call.to[i]] = fv_diff_src(emit, i);
    }
    for (int i = 0; i < call.what.count; i++) {
        const fv_expression_step *step = &call.what.step[i];
        if (step->function == FV_FN_SOURCE)
            call.is_active[i] = call.to[step->a] >= 0;
        else if (step->function != FV_FN_CONSTANT)
            call.is_active[i] = call.is_active[step->a] || call.is_active[step->b];
    }
    FV_TRY(fv_emit_call(emit, &k, err));
    for (int i = 0; i < node->src_count; i++)
        if (fv_diff_src(emit, i) && fv_shape_equal(&node->src[i]->shape, &node->shape))
            fv_emit_in_place(emit, fv_diff_src(emit, i), fv_diff_dst(emit));
    return FV_OK;
}

const fv_op fv_op_expression = {.name = "expression",
                                .doc = "several element-wise functions in one pass",
                                .src_min = 1,
                                .src_max = FV_EXPRESSION_SOURCES,
                                .parameters_from = INT_MAX,
                                .attrs_size = sizeof(fv_expression),
                                .layout = FV_OP_ANY,
                                .shape = shape,
                                .forward = forward,
                                .backward_data = backward_data};
