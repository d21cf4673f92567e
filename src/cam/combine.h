/* Channel weighting and combination of activations A and gradients G = dS/dA (definitions 8.4): tensors
 * N x C x [D] H x W, one batch item after the other, any number of spatial axes. Maps come out as
 * N x 1 x [D] H x W, raw and signed. All sums accumulate in double, in an order that does not depend on the
 * number of threads. A NaN or infinity in A or G reaches the result: check it with the status of the
 * normaliser. */
#ifndef FV_CAM_COMBINE_H
#define FV_CAM_COMBINE_H

#include "tensor/tensor.h"

/* alpha_k = (1/Z) sum_j G_kj, Z = number of spatial positions: N x C x 1 x 1 (M2, 1610.02391, 2002.11434).
 * FV_STATUS_SHAPE for a rank below 3 or an empty spatial extent. */
fv_status fv_cam_channel_weights(fv_tensor **alpha, const fv_tensor *gradient, fv_error *err);

/* R_j = sum_k alpha_k A_kj (M2 with the weights above; any first-order method with its own). alpha holds N *
 * C elements in any shape. */
fv_status fv_cam_combine_channels(fv_tensor **map, const fv_tensor *activation, const fv_tensor *alpha,
                                  fv_error *err);

/* R_j = sum_k G_kj A_kj (M3, HiResCAM, 2011.08891). G has the shape of A. */
fv_status fv_cam_combine_elements(fv_tensor **map, const fv_tensor *activation, const fv_tensor *gradient,
                                  fv_error *err);

#endif
