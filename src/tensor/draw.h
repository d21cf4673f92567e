/* Shapes as fields, H x W: the signed distance of each pixel's centre to the border, negative inside, in
 * pixels. A field is turned into an exact mask (below 0) and into a picture's coverage (fv_draw_cover), so
 * that the two agree. Places are continuous coordinates: 0.5, 0.5 is the centre of the first pixel. */
#ifndef FV_TENSOR_DRAW_H
#define FV_TENSOR_DRAW_H

#include "tensor/tensor.h"

/* A piece of a line with round ends, its radius running from one end's to the other's. */
typedef struct fv_stroke {
    double x0, y0, r0, x1, y1, r1;
    double value; /* what the pixels nearest to it get in the third plane */
} fv_stroke;

/* The union of strokes, 3 x H x W: the field, but never above reach; the distance to the middle line as a
 * part of the radius there (2 beyond twice the radius); the value of the nearest stroke (0 out of reach). */
fv_status fv_draw_strokes(fv_tensor **out, int64_t h, int64_t w, const fv_stroke *strokes, size_t n,
                          double reach, fv_error *err);

enum { FV_BLOB_HARMONICS = 16 };

/* A round shape: an ellipse whose radius goes with the direction as 1 + sum a_k cos(k t) + b_k sin(k t). */
typedef struct fv_blob {
    double x, y, radius_x, radius_y; /* centre, half axes in pixels */
    double cosine, sine;             /* of the angle between the first half axis and the rows */
    int harmonics;
    double a[FV_BLOB_HARMONICS], b[FV_BLOB_HARMONICS]; /* a[0] belongs to k = 1 */
} fv_blob;

/* Field of a blob. Its zero is exact; away from the border it is measured along the ray from the centre,
 * scaled by the mean half axis. */
fv_status fv_draw_blob(fv_tensor **out, int64_t h, int64_t w, const fv_blob *blob, fv_error *err);

/* Coverage of a field: 1 inside, 0 outside, smooth (3 t^2 - 2 t^3) over `softness` pixels around the border.
 */
fv_status fv_draw_cover(fv_tensor **out, const fv_tensor *field, double softness, fv_error *err);

/* Gaussian blur of the last two axes, standard deviation in pixels, cut at three of them; the picture goes on
 * as in a mirror. 0 copies. */
fv_status fv_draw_blur(fv_tensor **out, const fv_tensor *src, double sigma, fv_error *err);

#endif
