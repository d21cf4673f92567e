/* Own kernels of the dilated maximum; written as those of pool_mean.c. What a window took is kept as the
 * number of its tap, -1 for none. */
#include "base/simd.h"
#include "ops/pool.h"
#include "tensor/broadcast.h"

#include <math.h>

/* A tap of the kernel: its distance from where the window would start without padding. */
typedef struct tap {
    int64_t offset[3];
} tap;

static int64_t tap_count(const fv_pool *p)
{
    return p->axis[0].kernel * p->axis[1].kernel * p->axis[2].kernel;
}

static tap tap_at(const fv_pool *p, int64_t number)
{
    tap t;
    for (int k = 2; k >= 0; k--) {
        t.offset[k] = number % p->axis[k].kernel * p->axis[k].dilation - p->axis[k].pad;
        number /= p->axis[k].kernel;
    }
    return t;
}

/* Position item of an array of batch x sizes split up; returns the image. */
static int64_t split(int64_t item, const fv_pool *p, int of_dst, int64_t at[3])
{
    for (int k = 2; k >= 0; k--) {
        int64_t size = of_dst ? p->axis[k].out : p->axis[k].size;
        at[k] = item % size;
        item /= size;
    }
    return item;
}

/* Position of the source under a tap of window `at`; -1 in the padding. */
static int64_t source_of(const fv_pool *p, const tap *t, int64_t image, const int64_t at[3])
{
    for (int k = 0; k < 3; k++) {
        int64_t i = at[k] * p->axis[k].stride + t->offset[k];
        if (i < 0 || i >= p->axis[k].size) return -1;
        image = image * p->axis[k].size + i;
    }
    return image;
}

/* Window whose tap lies on position `at` of the source; -1 when there is none. */
static int64_t window_of(const fv_pool *p, const tap *t, int64_t image, const int64_t at[3])
{
    for (int k = 0; k < 3; k++) {
        int64_t i = at[k] - t->offset[k], o = i / p->axis[k].stride;
        if (i < 0 || i % p->axis[k].stride || o >= p->axis[k].out) return -1;
        image = image * p->axis[k].out + o;
    }
    return image;
}

/* NaN wins. */
FV_CLONES static void take_larger(float *restrict best, int32_t *restrict taken, const float *restrict x,
                                  int32_t number, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        int better = (x[i] > best[i]) | (x[i] != x[i]);
        best[i] = better ? x[i] : best[i];
        taken[i] = better ? number : taken[i];
    }
}

FV_CLONES static void add_taken(float *restrict sum, const float *restrict diff,
                                const int32_t *restrict taken, int32_t number, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) sum[i] += taken[i] == number ? diff[i] : 0.0f;
}

/* Writes dst and the taps taken. */
static void max_kernel(const void *context, float *const *data)
{
    const fv_pool *p = context;
    int64_t items = p->batch * p->axis[0].out * p->axis[1].out * p->axis[2].out, n = p->channels;
#pragma omp parallel for schedule(static) if (items * n >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++) {
        float *best = data[1] + item * n;
        int32_t *taken = (int32_t *)(void *)data[2] + item * n;
        int64_t at[3], image = split(item, p, 1, at);
        for (int64_t i = 0; i < n; i++) {
            best[i] = -INFINITY;
            taken[i] = -1;
        }
        for (int64_t k = 0; k < tap_count(p); k++) {
            tap t = tap_at(p, k);
            int64_t from = source_of(p, &t, image, at);
            if (from >= 0) take_larger(best, taken, data[0] + from * n, (int32_t)k, n);
        }
    }
}

static void max_slope_kernel(const void *context, float *const *data)
{
    const fv_pool *p = context;
    const int32_t *taken = (const int32_t *)(const void *)data[1];
    int64_t items = p->batch * p->axis[0].size * p->axis[1].size * p->axis[2].size, n = p->channels;
#pragma omp parallel for schedule(static) if (items * n >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++) {
        float *sum = data[2] + item * n;
        int64_t at[3], image = split(item, p, 0, at);
        for (int64_t i = 0; i < n; i++) sum[i] = 0;
        for (int64_t k = 0; k < tap_count(p); k++) {
            tap t = tap_at(p, k);
            int64_t from = window_of(p, &t, image, at);
            if (from >= 0) add_taken(sum, data[0] + from * n, taken + from * n, (int32_t)k, n);
        }
    }
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
