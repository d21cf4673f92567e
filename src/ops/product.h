/* Matrix products of values: what linear and matmul share. oneDNN's matmul, which takes any strides of its
 * factors. It may split a long inner axis among threads: the last bits of such a product depend on their
 * number. */
#ifndef FV_OPS_PRODUCT_H
#define FV_OPS_PRODUCT_H

#include "graph/emit.h"

/* A value read as matrices: batch axes, then rows and columns. */
typedef struct fv_factor {
    fv_value *value;
    fv_shape shape;
    int64_t stride[FV_MAX_RANK];
} fv_factor;

/* A row-major value under another shape of as many elements. */
fv_factor fv_factor_of(fv_value *value, const fv_shape *shape);

/* Rows and columns exchanged. */
fv_factor fv_factor_transposed(fv_factor factor);

/* Emits dst = a b, of one rank; batch axes of size 1 broadcast. dst should be row-major. */
fv_status fv_emit_product(fv_emit *emit, const fv_factor *a, const fv_factor *b, const fv_factor *dst,
                          fv_error *err);

/* Emits dst = a b + bias for matrices, where b is parameter `source` of the node, packed once, and bias (may
 * be NULL) has one entry per column. */
fv_status fv_emit_product_packed(fv_emit *emit, const fv_factor *a, int source, const fv_factor *b,
                                 fv_value *bias, const fv_factor *dst, fv_error *err);

#endif
