/* Normalisation over sets of elements of N C spatial...: what batch_norm, instance_norm and group_norm share.
 *
 *     dst = scale[c] (src - mean[set]) inv[set] + shift[c],   inv = 1 / sqrt(variance + epsilon)
 *
 * A set is a channel over the whole batch, or a group of neighbouring channels of one image. Statistics are
 * biased (divided by the size of the set), in double; sums run over fixed pieces, so the bits do not depend
 * on the number of threads. */
#ifndef FV_OPS_NORM_H
#define FV_OPS_NORM_H

#include "graph/emit.h"

typedef struct fv_norm {
    int batch;      /* a set is a channel; sources 3 and 4 are the running mean and variance */
    int64_t groups; /* otherwise: of channels, per image */
    double epsilon;
    double momentum; /* of the running statistics */
} fv_norm;

/* Sources from 1 on: scale, shift, and for batch the mean and variance: one entry per channel each. */
fv_status fv_norm_shape(fv_node *node, double epsilon, fv_error *err);

/* Batch: in train mode with the statistics of the batch, and running = (1 - momentum) running + momentum
 * batch (the variance unbiased, as PyTorch has it); otherwise with the running statistics. */
fv_status fv_norm_forward(const fv_node *node, fv_emit *emit, const fv_norm *norm, fv_error *err);
fv_status fv_norm_backward_data(const fv_node *node, fv_emit *emit, const fv_norm *norm, fv_error *err);
fv_status fv_norm_backward_weights(const fv_node *node, fv_emit *emit, const fv_norm *norm, fv_error *err);

#endif
