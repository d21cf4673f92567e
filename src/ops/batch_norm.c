/* batch_norm: dst = scale (src - mean) / sqrt(variance + epsilon) + shift, per channel (Ioffe and Szegedy
 * 2015). Outside train mode mean and variance are the running statistics, sources 3 and 4. In train mode they
 * are those of the batch (biased variance), gradients flow through them, and each forward pass updates the
 * running statistics in place: running = (1 - momentum) running + momentum batch, where the variance of the
 * batch is unbiased, as PyTorch has it.
 *
 * oneDNN has batch normalisation, but adds up in float and by thread: at 20x512x512 its variance is off by
 * 7e-5 and its bits depend on the number of threads. These are our kernels (norm.h), at the same speed. */
#include "ops/norm.h"

typedef struct batch_norm_attrs {
    double epsilon, momentum;
} batch_norm_attrs;

static const fv_attr rows[] = {
    {"epsilon", FV_ATTR_FLOAT, offsetof(batch_norm_attrs, epsilon), 1e-5, "added to the variance", NULL},
    {"momentum", FV_ATTR_FLOAT, offsetof(batch_norm_attrs, momentum), 0.1,
     "share of the batch in the running statistics (train mode)", NULL},
    {0}};

static fv_norm norm_of(const fv_node *node)
{
    const batch_norm_attrs *a = node->attrs;
    return (fv_norm){.batch = 1, .epsilon = a->epsilon, .momentum = a->momentum};
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const batch_norm_attrs *a = node->attrs;
    if (!(a->momentum >= 0.0 && a->momentum <= 1.0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "momentum must be between 0 and 1, not %g", a->momentum);
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

const fv_op fv_op_batch_norm = {.name = "batch_norm",
                                .doc = "normalisation per channel over the batch, or by running statistics",
                                .src_min = 5,
                                .src_max = 5,
                                .parameters_from = 1,
                                .attrs_size = sizeof(batch_norm_attrs),
                                .attrs = rows,
                                .layout = FV_OP_ANY,
                                .shape = shape,
                                .forward = forward,
                                .backward_data = backward_data,
                                .backward_weights = backward_weights};
