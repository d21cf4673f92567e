#include "ops/expression_run.h"

#include "ops/expression_math.h"
#include "tensor/broadcast.h"

#include <string.h>

enum {
    BLOCK = 512, /* elements that pass through the cache together */
    LINE = 16    /* elements of a line of the cache */
};

/* Some whole rows, or a piece of one. */
typedef struct span_of_rows {
    int64_t first, count, from, n;
} span_of_rows;

static int64_t span_size(const fv_expression_call *call)
{
    return call->row < BLOCK ? BLOCK / call->row : 1;
}

static int64_t span_count(const fv_expression_call *call)
{
    int64_t group = span_size(call), pieces = (call->row + BLOCK - 1) / BLOCK;
    return (call->rows + group - 1) / group * pieces;
}

static span_of_rows span_at(const fv_expression_call *call, int64_t task)
{
    int64_t group = span_size(call), pieces = (call->row + BLOCK - 1) / BLOCK;
    span_of_rows s = {task / pieces * group, group, task % pieces * BLOCK, BLOCK};
    if (s.count > call->rows - s.first) s.count = call->rows - s.first;
    if (s.n > call->row - s.from) s.n = call->row - s.from;
    return s;
}

static int is_whole(const fv_expression_call *call, int step)
{
    return call->stride[step] == call->row;
}

/* Rows of a slice; those of the next span are fetched ahead, since memory does not follow such leaps. */
static void take_rows(float *to, const float *from, int64_t stride, const span_of_rows *s)
{
    for (int64_t r = 0; r < s->count; r++, from += stride) {
        for (int64_t i = 0; i < s->n; i += LINE) __builtin_prefetch(from + s->count * stride + i);
        memcpy(to + r * s->n, from, (size_t)s->n * sizeof *to);
    }
}

/* The values of all steps for a span: y[k] is a slot, or the memory of a source. */
static void compute(const fv_expression_call *call, float *const *data, const span_of_rows *s,
                    float (*slots)[BLOCK], float *last, const float *y[])
{
    const fv_expression *e = &call->what;
    int64_t n = s->count * s->n;
    for (int k = 0; k < e->count; k++) {
        const fv_expression_step *step = &e->step[k];
        float *slot = k == e->count - 1 && last ? last : slots[k];
        y[k] = slot;
        if (step->function == FV_FN_CONSTANT) {
            for (int64_t i = 0; i < n; i++) slot[i] = step->alpha;
        } else if (step->function == FV_FN_SOURCE) {
            const float *from = data[step->a] + s->first * call->stride[k] + call->offset[k] + s->from;
            if (is_whole(call, k))
                y[k] = from;
            else
                take_rows(slot, from, call->stride[k], s);
        } else {
            fv_expression_span(step->function)(slot, y[step->a], y[step->b], step->alpha, step->beta, n);
        }
    }
}

void fv_expression_forward(const void *context, float *const *data)
{
    const fv_expression_call *call = context;
    int64_t tasks = span_count(call);
#pragma omp parallel for schedule(static) if (call->rows * call->row >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) {
        float slots[FV_EXPRESSION_STEPS][BLOCK];
        const float *y[FV_EXPRESSION_STEPS];
        span_of_rows s = span_at(call, task);
        compute(call, data, &s, slots, data[call->sources] + s.first * call->row + s.from, y);
    }
}

/* Where the gradient that step k reads goes. */
static float *place(const fv_expression_call *call, float *const *data, const span_of_rows *s, int k)
{
    return data[call->to[call->what.step[k].a]] + s->first * call->stride[k] + call->offset[k] + s->from;
}

/* Stores wait for memory: it is asked for while the block is computed. */
static void fetch(const fv_expression_call *call, float *const *data, const span_of_rows *s, int k)
{
    const float *to = place(call, data, s, k);
    for (int64_t r = 0; r < s->count; r++, to += call->stride[k])
        for (int64_t i = 0; i < s->n; i += LINE) __builtin_prefetch(to + i, 1);
}

static void store(const fv_expression_call *call, float *const *data, const span_of_rows *s, int k,
                  const float *g)
{
    float *to = place(call, data, s, k);
    for (int64_t r = 0; r < s->count; r++)
        memcpy(to + r * call->stride[k], g + r * s->n, (size_t)s->n * sizeof *to);
}

static void slopes(const fv_expression_call *call, float *const *data, const span_of_rows *s)
{
    float slots[FV_EXPRESSION_STEPS][BLOCK], sums[FV_EXPRESSION_STEPS][BLOCK];
    const float *y[FV_EXPRESSION_STEPS];
    const fv_expression *e = &call->what;
    int64_t n = s->count * s->n;
    for (int k = 0; k < e->count; k++)
        if (call->is_active[k] && e->step[k].function == FV_FN_SOURCE) fetch(call, data, s, k);
    compute(call, data, s, slots, NULL, y);
    for (int k = 0; k + 1 < e->count; k++)
        if (call->is_active[k]) memset(sums[k], 0, (size_t)n * sizeof(float));
    const float *diff = data[call->sources] + s->first * call->row + s->from;
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

static void clear_gaps(const fv_expression_call *call, float *const *data, int source)
{
#pragma omp parallel for schedule(static) if (call->rows * call->row >= FV_PARALLEL_MIN)
    for (int64_t r = 0; r < call->rows; r++)
        for (int i = 0; i < call->gap_count[source]; i++)
            memset(data[call->to[source]] + r * call->to_stride[source] + call->gap[source][i].at, 0,
                   (size_t)call->gap[source][i].size * sizeof(float));
}

void fv_expression_backward(const void *context, float *const *data)
{
    const fv_expression_call *call = context;
    int64_t tasks = span_count(call);
    for (int i = 0; i < call->sources; i++)
        if (call->to[i] >= 0 && call->gap_count[i]) clear_gaps(call, data, i);
#pragma omp parallel for schedule(static) if (call->rows * call->row >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) {
        span_of_rows s = span_at(call, task);
        slopes(call, data, &s);
    }
}
