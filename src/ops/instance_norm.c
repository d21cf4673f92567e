/* instance_norm: dst = scale (src - mean) / sqrt(variance + epsilon) + shift, statistics per channel of each
 * image (Ulyanov et al. 2016), in every mode. Scale and shift may be left out.
 *
 * oneDNN 2.6 has no such primitive, 3.x only a reference one backward; these are our kernels (norm.h). */
#include "ops/norm.h"

typedef struct instance_norm_attrs {
    double epsilon;
} instance_norm_attrs;

static const fv_attr rows[] = {
    {"epsilon", FV_ATTR_FLOAT, offsetof(instance_norm_attrs, epsilon), 1e-5, "added to the variance", NULL},
    {0}};

static fv_norm norm_of(const fv_node *node)
{
    const instance_norm_attrs *a = node->attrs;
    return (fv_norm){.groups = node->shape.dim[1], .epsilon = a->epsilon};
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const instance_norm_attrs *a = node->attrs;
    return fv_norm_shape(node, a->epsilon, err);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_norm norm = norm_of(node);
    return fv_norm_forward(node, emit, &norm, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_norm norm = norm_of(node);
    return fv_norm_backward_data(node, emit, &norm, err);
}

static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_norm norm = norm_of(node);
    return fv_norm_backward_weights(node, emit, &norm, err);
}

const fv_op fv_op_instance_norm = {.name = "instance_norm",
                                   .doc = "normalisation per channel of each image",
                                   .src_min = 1,
                                   .src_max = 3,
                                   .parameters_from = 1,
                                   .attrs_size = sizeof(instance_norm_attrs),
                                   .attrs = rows,
                                   .layout = FV_OP_ANY,
                                   .shape = shape,
                                   .forward = forward,
                                   .backward_data = backward_data,
                                   .backward_weights = backward_weights};
