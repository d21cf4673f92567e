/* Convolutions of plans that make do with less precision: sources and weights are rounded to bfloat16 (8 bits
 * of mantissa), products summed in float32. Everything else stays float32. */
#ifndef FV_OPS_CONV_BFLOAT_H
#define FV_OPS_CONV_BFLOAT_H

#include "ops/conv_work.h"

/* Whether the plan wants it, and it pays: rounding takes time. */
int fv_conv_is_bfloat(const fv_node *node, const fv_emit *emit);

/* Both do nothing for a convolution that stays as it is. */
fv_status fv_conv_round_weights(fv_conv_work *work, const fv_node *node, const fv_emit *emit, fv_error *err);
fv_status fv_conv_round_source(const fv_node *node, fv_emit *emit, fv_value *from, fv_value **out,
                               fv_error *err);

#endif
