/* From a raw map to one that can be displayed (definitions 8.3). A normaliser works on the whole tensor. */
#ifndef FV_CAM_NORMALISE_H
#define FV_CAM_NORMALISE_H

#include "tensor/tensor.h"

typedef enum fv_normaliser {
    FV_NORMALISE_NONE,
    FV_NORMALISE_RELU_MAX,       /* max(R, 0) / max R: peak exactly 1, zero stays zero */
    FV_NORMALISE_MINMAX,         /* (R - min) / (max - min) */
    FV_NORMALISE_MINMAX_FLIPPED, /* 1 - minmax */
    FV_NORMALISE_ABSMAX,         /* R / max |R|, in -1..1 */
    FV_NORMALISE_PERCENTILE, /* R / v clipped to -1..1; v: sorted |R| cumulated reaches (100 - p) % of its sum
                              */
    FV_NORMALISE_SUM,        /* max(R, 0) / sum max(R, 0) */
    FV_NORMALISE_COHORT      /* R / s, one s for a set of maps */
} fv_normaliser;

/* Why a map came out as zeros. */
typedef enum fv_map_status {
    FV_MAP_OK,
    FV_MAP_ALL_NONPOSITIVE, /* nothing above 0 where only that counts */
    FV_MAP_CONSTANT,        /* no range to stretch */
    FV_MAP_NONFINITE        /* a NaN or an infinity in the raw map */
} fv_map_status;

/* parameter: p of FV_NORMALISE_PERCENTILE (0..100, Captum uses 2), s of FV_NORMALISE_COHORT (>= 0), unused
 * otherwise. A degenerate map gives zeros and its status (FV_NORMALISE_NONE keeps the values and says
 * FV_MAP_NONFINITE or FV_MAP_OK). */
fv_status fv_cam_normalise(fv_tensor **out, const fv_tensor *map, fv_normaliser kind, double parameter,
                           fv_map_status *map_status, fv_error *err);

#endif
