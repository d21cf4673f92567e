/* Own kernels of the maximum over channels-last memory; the inner loops run along the channels. The number of
 * the tap that each window took is kept, -1 for none. The backward kernel gathers: each task owns positions
 * of the source, so nothing depends on the number of threads. */
#include "base/simd.h"
#include "ops/pool_windows.h"
#include "tensor/broadcast.h"

#include <math.h>
#include <string.h>

/* NaN wins. */
FV_CLONES static void take_larger(float *restrict best, int32_t *restrict taken, const float *restrict x,
                                  int32_t tap, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        int better = (x[i] > best[i]) | (x[i] != x[i]);
        best[i] = better ? x[i] : best[i];
        taken[i] = better ? tap : taken[i];
    }
}

FV_CLONES static void add_taken(float *restrict sum, const float *restrict diff,
                                const int32_t *restrict taken, int32_t tap, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) sum[i] += taken[i] == tap ? diff[i] : 0.0f;
}

/* Taps of window o that lie inside the source. */
static fv_range taps_inside(const fv_pool_axis *a, int64_t o)
{
    int64_t start = o * a->stride - a->pad, room = a->size - start;
    int64_t first = start < 0 ? (-start + a->dilation - 1) / a->dilation : 0;
    int64_t end = room <= 0 ? 0 : (room + a->dilation - 1) / a->dilation;
    return (fv_range){first, end < a->kernel ? end : a->kernel};
}

static void max_at(const fv_pool *p, const float *src, float *best, int32_t *taken, int64_t item)
{
    const fv_pool_axis *a = p->axis;
    int64_t at[3], start[3], image = fv_pool_split(p, item, 1, at);
    fv_range r[3];
    for (int k = 0; k < 3; k++) {
        r[k] = taps_inside(&a[k], at[k]);
        start[k] = at[k] * a[k].stride - a[k].pad;
    }
    for (int64_t i = 0; i < p->channels; i++) {
        best[i] = -INFINITY;
        taken[i] = -1;
    }
    for (int64_t d = r[0].first; d < r[0].end; d++)
        for (int64_t h = r[1].first; h < r[1].end; h++)
            for (int64_t w = r[2].first; w < r[2].end; w++) {
                int64_t from = fv_pool_offset(p, 0, image, start[0] + d * a[0].dilation,
                                              start[1] + h * a[1].dilation, start[2] + w * a[2].dilation);
                take_larger(best, taken, src + from, (int32_t)((d * a[1].kernel + h) * a[2].kernel + w),
                            p->channels);
            }
}

/* Writes dst and the taps taken. */
static void max_kernel(const void *context, float *const *data)
{
    const fv_pool *p = context;
    int64_t items = fv_pool_count(p, 1), n = p->channels;
    int32_t *taken = (int32_t *)(void *)data[2];
#pragma omp parallel for schedule(static) if (items * n >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++)
        max_at(p, data[0], data[1] + item * n, taken + item * n, item);
}

/* The tap of window o on position i; -1 between two taps. */
static int64_t tap_on(const fv_pool_axis *a, int64_t o, int64_t i)
{
    int64_t distance = i + a->pad - o * a->stride;
    return distance % a->dilation ? -1 : distance / a->dilation;
}

static void max_slope_at(const fv_pool *p, const float *diff, const int32_t *taken, float *to, int64_t item)
{
    const fv_pool_axis *a = p->axis;
    int64_t at[3], image = fv_pool_split(p, item, 0, at), tap[3];
    fv_range r[3];
    for (int k = 0; k < 3; k++) r[k] = fv_pool_windows_at(&a[k], at[k]);
    memset(to, 0, (size_t)p->channels * sizeof *to);
    for (int64_t d = r[0].first; d < r[0].end; d++) {
        if ((tap[0] = tap_on(&a[0], d, at[0])) < 0) continue;
        for (int64_t h = r[1].first; h < r[1].end; h++) {
            if ((tap[1] = tap_on(&a[1], h, at[1])) < 0) continue;
            for (int64_t w = r[2].first; w < r[2].end; w++) {
                if ((tap[2] = tap_on(&a[2], w, at[2])) < 0) continue;
                int64_t from = fv_pool_offset(p, 1, image, d, h, w);
                int64_t number = (tap[0] * a[1].kernel + tap[1]) * a[2].kernel + tap[2];
                add_taken(to, diff + from, taken + from, (int32_t)number, p->channels);
            }
        }
    }
}

static void max_slope_kernel(const void *context, float *const *data)
{
    const fv_pool *p = context;
    const int32_t *taken = (const int32_t *)(const void *)data[1];
    int64_t items = fv_pool_count(p, 0), n = p->channels;
#pragma omp parallel for schedule(static) if (items * n >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++) max_slope_at(p, data[0], taken, data[2] + item * n, item);
}

typedef struct max_state {
    fv_value *taken;
} max_state;

fv_status fv_emit_max_forward(fv_emit *emit, const fv_pool *pool, fv_error *err)
{
    max_state *state;
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fv_emit_value(emit, fv_value_shape(fv_dst(emit)), &state->taken, err));
    fv_emit_kernel kernel = {
        "max_pool:own", max_kernel, pool, sizeof *pool, 1, 2, {fv_src(emit, 0), fv_dst(emit), state->taken}};
    return fv_emit_call(emit, &kernel, err);
}

fv_status fv_emit_max_backward(fv_emit *emit, const fv_pool *pool, fv_error *err)
{
    max_state *state;
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    fv_emit_kernel kernel = {"max_pool_backward:own",
                             max_slope_kernel,
                             pool,
                             sizeof *pool,
                             2,
                             1,
                             {fv_diff_dst(emit), state->taken, fv_diff_src(emit, 0)}};
    return fv_emit_call(emit, &kernel, err);
}
