#include "ops/layer_norm_math.h"

#include "base/clones.h"
#include "tensor/broadcast.h"
#include <math.h>

/* The loops are written out with and without scale and shift: a masked load from NULL is slow. */

/* Sums of h and h x over a row, h = u scale; scale may be NULL. */
FV_CLONES static void row_sums(double sums[2], const float *u, const float *scale, const float *x, int64_t n)
{
    enum { LANES = 16 };
    double a[LANES] = {0}, b[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES) {
        int64_t lanes = fv_smaller(n - i, LANES);
        if (scale) {
#pragma omp simd
            for (int64_t k = 0; k < lanes; k++) {
                double h = (double)u[i + k] * (double)scale[i + k];
                a[k] += h;
                b[k] += h * (double)x[i + k];
            }
        } else {
#pragma omp simd
            for (int64_t k = 0; k < lanes; k++) {
                a[k] += (double)u[i + k];
                b[k] += (double)u[i + k] * (double)x[i + k];
            }
        }
    }
    sums[0] = sums[1] = 0.0;
    for (int k = 0; k < LANES; k++) {
        sums[0] += a[k];
        sums[1] += b[k];
    }
}

/* dst = (x - centre) slope scale + shift; shift, or both, may be NULL. */
FV_CLONES static void row_apply(float *restrict dst, const float *restrict x, const float *scale,
                                const float *shift, float centre, float slope, int64_t n)
{
    if (scale && shift) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) dst[i] = (x[i] - centre) * slope * scale[i] + shift[i];
    } else if (scale) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) dst[i] = (x[i] - centre) * slope * scale[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) dst[i] = (x[i] - centre) * slope;
    }
}

/* dst = inv h + slope (x - centre) + offset, h = u scale; scale may be NULL. table: slope, centre, offset. */
FV_CLONES static void row_backward(float *restrict dst, const float *restrict u, const float *scale,
                                   const float *restrict x, float inv, const float table[3], int64_t n)
{
    float slope = table[0], centre = table[1], offset = table[2];
    if (scale) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) dst[i] = inv * u[i] * scale[i] + slope * (x[i] - centre) + offset;
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) dst[i] = inv * u[i] + slope * (x[i] - centre) + offset;
    }
}

void fv_layer_norm_forward(const fv_layer_norm_rows *rows, float *dst, double *statistics, const float *src,
                           const float *scale, const float *shift)
{
    double size = (double)rows->size;
#pragma omp parallel for schedule(static) if (rows->count * rows->size >= FV_PARALLEL_MIN)
    for (int64_t r = 0; r < rows->count; r++) {
        const float *x = src + r * rows->size;
        double sums[2], *mean = statistics + 2 * r, *inv = mean + 1;
        row_sums(sums, x, NULL, x, rows->size);
        *mean = sums[0] / size;
        *inv = 1.0 / sqrt(fmax(sums[1] / size - *mean * *mean, 0.0) + rows->epsilon);
        row_apply(dst + r * rows->size, x, scale, shift, (float)*mean, (float)*inv, rows->size);
    }
}

/* inv (h - mean(h) - xhat mean(h xhat)), h = diff_dst scale. */
void fv_layer_norm_backward(const fv_layer_norm_rows *rows, float *diff_src, const float *diff_dst,
                            const float *src, const double *statistics, const float *scale)
{
    double size = (double)rows->size;
#pragma omp parallel for schedule(static) if (rows->count * rows->size >= FV_PARALLEL_MIN)
    for (int64_t r = 0; r < rows->count; r++) {
        const float *u = diff_dst + r * rows->size, *x = src + r * rows->size;
        double sums[2], mean = statistics[2 * r], inv = statistics[2 * r + 1];
        row_sums(sums, u, scale, x, rows->size);
        double hat = (sums[1] - mean * sums[0]) * inv;
        float table[3] = {(float)(-inv * inv * hat / size), (float)mean, (float)(-inv * sums[0] / size)};
        row_backward(diff_src + r * rows->size, u, scale, x, (float)inv, table, rows->size);
    }
}

void fv_layer_norm_hat(const fv_layer_norm_rows *rows, float *out, const float *diff_dst, const float *src,
                       const double *statistics)
{
#pragma omp parallel for schedule(static) if (rows->count * rows->size >= FV_PARALLEL_MIN)
    for (int64_t r = 0; r < rows->count; r++)
        row_apply(out + r * rows->size, src + r * rows->size, diff_dst + r * rows->size, NULL,
                  (float)statistics[2 * r], (float)statistics[2 * r + 1], rows->size);
}
