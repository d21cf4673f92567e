/* The taps of a last axis that has few of them. `taps`, where it is an argument, is a constant at the call.
 */
#include "ops/axis_kernel.h"

/* Of loops over taps, so that these stay in registers. */
#define UNROLL _Pragma("GCC unroll 4")

#define BY_TAPS(call)                                                                                        \
    switch (k->axis[k->rank - 1].most) {                                                                     \
    case 1:                                                                                                  \
        call(1);                                                                                             \
        break;                                                                                               \
    case 2:                                                                                                  \
        call(2);                                                                                             \
        break;                                                                                               \
    case 3:                                                                                                  \
        call(3);                                                                                             \
        break;                                                                                               \
    default:                                                                                                 \
        call(4);                                                                                             \
    }

static inline void few(float *restrict out, const float *restrict from, const fv_axis_kernel *k,
                       int64_t begin, int64_t end, int taps)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    const int32_t *index = &k->words[axis->index].i;
    const float *weight = &k->words[axis->weight].f;
    int64_t step = axis->to;
#pragma omp simd
    for (int64_t o = begin; o < end; o++) {
        float sum = weight[o] * from[index[o]];
        for (int t = 1; t < taps; t++) sum += weight[t * step + o] * from[index[t * step + o]];
        out[o] = sum;
    }
}

FV_CLONES void fv_axis_few(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end)
{
#define CALL(taps) few(out, from, k, begin, end, taps)
    BY_TAPS(CALL)
#undef CALL
}

static inline void few_groups(float *restrict out, const float *restrict from, const fv_axis_kernel *k,
                              int64_t begin, int64_t end, int taps)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    const int32_t *index = &k->words[axis->index].i;
    const float *weight = &k->words[axis->weight].f;
    const int64_t inner = k->inner;
    for (int64_t o = begin; o < end; o++) {
        const float *at[FV_FEW_TAPS];
        float w[FV_FEW_TAPS], *to = out + o * inner;
        UNROLL for (int t = 0; t < taps; t++)
        {
            at[t] = from + index[t * axis->to + o] * inner;
            w[t] = weight[t * axis->to + o];
        }
#pragma omp simd
        for (int64_t j = 0; j < inner; j++) {
            float sum = w[0] * at[0][j];
            UNROLL for (int t = 1; t < taps; t++) sum += w[t] * at[t][j];
            to[j] = sum;
        }
    }
}

FV_CLONES void fv_axis_few_groups(float *out, const float *from, const fv_axis_kernel *k, int64_t begin,
                                  int64_t end)
{
#define CALL(taps) few_groups(out, from, k, begin, end, taps)
    BY_TAPS(CALL)
#undef CALL
}

/* The taps of element o, as pointers and weights. */
static inline void load_taps(const fv_axis_kernel *k, const float *from, int64_t o, int taps,
                             const float **at, float *weight)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    for (int t = 0; t < taps; t++) {
        size_t entry = (size_t)(t * axis->to + o);
        at[t] = from + k->words[axis->index + entry].i;
        weight[t] = k->words[axis->weight + entry].f;
    }
}

static inline void doubling(float *restrict out, const float *restrict from, const fv_axis_kernel *k,
                            int taps)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    int64_t n = (axis->repeat_end - axis->repeat_begin) / 2;
    const float *even_at[FV_FEW_TAPS], *odd_at[FV_FEW_TAPS];
    float even_weight[FV_FEW_TAPS], odd_weight[FV_FEW_TAPS];
    load_taps(k, from, axis->repeat_begin, taps, even_at, even_weight);
    load_taps(k, from, axis->repeat_begin + 1, taps, odd_at, odd_weight);
    out += axis->repeat_begin;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float even = even_weight[0] * even_at[0][i], odd = odd_weight[0] * odd_at[0][i];
        for (int t = 1; t < taps; t++) {
            even += even_weight[t] * even_at[t][i];
            odd += odd_weight[t] * odd_at[t][i];
        }
        out[2 * i] = even;
        out[2 * i + 1] = odd;
    }
}

static inline void halving(float *restrict out, const float *restrict from, const fv_axis_kernel *k, int taps)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    int64_t n = axis->repeat_end - axis->repeat_begin;
    const float *at[FV_FEW_TAPS];
    float weight[FV_FEW_TAPS];
    load_taps(k, from, axis->repeat_begin, taps, at, weight);
    out += axis->repeat_begin;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float sum = weight[0] * at[0][2 * i];
        for (int t = 1; t < taps; t++) sum += weight[t] * at[t][2 * i];
        out[i] = sum;
    }
}

FV_CLONES void fv_axis_repeating(float *out, const float *from, const fv_axis_kernel *k)
{
#define DOUBLING(taps) doubling(out, from, k, taps)
#define HALVING(taps)  halving(out, from, k, taps)
    if (k->axis[k->rank - 1].up == 2) {
        BY_TAPS(DOUBLING)
    } else {
        BY_TAPS(HALVING)
    }
#undef DOUBLING
#undef HALVING
}
