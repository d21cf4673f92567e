#include "ops/norm_math.h"

#include "base/clones.h"
#include "tensor/broadcast.h"
#include <math.h>

enum { BLOCK = 1 << 14 }; /* elements per task */

int64_t fv_norm_sets(const fv_norm_view *view)
{
    return view->batch ? view->c : view->n * view->c / view->per_set;
}

int64_t fv_norm_set_size(const fv_norm_view *view)
{
    return (view->batch ? view->n : view->per_set) * view->s;
}

static int64_t set_of(const fv_norm_view *view, int64_t k)
{
    return view->batch ? k % view->c : k / view->per_set;
}

void fv_norm_fold(fv_fold *fold, const fv_norm_view *view)
{
    fv_fold_spec spec = {.kind = FV_FOLD_PAIR,
                         .rank = 3,
                         .size = {view->n, view->c, view->s},
                         .stride = {view->c * view->s, view->s, 1},
                         .out = {view->c, 1, 0},
                         .reduced = {0, 0, 1}};
    if (view->channels_last) {
        spec.stride[1] = 1;
        spec.stride[2] = view->c;
    }
    fv_fold_plan(fold, &spec);
}

void fv_norm_statistics(const fv_norm_view *view, const double *sums, double *mean, double *inv,
                        double *variance)
{
    int64_t keys = view->n * view->c, sets = fv_norm_sets(view);
    double size = (double)fv_norm_set_size(view);
    for (int64_t i = 0; i < sets; i++) mean[i] = inv[i] = 0.0;
    for (int64_t k = 0; k < keys; k++) {
        mean[set_of(view, k)] += sums[k];
        inv[set_of(view, k)] += sums[k + keys];
    }
    for (int64_t i = 0; i < sets; i++) {
        mean[i] /= size;
        /* In double the difference keeps enough digits for any float data. */
        double v = fmax(inv[i] / size - mean[i] * mean[i], 0.0);
        inv[i] = 1.0 / sqrt(v + view->epsilon);
        if (variance) variance[i] = v;
    }
}

fv_norm_table fv_norm_table_in(const fv_norm_view *view, float *memory)
{
    int64_t keys = view->n * view->c;
    return (fv_norm_table){memory, memory + keys, memory + 2 * keys, memory + 3 * keys};
}

static double scale_of(const fv_norm_view *view, const float *scale, int64_t k)
{
    return scale ? (double)scale[k % view->c] : 1.0;
}

void fv_norm_table_forward(const fv_norm_view *view, const fv_norm_table *table, const double *mean,
                           const double *inv, const float *scale, const float *shift)
{
    for (int64_t k = 0; k < view->n * view->c; k++) {
        int64_t set = set_of(view, k);
        table->slope[k] = (float)(scale_of(view, scale, k) * inv[set]);
        table->centre[k] = (float)mean[set];
        table->offset[k] = shift ? shift[k % view->c] : 0.0f;
    }
}

void fv_norm_table_fixed(const fv_norm_view *view, const fv_norm_table *table, const double *inv,
                         const float *scale)
{
    for (int64_t k = 0; k < view->n * view->c; k++) {
        table->slope[k] = (float)(scale_of(view, scale, k) * inv[set_of(view, k)]);
        table->centre[k] = table->offset[k] = 0.0f;
    }
}

/* Sum of u xhat for key k, xhat = (x - mean) inv. */
static double sum_hat(const double *sums, int64_t keys, int64_t k, double mean, double inv)
{
    return (sums[k + keys] - mean * sums[k]) * inv;
}

/* With h = scale u: dx = inv (h - mean(h) - xhat mean(h xhat)), means over the set. */
void fv_norm_table_backward(const fv_norm_view *view, const fv_norm_table *table, const double *mean,
                            const double *inv, const float *scale, const double *sums, double *set_sums)
{
    int64_t keys = view->n * view->c, sets = fv_norm_sets(view);
    double size = (double)fv_norm_set_size(view);
    for (int64_t i = 0; i < 2 * sets; i++) set_sums[i] = 0.0;
    for (int64_t k = 0; k < keys; k++) {
        int64_t set = set_of(view, k);
        set_sums[set] += scale_of(view, scale, k) * sums[k];
        set_sums[set + sets] += scale_of(view, scale, k) * sum_hat(sums, keys, k, mean[set], inv[set]);
    }
    for (int64_t k = 0; k < keys; k++) {
        int64_t set = set_of(view, k);
        table->gain[k] = (float)(scale_of(view, scale, k) * inv[set]);
        table->slope[k] = (float)(-inv[set] * inv[set] * set_sums[set + sets] / size);
        table->centre[k] = (float)mean[set];
        table->offset[k] = (float)(-inv[set] * set_sums[set] / size);
    }
}

void fv_norm_parameters_backward(const fv_norm_view *view, const fv_norm_gradients *out, const double *mean,
                                 const double *inv, const float *scale, const double *sums)
{
    int64_t keys = view->n * view->c;
    for (int64_t c = 0; c < view->c; c++) {
        double plain = 0.0, hat = 0.0;
        for (int64_t k = c; k < keys; k += view->c) {
            int64_t set = set_of(view, k);
            plain += sums[k];
            hat += sum_hat(sums, keys, k, mean[set], inv[set]);
        }
        out->scale[c] = (float)hat;
        out->shift[c] = (float)plain;
        if (!out->mean) continue;
        double slope = scale_of(view, scale, c) * inv[c];
        out->mean[c] = (float)(-slope * plain);
        out->variance[c] = (float)(-0.5 * slope * inv[c] * hat);
    }
}

/* --- applying --- */

/* Rows of n channels. out may be u or x. */
FV_CLONES static void apply_rows(float *out, const float *u, const float *x, fv_norm_table t, int64_t rows,
                                 int64_t n)
{
    const float *restrict gain = t.gain, *restrict slope = t.slope, *restrict centre = t.centre,
                          *restrict offset = t.offset;
    for (int64_t r = 0; r < rows; r++, out += n, x += n, u += u ? n : 0) {
        if (u) {
#pragma omp simd
            for (int64_t i = 0; i < n; i++)
                out[i] = gain[i] * u[i] + slope[i] * (x[i] - centre[i]) + offset[i];
        } else {
#pragma omp simd
            for (int64_t i = 0; i < n; i++) out[i] = slope[i] * (x[i] - centre[i]) + offset[i];
        }
    }
}

/* n positions of one channel. */
FV_CLONES static void apply_run(float *out, const float *u, const float *x, fv_norm_table t, int64_t n)
{
    float gain = *t.gain, slope = *t.slope, centre = *t.centre, offset = *t.offset;
    if (u) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = gain * u[i] + slope * (x[i] - centre) + offset;
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = slope * (x[i] - centre) + offset;
    }
}

static fv_norm_table table_from(const fv_norm_table *t, int64_t k)
{
    return (fv_norm_table){t->gain + k, t->slope + k, t->centre + k, t->offset + k};
}

void fv_norm_apply(const fv_norm_view *view, const fv_norm_table *table, float *out, const float *u,
                   const float *x)
{
    int last = view->channels_last;
    int64_t width = last ? view->c : 1; /* elements that cannot be parted */
    int64_t outer = last ? view->n : view->n * view->c, step = width < BLOCK ? BLOCK / width : 1;
    int64_t blocks = (view->s + step - 1) / step;
#pragma omp parallel for schedule(static) if (outer * view->s * width >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < outer * blocks; task++) {
        int64_t line = task / blocks, first = task % blocks * step, n = fv_smaller(step, view->s - first);
        int64_t at = (line * view->s + first) * width;
        fv_norm_table t = table_from(table, line * width);
        if (last)
            apply_rows(out + at, u ? u + at : NULL, x + at, t, n, width);
        else
            apply_run(out + at, u ? u + at : NULL, x + at, t, n);
    }
}
