/* Layer normalisation of contiguous rows, free of the graph. Sums run in double and in one order: the bits do
 * not depend on the number of threads. */
#ifndef FV_OPS_LAYER_NORM_MATH_H
#define FV_OPS_LAYER_NORM_MATH_H

#include "ops/fold.h"

typedef struct fv_layer_norm_rows {
    int64_t count, size;
    double epsilon;
} fv_layer_norm_rows;

/* statistics gets mean and 1 / sqrt(variance + epsilon) of each row. scale and shift, of the size of a row,
 * may be NULL. */
void fv_layer_norm_forward(const fv_layer_norm_rows *rows, float *dst, double *statistics, const float *src,
                           const float *scale, const float *shift);

void fv_layer_norm_backward(const fv_layer_norm_rows *rows, float *diff_src, const float *diff_dst,
                            const float *src, const double *statistics, const float *scale);

/* out = diff_dst xhat, with xhat the normalised src. */
void fv_layer_norm_hat(const fv_layer_norm_rows *rows, float *out, const float *diff_dst, const float *src,
                       const double *statistics);

#endif
