/* What the gradient of an activation wants to know of its result, as bits: whether the slope there is 1. */
#ifndef FV_OPS_CONV_SIGNS_H
#define FV_OPS_CONV_SIGNS_H

#include "ops/conv.h"

/* Whether the activation of a convolution has two slopes only, 1 and another. */
int fv_signs_suffice(const fv_node *node);

/* Emits the bits of dst. */
fv_status fv_signs_forward(const fv_node *node, fv_emit *emit, fv_value **bits, fv_error *err);

/* Emits diff = slope times the gradient of dst. */
fv_status fv_signs_backward(const fv_node *node, fv_emit *emit, fv_value *bits, fv_value *diff,
                            fv_error *err);

#endif
