/* Sums and maxima over some axes of a strided value: under the reductions, the normalisations and the
 * gradients of what was broadcast. Accumulates in double. Work is cut into the same pieces whatever the
 * number of threads, and the pieces are put together in order, so the bits do not depend on it. */
#ifndef FV_OPS_FOLD_H
#define FV_OPS_FOLD_H

#include "tensor/tensor.h"

/* What is computed per result, in two planes of doubles:
 * SUM: sum u; -.  PAIR: sum u; sum u v.  MAX: the largest u (NaN when there is one); how many elements equal
 * it. */
typedef enum fv_fold_kind { FV_FOLD_SUM, FV_FOLD_PAIR, FV_FOLD_MAX } fv_fold_kind;

enum {
    FV_FOLD_TILE = 256,     /* columns of a kept row that are accumulated together */
    FV_FOLD_TASKS = 64,     /* wanted for a big value, to serve as many threads */
    FV_FOLD_PIECE = 1 << 13 /* elements of a reduced row that are taken together */
};

typedef struct fv_fold_axis {
    int64_t size, stride, out;
} fv_fold_axis;

typedef struct fv_fold {
    fv_fold_kind kind;
    int kept_axes, reduced_axes; /* outermost first; the row is not among them */
    fv_fold_axis kept[FV_MAX_RANK], reduced[FV_MAX_RANK + 1];
    int row_kept;         /* the innermost, contiguous run of elements is kept, or reduced */
    int64_t row, row_out; /* its length; its stride in the result */
    int64_t outer,
        inner; /* numbers of kept rows (or results), of rows (or pieces of rows) reduced into each */
    int64_t tiles, chunks; /* pieces of a kept row, of inner */
    int64_t outputs, elements;
} fv_fold;

/* The axes of a dense value (any order of strides), which of them are reduced, and the strides of the result
 * along the others. */
typedef struct fv_fold_spec {
    fv_fold_kind kind;
    int rank;
    int64_t size[FV_MAX_RANK], stride[FV_MAX_RANK], out[FV_MAX_RANK];
    int reduced[FV_MAX_RANK];
} fv_fold_spec;

void fv_fold_plan(fv_fold *fold, const fv_fold_spec *spec);

/* Shape of the scratch value that fv_fold_run wants: room for the doubles of all pieces. */
fv_shape fv_fold_scratch(const fv_fold *fold);

/* u and v (used by PAIR alone) have the strides of the spec. Returns scratch: `outputs` doubles of the first
 * plane, then those of the second, kept axes in the order of memory. */
double *fv_fold_run(const fv_fold *fold, const float *u, const float *v, float *scratch);

/* Offset of entry i of axes counted in row-major order, by their strides or by those of the result. */
int64_t fv_fold_offset(const fv_fold_axis *axes, int count, int64_t i, int result);

static inline int64_t fv_smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where result i belongs, by the strides of the result. */
int64_t fv_fold_out(const fv_fold *fold, int64_t i);

/* The way back, over the same axes: writes to = gain where max is NULL, otherwise gain where u equals max and
 * 0 elsewhere; gain and max have one entry per result, in the order of fv_fold_run. */
void fv_fold_spread(const fv_fold *fold, float *to, const float *gain, const float *u, const double *max);

#endif
