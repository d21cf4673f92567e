/* conv: dst[n,o,y] = bias[o] + sum_{i,k} weights[o,i,k] src[n,i, y stride + k dilation - pad], in 1 to 3
 * spatial dimensions, with groups (depthwise: groups = channels). As in all such tools it is a
 * cross-correlation. */
#include "ops/conv.h"

static const fv_attr rows[] = {FV_CONV_ROWS, {0}};

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

static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_conv_backward_weights(node, emit, 0, err);
}

static double macs(const fv_node *node)
{
    return fv_conv_macs(node, &node->shape);
}

const fv_op fv_op_conv = {.name = "conv",
                          .doc = "cross-correlation with learned kernels",
                          .src_min = 2,
                          .src_max = 3,
                          .parameters_from = 1,
                          .attrs_size = sizeof(fv_conv_attrs),
                          .attrs = rows,
                          .layout = FV_OP_CHANNELS_LAST,
                          .shape = shape,
                          .forward = forward,
                          .backward_data = backward_data,
                          .backward_weights = backward_weights,
                          .macs = macs,
                          .backward_sums = fv_conv_backward_sums,
                          .has_sums = fv_conv_has_sums};
