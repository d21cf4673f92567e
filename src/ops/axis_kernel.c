#include "ops/axis_kernel.h"

#include <string.h>
#ifdef _OPENMP
#    include <omp.h>
#endif

enum {
    BLOCK = 16,      /* sums kept in registers at once */
    SMALL_BLOCK = 4, /* for what is left */
    POINTER_FLOATS = sizeof(void *) / 4,
    PARALLEL_MIN = 1 << 15 /* elements below which starting threads costs more than it saves */
};

/* The products of taps over the outer axes that make up a row (or over the last axis, an element): a pointer
 * and a weight each. `row` is room for their sum. */
typedef struct terms {
    int64_t count;
    const float **at;
    float *weight;
    float *row;
} terms;

static int64_t pointer_floats(const fv_axis_kernel *k)
{
    return k->terms * POINTER_FLOATS;
}

static int64_t thread_floats(const fv_axis_kernel *k)
{
    return (pointer_floats(k) + k->terms + k->row_floats + BLOCK - 1) / BLOCK * BLOCK;
}

int64_t fv_axis_kernel_scratch(fv_axis_kernel *k)
{
    k->threads = 1;
#ifdef _OPENMP
    k->threads = omp_get_max_threads();
#endif
    return k->threads * thread_floats(k);
}

static terms open_terms(const fv_axis_kernel *k, float *scratch)
{
#ifdef _OPENMP
    scratch += omp_get_thread_num() * thread_floats(k);
#endif
    float *weight = scratch + pointer_floats(k);
    return (terms){0, (const float **)(void *)scratch, weight, weight + k->terms};
}

/* --- weighted sums --- */

/* One block of a sum; n is a constant where it is called. */
static inline void sum_block(float *restrict out, const terms *t, int64_t i, int n)
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

static inline void sum_block_double(float *restrict out, const terms *t, int64_t i, int n)
{
    double sum[BLOCK] = {0};
    for (int64_t k = 0; k < t->count; k++) {
        const float *from = t->at[k] + i;
        double weight = (double)t->weight[k];
        for (int j = 0; j < n; j++) sum[j] += weight * (double)from[j];
    }
    for (int j = 0; j < n; j++) out[i + j] = (float)sum[j];
}

FV_CLONES static void sum_terms(float *restrict out, const terms *t, int64_t n)
{
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) sum_block(out, t, i, BLOCK);
    for (; i + SMALL_BLOCK <= n; i += SMALL_BLOCK) sum_block(out, t, i, SMALL_BLOCK);
    for (; i < n; i++) sum_block(out, t, i, 1);
}

FV_CLONES static void sum_terms_double(float *restrict out, const terms *t, int64_t n)
{
    int64_t i = 0;
    for (; i + BLOCK <= n; i += BLOCK) sum_block_double(out, t, i, BLOCK);
    for (; i < n; i++) sum_block_double(out, t, i, 1);
}

static void fill_run(float *out, float value, int64_t n)
{
    for (int64_t i = 0; i < n; i++) out[i] = value;
}

static int is_copy(const terms *t)
{
    return t->count == 1 && t->weight[0] == 1.0f;
}

static void combine(float *out, const terms *t, int64_t n, float fill)
{
    if (!t->count)
        fill_run(out, fill, n);
    else if (is_copy(t))
        memcpy(out, t->at[0], (size_t)n * sizeof *out);
    else
        (t->count > FV_DOUBLE_TERMS ? sum_terms_double : sum_terms)(out, t, n);
}

/* --- the outer axes --- */

/* Multiplies the terms by the taps of element o of an axis whose elements are `stride` floats apart. */
static void multiply(terms *t, const fv_axis_kernel *k, const fv_kernel_axis *axis, int64_t o, int64_t stride)
{
    int64_t n = t->count;
    if (axis->identity) {
        for (int64_t i = 0; i < n; i++) t->at[i] += o * stride;
        return;
    }
    int64_t taps = k->words[axis->count + (size_t)o].i;
    for (int64_t j = taps - 1; j >= 0; j--) {
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

static void collect(terms *t, const fv_axis_kernel *k, const float *src, int64_t row)
{
    int64_t stride = k->axis[k->rank - 1].from * k->inner;
    t->count = 1;
    t->at[0] = src;
    t->weight[0] = 1.0f;
    for (int i = k->rank - 2; i >= 0; i--) {
        const fv_kernel_axis *axis = &k->axis[i];
        multiply(t, k, axis, row % axis->to, stride);
        row /= axis->to;
        stride *= axis->from;
    }
}

/* --- the last axis --- */

/* Elements [begin, end) of an axis with the same number of taps everywhere, a constant where it is called. */
static inline void gather_uniform(float *restrict out, const float *restrict from, const fv_axis_kernel *k,
                                  const fv_kernel_axis *axis, int64_t begin, int64_t end, int taps)
{
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

FV_CLONES static void gather_elements(float *restrict out, const float *restrict from,
                                      const fv_axis_kernel *k, const fv_kernel_axis *axis, int64_t begin,
                                      int64_t end)
{
    switch (axis->most) {
    case 1:
        gather_uniform(out, from, k, axis, begin, end, 1);
        break;
    case 2:
        gather_uniform(out, from, k, axis, begin, end, 2);
        break;
    case 3:
        gather_uniform(out, from, k, axis, begin, end, 3);
        break;
    default:
        gather_uniform(out, from, k, axis, begin, end, 4);
    }
}

/* The same with any number of taps. */
static void sum_elements(float *out, const float *from, const fv_axis_kernel *k, const fv_kernel_axis *axis,
                         int64_t begin, int64_t end)
{
    for (int64_t o = begin; o < end; o++) {
        int64_t taps = k->words[axis->count + (size_t)o].i;
        double sum = taps ? 0.0 : (double)k->fill;
        for (int64_t t = 0; t < taps; t++) {
            size_t entry = (size_t)(t * axis->to + o);
            sum += (double)k->words[axis->weight + entry].f * (double)from[k->words[axis->index + entry].i];
        }
        out[o] = (float)sum;
    }
}

/* Elements that are `inner` floats each. */
static void sum_groups(float *out, const float *from, const fv_axis_kernel *k, const fv_kernel_axis *axis,
                       int64_t begin, int64_t end, terms *t)
{
    for (int64_t o = begin; o < end; o++) {
        t->count = 1;
        t->at[0] = from;
        t->weight[0] = 1.0f;
        multiply(t, k, axis, o, k->inner);
        combine(out + o * k->inner, t, k->inner, k->fill);
    }
}

static void map_span(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end,
                     terms *t)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    if (begin == end) return;
    if (k->inner > 1)
        sum_groups(out, from, k, axis, begin, end, t);
    else if (axis->uniform)
        gather_elements(out, from, k, axis, begin, end);
    else
        sum_elements(out, from, k, axis, begin, end);
}

static void map_row(float *out, const float *from, const fv_axis_kernel *k, terms *t)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    int64_t run = axis->run_end - axis->run_begin;
    map_span(out, from, k, 0, axis->run_begin, t);
    if (run)
        memcpy(out + axis->run_begin * k->inner, from + axis->run_from * k->inner,
               (size_t)(run * k->inner) * sizeof *out);
    map_span(out, from, k, axis->run_end, axis->to, t);
}

/* One row, or a piece of it. */
static void run_task(const fv_axis_kernel *k, int64_t task, float *const *data, terms *t)
{
    const fv_kernel_axis *last = &k->axis[k->rank - 1];
    int64_t row = task / k->pieces, begin = task % k->pieces * FV_ROW_PIECE;
    float *out = data[1] + row * last->to * k->inner;
    if (last->identity) {
        int64_t left = last->to - begin;
        collect(t, k, data[0] + begin, row);
        combine(out + begin, t, left < FV_ROW_PIECE ? left : FV_ROW_PIECE, k->fill);
        return;
    }
    collect(t, k, data[0], row);
    if (!t->count) {
        fill_run(out, k->fill, last->to * k->inner);
    } else if (is_copy(t)) {
        map_row(out, t->at[0], k, t);
    } else {
        combine(t->row, t, k->row_floats, k->fill);
        map_row(out, t->row, k, t);
    }
}

void fv_axis_kernel_run(const void *context, float *const *data)
{
    const fv_axis_kernel *k = context;
    int64_t tasks = k->rows * k->pieces, row = k->axis[k->rank - 1].to * k->inner;
#pragma omp parallel num_threads(k->threads) if (k->rows * row >= PARALLEL_MIN)
    {
        terms t = open_terms(k, data[2]);
#pragma omp for schedule(static)
        for (int64_t task = 0; task < tasks; task++) run_task(k, task, data, &t);
    }
}
