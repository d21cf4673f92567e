/* Own kernels of the mean over channels-last memory: the inner loops run along the channels. The backward
 * kernels gather (each task owns positions of the source), so nothing depends on the number of threads. */
#include "base/simd.h"
#include "ops/pool_windows.h"
#include "tensor/broadcast.h"

#include <string.h>

enum { BLOCK = 256 }; /* channels of one sum */

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Positions of the source in window o; *count is what the sum is divided by. */
static fv_range window(const fv_pool_axis *a, int64_t o, int include_pad, int64_t *count)
{
    fv_range r = {o * a->size / a->out, ((o + 1) * a->size + a->out - 1) / a->out};
    if (!a->adaptive) {
        int64_t start = o * a->stride - a->pad, stop = at_most(start + a->kernel, a->size + a->pad_end);
        *count = stop - start;
        r = (fv_range){start < 0 ? 0 : start, at_most(stop, a->size)};
    }
    if (a->adaptive || !include_pad) *count = r.end - r.first;
    return r;
}

FV_CLONES static void add_row(double *restrict sum, const float *restrict x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) sum[i] += (double)x[i];
}

FV_CLONES static void add_scaled(float *restrict sum, const float *restrict x, float scale, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) sum[i] += x[i] * scale;
}

static void mean_at(const fv_pool *p, const float *src, float *dst, int64_t item)
{
    int64_t at[3], count[3];
    fv_range r[3];
    int64_t image = fv_pool_split(p, item, 1, at);
    for (int k = 0; k < 3; k++) r[k] = window(&p->axis[k], at[k], p->include_pad, &count[k]);
    double divisor = (double)count[0] * (double)count[1] * (double)count[2];
    for (int64_t c = 0; c < p->channels; c += BLOCK) {
        int64_t n = at_most(BLOCK, p->channels - c);
        double sum[BLOCK] = {0};
        for (int64_t d = r[0].first; d < r[0].end; d++)
            for (int64_t h = r[1].first; h < r[1].end; h++)
                for (int64_t w = r[2].first; w < r[2].end; w++)
                    add_row(sum, src + fv_pool_offset(p, 0, image, d, h, w) + c, n);
        for (int64_t i = 0; i < n; i++) dst[item * p->channels + c + i] = (float)(sum[i] / divisor);
    }
}

static void mean_kernel(const void *context, float *const *data)
{
    const fv_pool *p = context;
    int64_t items = fv_pool_count(p, 1);
#pragma omp parallel for schedule(static) if (items > 1)
    for (int64_t item = 0; item < items; item++) mean_at(p, data[0], data[1], item);
}

static void mean_slope_at(const fv_pool *p, const float *diff, float *to, int64_t item)
{
    int64_t at[3], count[3];
    fv_range r[3];
    int64_t image = fv_pool_split(p, item, 0, at);
    for (int k = 0; k < 3; k++) r[k] = fv_pool_windows_at(&p->axis[k], at[k]);
    memset(to, 0, (size_t)p->channels * sizeof *to);
    for (int64_t d = r[0].first; d < r[0].end; d++)
        for (int64_t h = r[1].first; h < r[1].end; h++)
            for (int64_t w = r[2].first; w < r[2].end; w++) {
                const int64_t o[3] = {d, h, w};
                for (int k = 0; k < 3; k++) window(&p->axis[k], o[k], p->include_pad, &count[k]);
                float scale = (float)(1.0 / ((double)count[0] * (double)count[1] * (double)count[2]));
                add_scaled(to, diff + fv_pool_offset(p, 1, image, d, h, w), scale, p->channels);
            }
}

static void mean_slope_kernel(const void *context, float *const *data)
{
    const fv_pool *p = context;
    int64_t items = fv_pool_count(p, 0);
#pragma omp parallel for schedule(static) if (items * p->channels >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++)
        mean_slope_at(p, data[0], data[1] + item * p->channels, item);
}

fv_status fv_emit_mean_forward(fv_emit *emit, const fv_pool *pool, fv_error *err)
{
    fv_emit_kernel kernel = {
        "mean_pool:own", mean_kernel, pool, sizeof *pool, 1, 1, {fv_src(emit, 0), fv_dst(emit)}};
    return fv_emit_call(emit, &kernel, err);
}

fv_status fv_emit_mean_backward(fv_emit *emit, const fv_pool *pool, fv_error *err)
{
    fv_emit_kernel kernel = {"mean_pool_backward:own",
                             mean_slope_kernel,
                             pool,
                             sizeof *pool,
                             1,
                             1,
                             {fv_diff_dst(emit), fv_diff_src(emit, 0)}};
    return fv_emit_call(emit, &kernel, err);
}
