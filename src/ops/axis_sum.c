/* Weighted sums of rows. */
#include "ops/axis_kernel.h"

#include <string.h>

#define UNROLL _Pragma("GCC unroll 4")

enum {
    FEW_TERMS = 4,
    BLOCK = 16,       /* sums kept in registers at once */
    SMALL_BLOCK = 4,  /* for what is left */
    DOUBLE_TERMS = 16 /* more terms than these are summed in double */
};

void fv_terms_multiply(fv_terms *t, const fv_axis_kernel *k, const fv_kernel_axis *axis, int64_t o,
                       int64_t stride)
{
    int64_t n = t->count;
    if (axis->identity) {
        for (int64_t i = 0; i < n; i++) t->at[i] += o * stride;
        return;
    }
    int64_t taps = k->words[axis->count + (size_t)o].i;
    for (int64_t j = taps - 1; j >= 0; j--) { /* the first last: it overwrites the terms there are */
        size_t entry = (size_t)(j * axis->to + o);
        int64_t offset = k->words[axis->index + entry].i * stride;
        float weight = k->words[axis->weight + entry].f;
        for (int64_t i = 0; i < n; i++) {
            t->at[j * n + i] = t->at[i] + offset;
            t->weight[j * n + i] = t->weight[i] * weight;
        }
    }
    t->count = n * taps;
}

int fv_terms_are_copy(const fv_terms *t)
{
    return t->count == 1 && t->weight[0] == 1.0f;
}

/* One block of a sum; n is a constant where it is called. */
static inline void sum_block(float *restrict out, const fv_terms *t, int64_t i, int n)
{
    float sum[BLOCK];
    for (int j = 0; j < n; j++) sum[j] = t->weight[0] * t->at[0][i + j];
    for (int64_t k = 1; k < t->count; k++) {
        const float *from = t->at[k] + i;
        float weight = t->weight[k];
        for (int j = 0; j < n; j++) sum[j] += weight * from[j];
    }
    for (int j = 0; j < n; j++) out[i + j] = sum[j];
}

static inline void sum_block_double(float *restrict out, const fv_terms *t, int64_t i, int n)
{
    double sum[BLOCK] = {0};
    for (int64_t k = 0; k < t->count; k++) {
        const float *from = t->at[k] + i;
        double weight = (double)t->weight[k];
        for (int j = 0; j < n; j++) sum[j] += weight * (double)from[j];
    }
    for (int j = 0; j < n; j++) out[i + j] = (float)sum[j];
}

/* The same of a few terms, whose number is a constant where it is called. */
static inline void sum_few(float *restrict out, const fv_terms *t, int64_t n, const int terms)
{
    const float *at[FEW_TERMS];
    float weight[FEW_TERMS];
    UNROLL for (int k = 0; k < terms; k++) at[k] = t->at[k], weight[k] = t->weight[k];
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float sum = weight[0] * at[0][i];
        UNROLL for (int k = 1; k < terms; k++) sum += weight[k] * at[k][i];
        out[i] = sum;
    }
}

FV_CLONES static void sum_terms(float *restrict out, const fv_terms *t, int64_t n)
{
    int64_t i = 0;
    if (t->count == 2) {
        sum_few(out, t, n, 2);
        return;
    }
    if (t->count == 4) {
        sum_few(out, t, n, 4);
        return;
    }
    for (; i + BLOCK <= n; i += BLOCK) sum_block(out, t, i, BLOCK);
    for (; i + SMALL_BLOCK <= n; i += SMALL_BLOCK) sum_block(out, t, i, SMALL_BLOCK);
    for (; i < n; i++) sum_block(out, t, i, 1);
}

FV_CLONES static void sum_terms_double(float *restrict out, const fv_terms *t, int64_t n)
{
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) sum_block_double(out, t, i, BLOCK);
    for (; i < n; i++) sum_block_double(out, t, i, 1);
}

void fv_terms_sum(float *out, const fv_terms *t, int64_t n, float fill)
{
    if (!t->count)
        for (int64_t i = 0; i < n; i++) out[i] = fill;
    else if (fv_terms_are_copy(t))
        memcpy(out, t->at[0], (size_t)n * sizeof *out);
    else
        (t->count > DOUBLE_TERMS ? sum_terms_double : sum_terms)(out, t, n);
}
