/* A window of a grid: crop, pad, and the inverse of both are one operation. */
#ifndef FV_CAM_WINDOW_H
#define FV_CAM_WINDOW_H

#include "tensor/tensor.h"

typedef enum fv_window_fill {
    FV_WINDOW_ZERO,
    FV_WINDOW_REFLECT /* mirrored at the border element, which is not repeated; again and again where needed
                       */
} fv_window_fill;

/* height x width elements of the last two axes, from (top, left) on, which may lie outside: element (y, x) is
 * src (y + top, x + left). FV_STATUS_SHAPE for a rank below 2, an empty grid or a size below 1. */
fv_status fv_window(fv_tensor **out, const fv_tensor *src, int64_t top, int64_t left, int64_t height,
                    int64_t width, fv_window_fill fill, fv_error *err);

#endif
