/* conv_sum: the convolution of several sources as if they were concatenated along the channels, plus another
 * tensor: dst = activation(sum_k conv(src[k], weights[:, channels of k]) + addend + bias). It is what folding
 * makes of a convolution over a concatenation, and of a residual sum; neither is built. Each source has its
 * own gradient, so that of a source nobody wants is not computed. */
#include "ops/conv.h"

#include <limits.h>

static const fv_attr rows[] = {
    FV_CONV_ROWS,
    FV_CONV_ROW(addend, FV_ATTR_BOOL, 0, "the last source before weights (and behind) is added"),
    FV_CONV_ROW(behind, FV_ATTR_INT, 0,
                "set by plans: the source, from 1, whose gradient goes to the second but last source before "
                "weights, by the last"),
    {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    return fv_conv_shape(node, 0, err);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_conv_forward(node, emit, 0, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_conv_backward_data(node, emit, 0, err);
}

static double macs(const fv_node *node)
{
    return fv_conv_macs(node, &node->shape);
}

const fv_op fv_op_conv_sum = {.name = "conv_sum",
                              .doc = "convolution of the joined channels of several sources, plus a tensor",
                              .src_min = 3,
                              .src_max = INT_MAX,
                              .parameters_from = -2,
                              .attrs_size = sizeof(fv_conv_attrs),
                              .attrs = rows,
                              .layout = FV_OP_CHANNELS_LAST,
                              .shape = shape,
                              .forward = forward,
                              .backward_data = backward_data,
                              .macs = macs,
                              .backward_sums = fv_conv_backward_sums,
                              .has_sums = fv_conv_has_sums};
