/* expression: several element-wise functions in one pass over memory, a block at a time through the cache.
 * The backward pass computes the block again from the sources, so only these are kept. A source may be read
 * from some channel on (a slice that is not built). */
#include "graph/emit.h"
#include "ops/expression_math.h"
#include "tensor/broadcast.h"

#include <limits.h>
#include <string.h>

enum {
    BLOCK = 512, /* elements that pass through the cache together */
    GAPS = FV_EXPRESSION_STEPS + 1
};

/* Rows of dst are contiguous: the channels of a position, or all positions of an image. */
typedef struct expression_call {
    fv_expression what;
    int64_t rows, row;
    int64_t stride[FV_EXPRESSION_STEPS], offset[FV_EXPRESSION_STEPS]; /* of a row of what a step reads */
    int sources;
    /* backward: where the gradients of the sources are among the values (-1: unwanted), and what of their
     * rows nobody writes */
    int to[FV_EXPRESSION_SOURCES];
    int is_active[FV_EXPRESSION_STEPS]; /* leads to a wanted source */
    int gap_count[FV_EXPRESSION_SOURCES];
    int64_t gap_at[FV_EXPRESSION_SOURCES][GAPS], gap_size[FV_EXPRESSION_SOURCES][GAPS],
        gap_stride[FV_EXPRESSION_SOURCES];
} expression_call;

/* Some whole rows, or a piece of one. */
typedef struct span_of_rows {
    int64_t first, count, from, n;
} span_of_rows;

static int64_t span_size(const expression_call *call)
{
    return call->row < BLOCK ? BLOCK / call->row : 1;
}

static int64_t span_count(const expression_call *call)
{
    int64_t group = span_size(call), pieces = (call->row + BLOCK - 1) / BLOCK;
    return (call->rows + group - 1) / group * pieces;
}

static span_of_rows span_at(const expression_call *call, int64_t task)
{
    int64_t group = span_size(call), pieces = (call->row + BLOCK - 1) / BLOCK;
    span_of_rows s = {task / pieces * group, group, task % pieces * BLOCK, BLOCK};
    if (s.count > call->rows - s.first) s.count = call->rows - s.first;
    if (s.n > call->row - s.from) s.n = call->row - s.from;
    return s;
}

static int is_whole(const expression_call *call, int step)
{
    return call->stride[step] == call->row;
}

/* The values of all steps for a span: y[k] is a slot, or the memory of a source. */
static void compute(const expression_call *call, float *const *data, span_of_rows s, float (*slots)[BLOCK],
                    float *last, const float *y[])
{
    const fv_expression *e = &call->what;
    int64_t n = s.count * s.n;
    for (int k = 0; k < e->count; k++) {
        const fv_expression_step *step = &e->step[k];
        float *slot = k == e->count - 1 && last ? last : slots[k];
        y[k] = slot;
        if (step->function == FV_FN_CONSTANT) {
            for (int64_t i = 0; i < n; i++) slot[i] = step->alpha;
        } else if (step->function == FV_FN_SOURCE) {
            const float *from = data[step->a] + s.first * call->stride[k] + call->offset[k] + s.from;
            if (is_whole(call, k))
                y[k] = from;
            else
                for (int64_t r = 0; r < s.count; r++)
                    memcpy(slot + r * s.n, from + r * call->stride[k], (size_t)s.n * sizeof *slot);
        } else {
            fv_expression_span(step->function)(slot, y[step->a], y[step->b], step->alpha, step->beta, n);
        }
    }
}

static void forward_kernel(const void *context, float *const *data)
{
    const expression_call *call = context;
    int64_t tasks = span_count(call);
#pragma omp parallel for schedule(static) if (call->rows * call->row >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) {
        float slots[FV_EXPRESSION_STEPS][BLOCK];
        const float *y[FV_EXPRESSION_STEPS];
        span_of_rows s = span_at(call, task);
        compute(call, data, s, slots, data[call->sources] + s.first * call->row + s.from, y);
    }
}

static void store(const expression_call *call, float *const *data, span_of_rows s, int k, const float *g)
{
    float *to = data[call->to[call->what.step[k].a]] + s.first * call->stride[k] + call->offset[k] + s.from;
    for (int64_t r = 0; r < s.count; r++)
        memcpy(to + r * call->stride[k], g + r * s.n, (size_t)s.n * sizeof *to);
}

static void slopes(const expression_call *call, float *const *data, span_of_rows s)
{
    float slots[FV_EXPRESSION_STEPS][BLOCK], sums[FV_EXPRESSION_STEPS][BLOCK];
    const float *y[FV_EXPRESSION_STEPS];
    const fv_expression *e = &call->what;
    int64_t n = s.count * s.n;
    compute(call, data, s, slots, NULL, y);
    for (int k = 0; k + 1 < e->count; k++)
        if (call->is_active[k]) memset(sums[k], 0, (size_t)n * sizeof(float));
    const float *diff = data[call->sources] + s.first * call->row + s.from;
    for (int k = e->count - 1; k >= 0; k--) {
        const fv_expression_step *step = &e->step[k];
        if (!call->is_active[k] || step->function < FV_FN_ADD) continue;
        float *ga = call->is_active[step->a] ? sums[step->a] : NULL;
        float *gb = call->is_active[step->b] ? sums[step->b] : NULL;
        fv_expression_slope(step->function)(ga, gb, k == e->count - 1 ? diff : sums[k], y[step->a],
                                            y[step->b], y[k], step, n);
    }
    for (int k = 0; k < e->count; k++)
        if (call->is_active[k] && e->step[k].function == FV_FN_SOURCE) store(call, data, s, k, sums[k]);
}

static void clear_gaps(const expression_call *call, float *const *data, int source)
{
#pragma omp parallel for schedule(static) if (call->rows * call->row >= FV_PARALLEL_MIN)
    for (int64_t r = 0; r < call->rows; r++)
        for (int i = 0; i < call->gap_count[source]; i++)
            memset(data[call->to[source]] + r * call->gap_stride[source] + call->gap_at[source][i], 0,
                   (size_t)call->gap_size[source][i] * sizeof(float));
}

static void backward_kernel(const void *context, float *const *data)
{
    const expression_call *call = context;
    int64_t tasks = span_count(call);
    for (int i = 0; i < call->sources; i++)
        if (call->to[i] >= 0 && call->gap_count[i]) clear_gaps(call, data, i);
#pragma omp parallel for schedule(static) if (call->rows * call->row >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) slopes(call, data, span_at(call, task));
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const fv_expression *e = node->attrs;
    (void)err;
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

static void open_call(const fv_node *node, fv_emit *emit, expression_call *call)
{
    const fv_value *dst = fv_dst(emit);
    const fv_expression *e = node->attrs;
    int64_t unit = unit_of(dst), count = 1;
    *call = (expression_call){.what = *e, .row = unit, .sources = node->src_count};
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
    expression_call call;
    open_call(node, emit, &call);
    if (!call.rows) return FV_OK;
    fv_emit_kernel k = {"expression:own", forward_kernel, &call, sizeof call, node->src_count, 1,
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
static void find_gaps(const fv_node *node, expression_call *call, int source)
{
    int64_t at = 0, size = node->src[source]->shape.rank > 1 ? 0 : call->row, next;
    for (int k = 0; k < call->what.count && !size; k++)
        if (call->what.step[k].function == FV_FN_SOURCE && call->what.step[k].a == source)
            size = call->stride[k];
    call->gap_stride[source] = size;
    for (; at < size; at = next + call->row) {
        next = size;
        for (int k = 0; k < call->what.count; k++)
            if (call->what.step[k].function == FV_FN_SOURCE && call->what.step[k].a == source &&
                call->offset[k] >= at && call->offset[k] < next)
                next = call->offset[k];
        if (next == at) continue;
        call->gap_at[source][call->gap_count[source]] = at;
        call->gap_size[source][call->gap_count[source]++] = next - at;
    }
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    expression_call call;
    open_call(node, emit, &call);
    if (!call.rows) return FV_OK;
    fv_emit_kernel k = {
        "expression_backward:own", backward_kernel, &call, sizeof call, node->src_count + 1, 0, {NULL}};
    for (int i = 0; i < node->src_count; i++) k.value[i] = fv_src(emit, i);
    k.value[node->src_count] = fv_diff_dst(emit);
    for (int i = 0; i < node->src_count; i++) {
        call.to[i] = -1;
        if (!fv_diff_src(emit, i)) continue;
        call.to[i] = k.read_count + k.write_count++;
        k.value[call.to[i]] = fv_diff_src(emit, i);
        find_gaps(node, &call, i);
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
