/* Sums over the axes along which a source was stretched: the second half of a backward broadcast. How the
 * work is split depends on the shapes alone, so the result has the same bits for any number of threads. */
#include "ops/walk_sum.h"
#include "tensor/broadcast.h"

#include <string.h>

enum {
    BLOCK = 256, /* elements of one call */
    SHORT = 64,  /* row of which several make a call */
    PARTS = 16   /* of a long sum over rows, whose sums are added at the end */
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

FV_CLONES static double sum_of(const float *part, int64_t n)
{
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += (double)part[i];
    return sum;
}

FV_CLONES static void accumulate(double *restrict sum, const float *restrict part, int64_t rows, int64_t n)
{
    for (int64_t r = 0; r < rows; r++, part += n) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) sum[i] += (double)part[i];
    }
}

/* The last axis is summed over too: one task per element of out. */
static void sum_row(const fv_walk *w, float *const *data, int64_t item)
{
    int last = w->axes - 1;
    int64_t n = w->size[last], repeats = fv_walk_count(w, last, 1), start[FV_WALK_SOURCES] = {0}, out = 0;
    double sum = 0;
    float part[BLOCK];
    fv_walk_locate(w, last, 0, item, &out, start);
    for (int64_t r = 0; r < repeats; r++) {
        int64_t in[FV_WALK_SOURCES], unused = 0;
        memcpy(in, start, sizeof in);
        fv_walk_locate(w, last, 1, r, &unused, in);
        for (int64_t from = 0; from < n; from += BLOCK) {
            int64_t length = least(BLOCK, n - from);
            fv_walk_run(w, data, in, from, length, part);
            sum += sum_of(part, length);
        }
    }
    data[w->sources][out] = (float)sum;
}

/* Rows that are short and simple: several go through one call, on copies where they do not lie one after the
 * other. */
static int is_short(const fv_walk *w)
{
    return w->axes == 2 && w->out[0] == 1 && w->size[1] > 0 && w->size[1] <= SHORT;
}

static void sum_short_rows(const fv_walk *w, float *const *data, int64_t first, int64_t count)
{
    static const int64_t steps[FV_WALK_SOURCES] = {1, 1, 1};
    float copies[FV_WALK_SOURCES][BLOCK], part[BLOCK];
    const float *in[FV_WALK_SOURCES] = {NULL};
    int64_t n = w->size[1];
    for (int k = 0; k < w->sources; k++) {
        const float *from = data[k] + first * w->in[k][0];
        in[k] = copies[k];
        if (w->in[k][0] == n && w->in[k][1] == 1)
            in[k] = from;
        else
            for (int64_t r = 0; r < count; r++)
                for (int64_t i = 0; i < n; i++)
                    copies[k][r * n + i] = from[r * w->in[k][0] + i * w->in[k][1]];
    }
    w->row(part, in, steps, count * n);
    for (int64_t r = 0; r < count; r++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) sum += (double)part[r * n + i];
        data[w->sources][first + r] = (float)sum;
    }
}

static void short_rows_kernel(const void *context, float *const *data)
{
    const fv_walk *w = context;
    int64_t items = w->size[0], group = BLOCK / w->size[1];
#pragma omp parallel for schedule(static) if (items * w->size[1] >= FV_PARALLEL_MIN)
    for (int64_t first = 0; first < items; first += group)
        sum_short_rows(w, data, first, least(group, items - first));
}

static void rows_kernel(const void *context, float *const *data)
{
    const fv_walk *w = context;
    int64_t items = fv_walk_count(w, w->axes, 0), work = items * fv_walk_count(w, w->axes, 1);
#pragma omp parallel for schedule(static) if (work >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++) sum_row(w, data, item);
}

static int64_t parts_of(const fv_walk *w)
{
    return fv_walk_count(w, w->axes - 1, 1) >= 4 * PARTS ? PARTS : 1;
}

/* Innermost of the axes before the last that are summed over; -1 when there is none. */
static int summed_axis(const fv_walk *w)
{
    int axis = w->axes - 2;
    while (axis >= 0 && w->out[axis] != 0) axis--;
    return axis;
}

/* Whether the rows that are summed up lie one after the other, so that several can be taken as one. */
static int are_rows_dense(const fv_walk *w, int along)
{
    int last = w->axes - 1;
    for (int k = 0; k < w->sources; k++)
        if (along < 0 || w->in[k][last] != 1 || w->in[k][along] != w->size[last]) return 0;
    return 1;
}

/* The last axis is kept: adds a part of the repeats of `length` neighbours from `from` to sum. */
static void sum_lanes(const fv_walk *w, float *const *data, const int64_t start[], int64_t from,
                      int64_t length, int64_t part, double *sum)
{
    int last = w->axes - 1, along = summed_axis(w);
    int64_t repeats = fv_walk_count(w, last, 1), parts = parts_of(w), steps = along < 0 ? 1 : w->size[along];
    int64_t in[FV_WALK_SOURCES] = {0}, begin = repeats * part / parts, end = repeats * (part + 1) / parts;
    int64_t most = length == w->size[last] && are_rows_dense(w, along) ? BLOCK / length : 1;
    float row[BLOCK];
    for (int64_t r = begin, rows; r < end; r += rows) {
        rows = least(least(most, end - r), steps - r % steps);
        if (r == begin || r % steps == 0) {
            int64_t unused = 0;
            memcpy(in, start, sizeof in);
            fv_walk_locate(w, last, 1, r, &unused, in);
        } else {
            for (int k = 0; k < w->sources; k++) in[k] += most * w->in[k][along];
        }
        fv_walk_run(w, data, in, from, rows * length, row);
        accumulate(sum, row, rows, length);
    }
}

/* Adds up the parts of one row of out. */
static void add_parts(const fv_walk *w, const double *partial, int64_t parts, int64_t distance, float *out)
{
    int last = w->axes - 1;
    for (int64_t i = 0; i < w->size[last]; i++) {
        double sum = 0;
        for (int64_t p = 0; p < parts; p++) sum += partial[p * distance + i];
        out[i * w->out[last]] = (float)sum;
    }
}

/* Scratch memory holds a double per element of out and part. */
static void lanes_kernel(const void *context, float *const *data)
{
    const fv_walk *w = context;
    int last = w->axes - 1;
    int64_t n = w->size[last], blocks = (n + BLOCK - 1) / BLOCK, rows = fv_walk_count(w, last, 0);
    int64_t parts = parts_of(w), work = rows * n * fv_walk_count(w, last, 1);
    double *partial = (double *)(void *)data[w->sources + 1];
#pragma omp parallel for schedule(static) if (work >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < rows * blocks * parts; item++) {
        int64_t part = item / (rows * blocks), row = item / blocks % rows, from = item % blocks * BLOCK;
        int64_t start[FV_WALK_SOURCES] = {0}, unused = 0, length = least(BLOCK, n - from);
        double *sum = partial + (part * rows + row) * n + from;
        for (int64_t i = 0; i < length; i++) sum[i] = 0;
        fv_walk_locate(w, last, 0, row, &unused, start);
        sum_lanes(w, data, start, from, length, part, sum);
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t in[FV_WALK_SOURCES] = {0}, out = 0;
        fv_walk_locate(w, last, 0, row, &out, in);
        add_parts(w, partial + row * n, parts, rows * n, data[w->sources] + out);
    }
}

fv_status fv_emit_walk_sum(fv_emit *emit, const char *name, const fv_walk *w, fv_value *const in[],
                           fv_value *out, fv_error *err)
{
    int is_rows = w->out[w->axes - 1] == 0;
    fv_kernel rows = is_short(w) ? short_rows_kernel : rows_kernel;
    fv_emit_kernel kernel = {name, is_rows ? rows : lanes_kernel, w, sizeof *w, w->sources, 1, {NULL}};
    for (int k = 0; k < w->sources; k++) kernel.value[k] = in[k];
    kernel.value[w->sources] = out;
    if (!is_rows) {
        fv_shape scratch = fv_shape_of(1, 2 * parts_of(w) * fv_walk_count(w, w->axes, 0));
        FV_TRY(fv_emit_value(emit, &scratch, &kernel.value[w->sources + 1], err));
        kernel.write_count = 2;
    }
    return fv_emit_call(emit, &kernel, err);
}
