/* Matrix products of small matrices, for analysis code; networks multiply through the engine. */
#ifndef FV_TENSOR_MATMUL_H
#define FV_TENSOR_MATMUL_H

#include "tensor/tensor.h"

/* a {.., m, k} times b {.., k, n} gives {.., m, n}, accumulated in double. The axes before the matrices
 * broadcast. FV_STATUS_SHAPE, with both shapes in the text, when they do not fit. */
fv_status fv_tensor_matmul(fv_tensor **out, const fv_tensor *a, const fv_tensor *b, fv_error *err);

#endif
