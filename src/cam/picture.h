/* Pictures: RGB tensors 3 x H x W with values 0..255 (not rounded; the file writer rounds). A map or mask
 * that belongs to a picture has H x W as its last two dimensions and 1 before. Colours are r, g, b in 0..255.
 */
#ifndef FV_CAM_PICTURE_H
#define FV_CAM_PICTURE_H

#include "tensor/tensor.h"

enum { FV_COLOUR_ENTRIES = 256 };

/* Colours of a map: low takes the first entry of the table, high the last, linear between entries, clamped
 * outside. For a signed map give low = -high, so that zero takes the middle. table: 256 x 3. A NaN becomes
 * mid grey; when high <= low everything takes the first entry. */
fv_status fv_picture_colour(fv_tensor **out, const fv_tensor *map, const fv_tensor *table, double low,
                            double high, fv_error *err);

/* (1 - a) below + a above, a = alpha, times the clamped 0..1 value of weight where it is given (may be NULL).
 */
fv_status fv_picture_blend(fv_tensor **out, const fv_tensor *below, const fv_tensor *above, double alpha,
                           const fv_tensor *weight, fv_error *err);

/* The drawing functions write into picture. What lies outside of it is cut off. */

/* The boundary of a mask (non-zero elements): its members with a face neighbour outside; the edge of the grid
 * is no boundary (T10). thickness: diameter of the round brush in pixels, from 1. */
fv_status fv_picture_contour(fv_tensor *picture, const fv_tensor *mask, const float colour[3], int thickness,
                             fv_error *err);

/* Filled rectangle. */
fv_status fv_picture_rectangle(fv_tensor *picture, int64_t top, int64_t left, int64_t height, int64_t width,
                               const float colour[3], fv_error *err);

/* Copies another picture in. */
fv_status fv_picture_paste(fv_tensor *picture, const fv_tensor *part, int64_t top, int64_t left,
                           fv_error *err);

/* Smooth line segments with round ends: n times x0, y0, x1, y1 in pixels (0.5, 0.5 is the centre of the first
 * pixel), radius in pixels. They are one shape: where segments overlap nothing gets darker. */
fv_status fv_picture_strokes(fv_tensor *picture, const double *segments, size_t n, double radius,
                             const float colour[3], fv_error *err);

#endif
