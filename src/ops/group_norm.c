/* group_norm: dst = scale (src - mean) / sqrt(variance + epsilon) + shift, statistics per group of
 * neighbouring channels of each image (Wu and He 2018), scale and shift per channel. They may be left out.
 *
 * oneDNN 2.6 has no such primitive, 3.x only a reference one backward; these are our kernels (norm.h). */
#include "ops/norm.h"

typedef struct group_norm_attrs {
    int64_t groups;
    double epsilon;
} group_norm_attrs;

static const fv_attr rows[] = {
    {"groups", FV_ATTR_INT, offsetof(group_norm_attrs, groups), FV_ATTR_REQUIRED,
     "number of groups of channels", NULL},
    {"epsilon", FV_ATTR_FLOAT, offsetof(group_norm_attrs, epsilon), 1e-5, "added to the variance", NULL},
    {0}};

static fv_norm norm_of(const fv_node *node)
{
    const group_norm_attrs *a = node->attrs;
    return (fv_norm){.groups = a->groups, .epsilon = a->epsilon};
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const group_norm_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    FV_TRY(fv_norm_shape(node, a->epsilon, err));
    if (a->groups < 1 || node->shape.dim[1] % a->groups)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: its channels do not fall into %lld groups",
                       fv_shape_text(&node->shape, text), (long long)a->groups);
    return FV_OK;
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

const fv_op fv_op_group_norm = {.name = "group_norm",
                                .doc = "normalisation per group of channels of each image",
                                .src_min = 1,
                                .src_max = 3,
                                .parameters_from = 1,
                                .attrs_size = sizeof(group_norm_attrs),
                                .attrs = rows,
                                .layout = FV_OP_ANY,
                                .shape = shape,
                                .forward = forward,
                                .backward_data = backward_data,
                                .backward_weights = backward_weights};
