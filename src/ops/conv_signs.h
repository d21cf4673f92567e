/* What the gradient of an activation wants to know of its result, as bits: whether the slope there is 1. */
#ifndef FV_OPS_CONV_SIGNS_H
#define FV_OPS_CONV_SIGNS_H

#include "ops/conv.h"

/* An activation whose slope is 1 where its result lies between low and high, `slope` elsewhere. */
typedef struct fv_conv_gate {
    float low, high, slope;
} fv_conv_gate;

/* That of a convolution; 0 when it is of another kind. */
int fv_conv_gate_of(const fv_node *node, fv_conv_gate *gate);

/* Room for a bit of each element of dst, in the order in which they lie. */
fv_status fv_signs_new(const fv_node *node, fv_emit *emit, fv_value **bits, fv_error *err);

/* Emits the bits of dst. */
fv_status fv_signs_forward(const fv_node *node, fv_emit *emit, fv_value **bits, fv_error *err);

/* Emits diff = slope times the gradient of dst. */
fv_status fv_signs_backward(const fv_node *node, fv_emit *emit, fv_value *bits, fv_value *diff,
                            fv_error *err);

#endif
