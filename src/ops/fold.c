#include "ops/fold.h"

#include "base/clones.h"
#include "tensor/broadcast.h"
#include <math.h>
#include <string.h>

enum { LANES = 32 }; /* accumulators of a reduced row */

/* A pair (p, q) joins the accumulators a and b; a single element x is the pair (x, x y) or, of a maximum, (x,
 * 1). A NaN stays the largest. */
#define JOIN_SUM(a, b, p, q)  (a) += (p), (void)(b), (void)(q)
#define JOIN_PAIR(a, b, p, q) (a) += (p), (b) += (q)
#define JOIN_MAX(a, b, p, q)                                                                                 \
    do {                                                                                                     \
        double largest = (a), share = (p) == largest ? (b) + (q) : (b);                                      \
        int above = (p) > largest || (p) != (p);                                                             \
        (a) = above ? (p) : largest;                                                                         \
        (b) = above ? (q) : share;                                                                           \
    } while (0)

/* name_columns: `rows` rows of n elements, a stride apart, into n accumulators; name_row: n elements in a run
 * into LANES accumulators; name_join: n pairs of accumulators into n others. */
#define LOOPS(name, JOIN, second)                                                                            \
    FV_CLONES static void name##_columns(double *restrict a, double *restrict b, const float *restrict u,    \
                                         const float *restrict v, int64_t rows, int64_t stride, int64_t n)   \
    {                                                                                                        \
        for (int64_t r = 0; r < rows; r++, u += stride, v += stride) {                                       \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                              \
            {                                                                                                \
                double x = (double)u[i], y = (double)v[i], q = second;                                       \
                (void)y;                                                                                     \
                JOIN(a[i], b[i], x, q);                                                                      \
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
                double x = (double)u[i], y = (double)v[i], q = second;                                       \
                (void)y;                                                                                     \
                JOIN(a[i], b[i], x, q);                                                                      \
            }                                                                                                \
        }                                                                                                    \
    }                                                                                                        \
    FV_CLONES static void name##_join(double *restrict a, double *restrict b, const double *restrict p,      \
                                      const double *restrict q, int64_t n)                                   \
    {                                                                                                        \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) JOIN(a[i], b[i], p[i], q[i]);                    \
    }

LOOPS(sum, JOIN_SUM, 0.0)
LOOPS(pair, JOIN_PAIR, x *y)
LOOPS(max, JOIN_MAX, 1.0)

typedef struct fold_loops {
    void (*columns)(double *, double *, const float *, const float *, int64_t, int64_t, int64_t);
    void (*row)(double *, double *, const float *, const float *, int64_t);
    void (*join)(double *, double *, const double *, const double *, int64_t);
} fold_loops;

static const fold_loops loops[] = {
    {sum_columns, sum_row, sum_join}, {pair_columns, pair_row, pair_join}, {max_columns, max_row, max_join}};

/* Rows first to end (of inner) of one kept row or result, whose elements begin at u and v. */
static void accumulate(const fv_fold *fold, double *a, double *b, const float *u, const float *v,
                       int64_t first, int64_t end, int64_t width)
{
    const fv_fold_axis *last = fold->reduced + fold->reduced_axes - 1;
    for (int64_t at = first, run; at < end; at += run) {
        int64_t offset = fv_fold_offset(fold->reduced, fold->reduced_axes, at, 0), skip = at % last->size;
        run = fv_smaller(last->size - skip, end - at);
        if (fold->row_kept)
            loops[fold->kind].columns(a, b, u + offset, v + offset, run, last->stride, width);
        else
            loops[fold->kind].row(a, b, u + offset, v + offset,
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
        for (width = LANES / 2; width; width /= 2) loops[fold->kind].join(a, b, a + width, b + width, width);
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
        loops[fold->kind].join(out, out + n, more, more + n, n);
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
