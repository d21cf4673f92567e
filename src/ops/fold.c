#include "ops/fold.h"

#include "base/clones.h"
#include "tensor/broadcast.h"
#include <math.h>
#include <string.h>

enum { LANES = 32 }; /* accumulators of a reduced row */

/* Element x joins the accumulators a and b. A NaN stays the largest. */
#define ADD_SUM(a, b, x, y)  (a) += (x), (void)(b), (void)(y)
#define ADD_PAIR(a, b, x, y) (a) += (x), (b) += (x) * (y)
#define ADD_MAX(a, b, x, y)                                                                                  \
    do {                                                                                                     \
        double before = (a);                                                                                 \
        int above = (x) > before || (x) != (x);                                                              \
        (a) = above ? (x) : before;                                                                          \
        (b) = above ? 1.0 : (b) + ((x) == before ? 1.0 : 0.0);                                               \
        (void)(y);                                                                                           \
    } while (0)

/* name_columns: `rows` rows of n elements, a stride apart, into n accumulators; name_row: n elements in a run
 * into LANES accumulators. */
#define LOOPS(name, ADD)                                                                                     \
    FV_CLONES static void name##_columns(double *restrict a, double *restrict b, const float *restrict u,    \
                                         const float *restrict v, int64_t rows, int64_t stride, int64_t n)   \
    {                                                                                                        \
        for (int64_t r = 0; r < rows; r++, u += stride, v += stride) {                                       \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                                \
                double x = (double)u[i], y = (double)v[i];                                                   \
                ADD(a[i], b[i], x, y);                                                                       \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    FV_CLONES static void name##_row(double *restrict a, double *restrict b, const float *restrict u,        \
                                     const float *restrict v, int64_t n)                                     \
    {                                                                                                        \
        for (; n > 0; n -= LANES, u += LANES, v += LANES) {                                                  \
            int64_t lanes = n < LANES ? n : LANES;                                                           \
            _Pragma("omp simd") for (int64_t i = 0; i < lanes; i++)                                          \
            {                                                                                                \
                double x = (double)u[i], y = (double)v[i];                                                   \
                ADD(a[i], b[i], x, y);                                                                       \
            }                                                                                                \
        }                                                                                                    \
    }

LOOPS(sum, ADD_SUM)
LOOPS(pair, ADD_PAIR)
LOOPS(max, ADD_MAX)

typedef void (*columns_loop)(double *, double *, const float *, const float *, int64_t, int64_t, int64_t);
typedef void (*row_loop)(double *, double *, const float *, const float *, int64_t);

/* Puts n pairs of accumulators into n others. */
static void join(fv_fold_kind kind, double *a, double *b, const double *from_a, const double *from_b,
                 int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (kind != FV_FOLD_MAX) {
            a[i] += from_a[i];
            b[i] += from_b[i];
        } else if (from_a[i] > a[i] || from_a[i] != from_a[i]) {
            a[i] = from_a[i];
            b[i] = from_b[i];
        } else if (from_a[i] == a[i]) {
            b[i] += from_b[i];
        }
    }
}

/* Rows first to end (of inner) of one kept row or result, whose elements begin at u and v. */
static void accumulate(const fv_fold *fold, double *a, double *b, const float *u, const float *v,
                       int64_t first, int64_t end, int64_t width)
{
    static const columns_loop columns[] = {sum_columns, pair_columns, max_columns};
    static const row_loop rows[] = {sum_row, pair_row, max_row};
    const fv_fold_axis *last = fold->reduced + fold->reduced_axes - 1;
    for (int64_t at = first, run; at < end; at += run) {
        int64_t offset = fv_fold_offset(fold->reduced, fold->reduced_axes, at, 0), skip = at % last->size;
        run = fv_smaller(last->size - skip, end - at);
        if (fold->row_kept)
            columns[fold->kind](a, b, u + offset, v + offset, run, last->stride, width);
        else
            rows[fold->kind](a, b, u + offset, v + offset,
                             fv_smaller(run * FV_FOLD_PIECE, fold->row - skip * FV_FOLD_PIECE));
    }
}

static void clear(fv_fold_kind kind, double *a, double *b, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        a[i] = kind == FV_FOLD_MAX ? -INFINITY : 0.0;
        b[i] = 0.0;
    }
}

/* One tile of one kept row, one chunk of what is reduced into it. */
static void run_task(const fv_fold *fold, const float *u, const float *v, double *scratch, int64_t task)
{
    double a[FV_FOLD_TILE], b[FV_FOLD_TILE];
    int64_t chunk = task % fold->chunks, tile = task / fold->chunks % fold->tiles;
    int64_t row = task / fold->chunks / fold->tiles, start = tile * FV_FOLD_TILE;
    int64_t width = fold->row_kept ? fv_smaller(fold->row - start, FV_FOLD_TILE) : LANES;
    int64_t from = fv_fold_offset(fold->kept, fold->kept_axes, row, 0) + start;
    clear(fold->kind, a, b, width);
    accumulate(fold, a, b, u + from, v + from, fold->inner * chunk / fold->chunks,
               fold->inner * (chunk + 1) / fold->chunks, width);
    double *to = scratch + chunk * 2 * fold->outputs + (fold->row_kept ? row * fold->row + start : row);
    if (!fold->row_kept) {
        for (int64_t i = 1; i < LANES; i++) join(fold->kind, a, b, a + i, b + i, 1);
        width = 1;
    }
    for (int64_t i = 0; i < width; i++) {
        to[i] = a[i];
        to[i + fold->outputs] = b[i];
    }
}

double *fv_fold_run(const fv_fold *fold, const float *u, const float *v, float *scratch)
{
    double *out = (double *)(void *)scratch;
    int64_t tasks = fold->outer * fold->tiles * fold->chunks, n = fold->outputs;
#pragma omp parallel for schedule(static) if (fold->elements >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) run_task(fold, u, v, out, task);
    for (int64_t chunk = 1; chunk < fold->chunks; chunk++) {
        const double *more = out + chunk * 2 * n;
        join(fold->kind, out, out + n, more, more + n, n);
    }
    return out;
}

/* Writes `rows` rows of one kept row or result. */
static void spread_rows(const fv_fold *fold, float *to, const float *gain, const float *u, const double *max,
                        int64_t rows, int64_t stride, int64_t n)
{
    int64_t step = fold->row_kept;
    for (int64_t r = 0; r < rows; r++, to += stride, u += u ? stride : 0) {
        if (max)
            for (int64_t i = 0; i < n; i++) to[i] = (double)u[i] == max[step * i] ? gain[step * i] : 0.0f;
        else if (step)
            memcpy(to, gain, (size_t)n * sizeof *to);
        else
            for (int64_t i = 0; i < n; i++) to[i] = *gain;
    }
}

/* Block `block` of `blocks` of the innermost reduced axis. */
static void spread_task(const fv_fold *fold, float *to, const float *gain, const float *u, const double *max,
                        int64_t task, int64_t blocks)
{
    const fv_fold_axis *last = fold->reduced + fold->reduced_axes - 1;
    int64_t parts = fold->inner / last->size, block = task % blocks, part = task / blocks % parts;
    int64_t row = task / blocks / parts, first = fold->row_kept ? row * fold->row : row;
    int64_t start = last->size * block / blocks, end = last->size * (block + 1) / blocks;
    int64_t from = fv_fold_offset(fold->kept, fold->kept_axes, row, 0) +
                   fv_fold_offset(fold->reduced, fold->reduced_axes, part * last->size + start, 0);
    int64_t rows = fold->row_kept ? end - start : 1, n = fold->row;
    if (!fold->row_kept) n = fv_smaller(end * FV_FOLD_PIECE, n) - start * FV_FOLD_PIECE;
    spread_rows(fold, to + from, gain + first, u ? u + from : NULL, max ? max + first : NULL, rows,
                last->stride, n);
}

void fv_fold_spread(const fv_fold *fold, float *to, const float *gain, const float *u, const double *max)
{
    int64_t size = fold->reduced[fold->reduced_axes - 1].size, blocks = fv_smaller(size, FV_FOLD_TASKS);
    if (!fold->elements) return;
    int64_t tasks = fold->outer * (fold->inner / size) * blocks;
#pragma omp parallel for schedule(static) if (fold->elements >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) spread_task(fold, to, gain, u, max, task, blocks);
}
