/* Reductions. Sums and products are accumulated in double, in an order that depends on the shape alone. */
#ifndef FV_TENSOR_REDUCE_H
#define FV_TENSOR_REDUCE_H

#include "tensor/tensor.h"

typedef enum fv_reduction {
    FV_REDUCE_SUM,
    FV_REDUCE_MEAN,
    FV_REDUCE_MAX, /* NaN if any element is NaN; so is min */
    FV_REDUCE_MIN,
    FV_REDUCE_VAR, /* of the population: the divisor is the number of elements */
    FV_REDUCE_STD, /* square root of var */
    FV_REDUCE_PROD,
    FV_REDUCE_ANY, /* 1 if an element is not 0, else 0 */
    FV_REDUCE_COUNT
} fv_reduction;

/* Lower-case name ("sum"), used in error texts. */
const char *fv_reduction_name(fv_reduction op);

/* Reduces the axes whose bit is set in axes (bit 0: axis 0). The reduced axes are dropped, or kept with size
 * 1 when keep_dims is set. No axis at all gives a copy in effect (var: zeros; any: 0 or 1). max and min of
 * nothing are an error (FV_STATUS_SHAPE); mean, var and std of nothing are NaN. */
fv_status fv_tensor_reduce(fv_tensor **out, fv_reduction op, const fv_tensor *src, unsigned axes,
                           int keep_dims, fv_error *err);

/* Reduces all elements to one number, unrounded. Same rules. */
fv_status fv_tensor_reduce_all(double *out, fv_reduction op, const fv_tensor *src, fv_error *err);

/* Flat position of the largest element, the first of equals. NaN never wins; 0 when all are NaN.
 * FV_STATUS_SHAPE when there is no element. */
fv_status fv_tensor_argmax(size_t *out, const fv_tensor *src, fv_error *err);

/* As fv_tensor_argmax along one axis, which is dropped: a tensor of positions from 0, plus `base` (floats
 * hold integers exactly to 2^24). */
fv_status fv_tensor_argmax_axis(fv_tensor **out, const fv_tensor *src, int axis, int base, fv_error *err);

/* exp(x - max) / sum along one axis, accumulated in double. A NaN spoils its own line only; a line of -inf
 * only is NaN. */
fv_status fv_tensor_softmax(fv_tensor **out, const fv_tensor *src, int axis, fv_error *err);

#endif
