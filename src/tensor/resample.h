/* Resizing of images and volumes. */
#ifndef FV_TENSOR_RESAMPLE_H
#define FV_TENSOR_RESAMPLE_H

#include "tensor/tensor.h"

typedef enum fv_resize_mode { FV_RESIZE_LINEAR, FV_RESIZE_NEAREST } fv_resize_mode;

/* Source position s of destination index d, for n source and m destination elements. */
typedef enum fv_coordinates {
    FV_COORDINATES_HALF_PIXEL,    /* (d + 1/2) n / m - 1/2: the centres of the elements correspond */
    FV_COORDINATES_ALIGN_CORNERS, /* d (n - 1) / (m - 1): the centres of the outer elements coincide; 0 if m =
                                     1 */
    FV_COORDINATES_ASYMMETRIC     /* d n / m: the left edges correspond */
} fv_coordinates;

/* Resizes the last `axes` axes of src to size[]; the others are carried along. s is clamped to [0, n - 1].
 * Linear interpolation runs axis by axis in double and never leaves the range of the source; nearest takes
 * the element in which s lies: rounding half up for half_pixel and align_corners, floor for asymmetric. An
 * axis that keeps its size is copied unchanged. FV_STATUS_SHAPE when there are too many sizes, a size is
 * below 1 or the source has no elements. */
fv_status fv_tensor_resize(fv_tensor **out, const fv_tensor *src, int axes, const int64_t size[],
                           fv_resize_mode mode, fv_coordinates coordinates, fv_error *err);

#endif
