/* conv_transpose: the adjoint of conv with respect to src; weights are I x O/groups x k..., and
 * size = (src - 1) stride - pad - pad_end + dilation (kernel - 1) + 1 + output_pad. */
#include "ops/conv.h"

static const fv_attr rows[] = {
    FV_CONV_ROWS,
    FV_CONV_ROW(output_pad, FV_ATTR_SPATIAL, 0, "size added at the end of each axis of dst"),
    {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    return fv_conv_shape(node, 1, err);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_conv_forward(node, emit, 1, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_conv_backward_data(node, emit, 1, err);
}

static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_conv_backward_weights(node, emit, 1, err);
}

static double macs(const fv_node *node)
{
    return fv_conv_macs(node, &node->src[0]->shape);
}

const fv_op fv_op_conv_transpose = {.name = "conv_transpose",
                                    .doc = "adjoint of a convolution: learned upsampling",
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
                                    .macs = macs};
