/* Questions about a tensor: equality, bit hash, and the numbers that printing shows. */
#ifndef FV_TENSOR_INSPECT_H
#define FV_TENSOR_INSPECT_H

#include "tensor/tensor.h"

/* Same shape and same values. NaN equals NaN, and 0 equals -0. */
int fv_tensor_equal(const fv_tensor *a, const fv_tensor *b);

/* FNV-1a over the dimensions and the 32-bit patterns of the elements (Fowler, Noll and Vo), independent of
 * byte order: equal hashes mean, for all practical purposes, the same shape and the same bits. */
uint64_t fv_tensor_hash(const fv_tensor *t);

/* True when no element is NaN or infinite. */
int fv_tensor_is_finite(const fv_tensor *t);

size_t fv_tensor_count_nonzero(const fv_tensor *t);

typedef struct fv_summary {
    size_t nans, infinities;
    double min, max, mean; /* over the finite elements; NaN when there is none */
} fv_summary;

fv_summary fv_tensor_summary(const fv_tensor *t);

#endif
