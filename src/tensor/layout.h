/* Moving elements about: slices, permutations, stretching, joining. Results are new contiguous tensors. Axes
 * and positions count from 0. */
#ifndef FV_TENSOR_LAYOUT_H
#define FV_TENSOR_LAYOUT_H

#include "tensor/tensor.h"

/* FV_STATUS_ARGUMENT, with the shape in the text, unless 0 <= axis < rank. */
fv_status fv_check_axis(const fv_shape *shape, int axis, const char *what, fv_error *err);

/* Elements start, start + step, ... of an axis, `count` of them (step may be negative). FV_STATUS_ARGUMENT
 * when any of them lies outside. */
fv_status fv_tensor_slice(fv_tensor **out, const fv_tensor *src, int axis, int64_t start, int64_t count,
                          int64_t step, fv_error *err);

/* One position of an axis; the axis is dropped. */
fv_status fv_tensor_select(fv_tensor **out, const fv_tensor *src, int axis, int64_t index, fv_error *err);

/* Axis i of the result is axis order[i] of src; order holds each of the rank axes once. */
fv_status fv_tensor_permute(fv_tensor **out, const fv_tensor *src, const int order[], fv_error *err);

/* src repeated along axes of size 1, and along new axes in front, up to shape. */
fv_status fv_tensor_expand(fv_tensor **out, const fv_tensor *src, const fv_shape *shape, fv_error *err);

/* n >= 1 tensors joined along an axis; all other dimensions must agree. */
fv_status fv_tensor_concat(fv_tensor **out, const fv_tensor *const src[], int n, int axis, fv_error *err);

#endif
