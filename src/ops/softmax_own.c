/* Neighbouring positions are treated together, so that the loops over them become vector code whatever the
 * axis. The sum of one position is never split. */
#include "ops/softmax_own.h"
#include "base/simd.h"
#include "tensor/broadcast.h"

#include <math.h>

enum {
    BLOCK = 64,   /* positions at once */
    LONG_ROW = 16 /* elements that are worth a loop of their own */
};

/* n positions `step` apart, whose elements along the axis are `stride` apart. */

static inline __attribute__((always_inline)) void value_of(const float *restrict x, float *restrict y,
                                                           int64_t length, int64_t stride, int64_t step,
                                                           int64_t n, int logarithm)
{
    float most[BLOCK], scale[BLOCK];
    double sum[BLOCK];
    for (int64_t i = 0; i < n; i++) {
        most[i] = -INFINITY;
        sum[i] = 0;
    }
    for (int64_t c = 0; c < length; c++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float v = x[c * stride + i * step];
            most[i] = fv_select(v > most[i], v, most[i]);
        }
    for (int64_t c = 0; c < length; c++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            float e = fv_expf(x[c * stride + i * step] - most[i]);
            y[c * stride + i * step] = e;
            sum[i] += (double)e;
        }
    for (int64_t i = 0; i < n; i++) scale[i] = logarithm ? fv_logf((float)sum[i]) : (float)(1 / sum[i]);
    for (int64_t c = 0; c < length; c++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            int64_t at = c * stride + i * step;
            y[at] = logarithm ? x[at] - most[i] - scale[i] : y[at] * scale[i];
        }
}

static inline __attribute__((always_inline)) void slope_of(const float *restrict y, const float *restrict g,
                                                           float *restrict to, int64_t length, int64_t stride,
                                                           int64_t step, int64_t n, int logarithm)
{
    double sum[BLOCK];
    for (int64_t i = 0; i < n; i++) sum[i] = 0;
    for (int64_t c = 0; c < length; c++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            int64_t at = c * stride + i * step;
            sum[i] += (double)(logarithm ? g[at] : g[at] * y[at]);
        }
    for (int64_t c = 0; c < length; c++)
#pragma omp simd
        for (int64_t i = 0; i < n; i++) {
            int64_t at = c * stride + i * step;
            float s = (float)sum[i];
            to[at] = logarithm ? g[at] - fv_expf(y[at]) * s : y[at] * (g[at] - s);
        }
}

/* Of y, which has n positions; g NULL: the value. The cases make steps and kind constants of the loops. */
FV_CLONES static void run_dense(const fv_softmax_work *w, const float *a, const float *g, float *to,
                                int64_t n)
{
    if (g && w->logarithm)
        slope_of(a, g, to, w->length, w->inner, 1, n, 1);
    else if (g)
        slope_of(a, g, to, w->length, w->inner, 1, n, 0);
    else
        value_of(a, to, w->length, w->inner, 1, n, w->logarithm);
}

FV_CLONES static void run_sparse(const fv_softmax_work *w, const float *a, const float *g, float *to,
                                 int64_t n)
{
    if (g && w->logarithm)
        slope_of(a, g, to, w->length, 1, w->length, n, 1);
    else if (g)
        slope_of(a, g, to, w->length, 1, w->length, n, 0);
    else
        value_of(a, to, w->length, 1, w->length, n, w->logarithm);
}

/* log_softmax of one long dense row, or its gradient. */
FV_CLONES static void run_row(const float *restrict a, const float *restrict g, float *restrict to, int64_t n)
{
    float most = -INFINITY;
    double sum = 0;
    if (g) {
#pragma omp simd reduction(+ : sum)
        for (int64_t i = 0; i < n; i++) sum += (double)g[i];
        float s = (float)sum;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to[i] = g[i] - fv_expf(a[i]) * s;
        return;
    }
#pragma omp simd reduction(max : most)
    for (int64_t i = 0; i < n; i++) most = a[i] > most ? a[i] : most;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += (double)fv_expf(a[i] - most);
    float scale = fv_logf((float)sum);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] = a[i] - most - scale;
}

static void run_block(const fv_softmax_work *w, const float *a, const float *g, float *to, int64_t n)
{
    if (w->inner > 1)
        run_dense(w, a, g, to, n);
    else if (w->length < LONG_ROW || !w->logarithm)
        run_sparse(w, a, g, to, n);
    else
        for (int64_t i = 0; i < n; i++)
            run_row(a + i * w->length, g ? g + i * w->length : NULL, to + i * w->length, w->length);
}

static void run(const fv_softmax_work *w, const float *a, const float *g, float *to)
{
    int dense = w->inner > 1;
    int64_t positions = dense ? w->inner : w->outer, blocks = (positions + BLOCK - 1) / BLOCK;
    int64_t items = dense ? w->outer * blocks : blocks;
#pragma omp parallel for schedule(static) if (w->outer * w->length * w->inner >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++) {
        int64_t first = item % blocks * BLOCK, n = positions - first < BLOCK ? positions - first : BLOCK;
        int64_t at = dense ? item / blocks * w->length * w->inner + first : first * w->length;
        run_block(w, a + at, g ? g + at : NULL, to + at, n);
    }
}

static void forward_kernel(const void *context, float *const *data)
{
    run(context, data[0], NULL, data[1]);
}

static void backward_kernel(const void *context, float *const *data)
{
    run(context, data[0], data[1], data[2]);
}

fv_status fv_emit_softmax_forward(fv_emit *emit, const fv_softmax_work *work, fv_error *err)
{
    fv_emit_kernel kernel = {
        "softmax:own", forward_kernel, work, sizeof *work, 1, 1, {fv_src(emit, 0), fv_dst(emit)}};
    return fv_emit_call(emit, &kernel, err);
}

fv_status fv_emit_softmax_backward(fv_emit *emit, const fv_softmax_work *work, fv_error *err)
{
    fv_emit_kernel kernel = {"softmax_backward:own",
                             backward_kernel,
                             work,
                             sizeof *work,
                             2,
                             1,
                             {fv_dst(emit), fv_diff_dst(emit), fv_diff_src(emit, 0)}};
    return fv_emit_call(emit, &kernel, err);
}
