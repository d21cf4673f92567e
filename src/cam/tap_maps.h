/* Maps of many questions from an activation where a plan has it: it is read once for all of them, and not
 * copied. */
#ifndef FV_CAM_TAP_MAPS_H
#define FV_CAM_TAP_MAPS_H

#include "graph/plan.h"

/* R_j = sum_k alpha_k A_kj, as fv_cam_combine_channels has it and with the same bits, for an activation
 * N x C x [D] H x W. alpha holds the weights of one question after the other, Q N C of them in any shape; the
 * maps are Q N x 1 x [D] H x W, in the same order. */
fv_status fv_cam_tap_maps(fv_tensor **maps, const fv_plan_tap *tap, const fv_tensor *alpha, fv_error *err);

#endif
