/* The arithmetic of norm.h, free of the graph. K = N x C: one entry per channel of an image, k = n C + c. */
#ifndef FV_OPS_NORM_MATH_H
#define FV_OPS_NORM_MATH_H

#include "ops/fold.h"

typedef struct fv_norm_view {
    int64_t n, c, s; /* batch, channels, positions */
    int channels_last;
    int batch;       /* sets are channels over the batch */
    int64_t per_set; /* otherwise: channels per set */
    double epsilon;
} fv_norm_view;

int64_t fv_norm_sets(const fv_norm_view *view);
/* Elements in a set. */
int64_t fv_norm_set_size(const fv_norm_view *view);

/* Sums over the positions, per k. */
void fv_norm_fold(fv_fold *fold, const fv_norm_view *view);

/* Mean and 1 / sqrt(variance + epsilon) of each set, from the sums of x and x x. variance may be NULL. */
void fv_norm_statistics(const fv_norm_view *view, const double *sums, double *mean, double *inv,
                        double *variance);

/* Tables of K entries each: out = gain u + slope (x - centre) + offset. */
typedef struct fv_norm_table {
    float *gain, *slope, *centre, *offset;
} fv_norm_table;

/* The four tables in 4 K floats. */
fv_norm_table fv_norm_table_in(const fv_norm_view *view, float *memory);

/* Table of the forward pass: no gain. scale and shift may be NULL. */
void fv_norm_table_forward(const fv_norm_view *view, const fv_norm_table *table, const double *mean,
                           const double *inv, const float *scale, const float *shift);

/* Table of the gradient of src where mean and inv do not depend on it; x is then the gradient of dst. */
void fv_norm_table_fixed(const fv_norm_view *view, const fv_norm_table *table, const double *inv,
                         const float *scale);

/* Table of the gradient of src, with u the gradient of dst; sums are those of u and u x. set_sums: room for 2
 * entries per set. */
void fv_norm_table_backward(const fv_norm_view *view, const fv_norm_table *table, const double *mean,
                            const double *inv, const float *scale, const double *sums, double *set_sums);

/* Gradients of scale and shift, C each, from the same sums; and of the mean and variance where those are
 * parameters (both NULL otherwise). */
typedef struct fv_norm_gradients {
    float *scale, *shift, *mean, *variance;
} fv_norm_gradients;

void fv_norm_parameters_backward(const fv_norm_view *view, const fv_norm_gradients *out, const double *mean,
                                 const double *inv, const float *scale, const double *sums);

/* Applies a table. u NULL: without the gain. */
void fv_norm_apply(const fv_norm_view *view, const fv_norm_table *table, float *out, const float *u,
                   const float *x);

#endif
