/* Order statistics of all elements: sort, quantile, top-k, histogram. */
#ifndef FV_TENSOR_ORDER_H
#define FV_TENSOR_ORDER_H

#include "tensor/tensor.h"

/* The elements in ascending order as a tensor of rank 1; NaN comes last. */
fv_status fv_tensor_sort(fv_tensor **out, const fv_tensor *src, fv_error *err);

/* The value below which the fraction q of the elements lies, 0 <= q <= 1, with linear interpolation: at
 * position h = (n - 1) q of the sorted elements, x[floor h] + (h - floor h) (x[floor h + 1] - x[floor h])
 * (type 7 of Hyndman and Fan 1996, NumPy's default). NaN if an element is NaN. FV_STATUS_SHAPE without
 * elements. */
fv_status fv_tensor_quantile(double *out, const fv_tensor *src, double q, fv_error *err);

/* Mask (1 and 0, shape of src) of exactly k elements, or of all when k is larger: those that come first when
 * ordered by value descending, then by flat position ascending; NaN ranks below everything. *ties is set when
 * an element that was left out equals one that was taken. definitions T4. */
fv_status fv_tensor_top_k(fv_tensor **out, int *ties, const fv_tensor *src, size_t k, fv_error *err);

/* Ranks of the elements in ascending order, from 1, shape of src; equal elements share the mean of their
 * ranks (mid-ranks; exact to 2^23 elements). NaN has the rank NaN. */
fv_status fv_tensor_ranks(fv_tensor **out, const fv_tensor *src, fv_error *err);

/* Counts per bin for `bins` bins of equal width over [low, high]; a bin holds its lower edge, the last one
 * both edges. Elements outside and NaN are not counted. low == high is widened by 0.5 on both sides. *counts
 * has shape {bins} (floats: exact to 2^24 per bin), *edges {bins + 1}. */
fv_status fv_tensor_histogram(fv_tensor **counts, fv_tensor **edges, const fv_tensor *src, int64_t bins,
                              double low, double high, fv_error *err);

#endif
