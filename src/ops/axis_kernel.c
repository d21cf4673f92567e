#include "ops/axis_kernel.h"

#include <string.h>
#ifdef _OPENMP
#    include <omp.h>
#endif

enum {
    POINTER_FLOATS = sizeof(void *) / 4,
    LINE_FLOATS = 16,      /* of a cache line */
    PARALLEL_MIN = 1 << 15 /* elements below which starting threads costs more than it saves */
};

static int64_t thread_floats(const fv_axis_kernel *k)
{
    int64_t floats = k->terms * (POINTER_FLOATS + 1) + k->row_floats;
    return (floats + LINE_FLOATS - 1) / LINE_FLOATS * LINE_FLOATS;
}

int64_t fv_axis_kernel_scratch(fv_axis_kernel *k)
{
    const fv_kernel_axis *last = &k->axis[k->rank - 1];
    k->threads = 1;
#ifdef _OPENMP
    if (k->rows * last->to * k->inner >= PARALLEL_MIN) k->threads = omp_get_max_threads();
#else
    (void)last;
#endif
    return k->threads * thread_floats(k);
}

/* The terms' room in the scratch memory of this thread; *row is room for a row. */
static fv_terms open_terms(const fv_axis_kernel *k, float *scratch, float **row)
{
#ifdef _OPENMP
    scratch += omp_get_thread_num() * thread_floats(k);
#endif
    float *weight = scratch + k->terms * POINTER_FLOATS;
    *row = weight + k->terms;
    return (fv_terms){0, (const float **)(void *)scratch, weight};
}

static void start_terms(fv_terms *t, const float *from)
{
    t->count = 1;
    t->at[0] = from;
    t->weight[0] = 1.0f;
}

/* The source rows that make up a row. */
static void collect(fv_terms *t, const fv_axis_kernel *k, const float *src, int64_t row)
{
    int64_t stride = k->axis[k->rank - 1].from * k->inner;
    start_terms(t, src);
    for (int i = k->rank - 2; i >= 0; i--) {
        const fv_kernel_axis *axis = &k->axis[i];
        fv_terms_multiply(t, k, axis, row % axis->to, stride);
        row /= axis->to;
        stride *= axis->from;
    }
}

/* Single floats with any number of taps. */
static void sum_elements(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
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

/* Elements of `inner` floats with any number of taps. */
static void sum_groups(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end,
                       fv_terms *t)
{
    for (int64_t o = begin; o < end; o++) {
        start_terms(t, from);
        fv_terms_multiply(t, k, &k->axis[k->rank - 1], o, k->inner);
        fv_terms_sum(out + o * k->inner, t, k->inner, k->fill);
    }
}

static void map_span(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end,
                     fv_terms *t)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    if (begin >= end) return;
    if (k->inner > 1)
        axis->few ? fv_axis_few_groups(out, from, k, begin, end) : sum_groups(out, from, k, begin, end, t);
    else
        axis->few ? fv_axis_few(out, from, k, begin, end) : sum_elements(out, from, k, begin, end);
}

/* The taps of the last axis: the part that is easy, and what is before and behind it. */
static void map_row(float *out, const float *from, const fv_axis_kernel *k, fv_terms *t)
{
    const fv_kernel_axis *axis = &k->axis[k->rank - 1];
    int64_t begin = axis->run_begin, end = axis->run_end;
    if (k->inner == 1 && axis->repeat_end - axis->repeat_begin > end - begin) {
        begin = axis->repeat_begin;
        end = axis->repeat_end;
        fv_axis_repeating(out, from, k);
    } else if (end > begin) {
        memcpy(out + begin * k->inner, from + axis->run_from * k->inner,
               (size_t)((end - begin) * k->inner) * sizeof *out);
    }
    map_span(out, from, k, 0, begin, t);
    map_span(out, from, k, end, axis->to, t);
}

/* One row, or a piece of it. */
static void run_task(const fv_axis_kernel *k, int64_t task, float *const *data, fv_terms *t, float *sum)
{
    const fv_kernel_axis *last = &k->axis[k->rank - 1];
    int64_t row = task / k->pieces, begin = task % k->pieces * FV_ROW_PIECE, left = last->to - begin;
    float *out = data[1] + row * last->to * k->inner;
    collect(t, k, data[0] + begin, row);
    if (last->identity) {
        fv_terms_sum(out + begin, t, left < FV_ROW_PIECE ? left : FV_ROW_PIECE, k->fill);
    } else if (!t->count) {
        fv_terms_sum(out, t, last->to * k->inner, k->fill);
    } else if (fv_terms_are_copy(t)) {
        map_row(out, t->at[0], k, t);
    } else {
        fv_terms_sum(sum, t, k->row_floats, k->fill);
        map_row(out, sum, k, t);
    }
}

void fv_axis_kernel_run(const void *context, float *const *data)
{
    const fv_axis_kernel *k = context;
    int64_t tasks = k->rows * k->pieces;
#pragma omp parallel num_threads(k->threads)
    {
        float *sum;
        fv_terms t = open_terms(k, data[2], &sum);
#pragma omp for schedule(static)
        for (int64_t task = 0; task < tasks; task++) run_task(k, task, data, &t, sum);
    }
}
