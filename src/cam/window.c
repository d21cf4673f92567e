#include "cam/window.h"

/* Source index of position i on an axis of n elements, -1 for outside. */
static int64_t source(int64_t i, int64_t n, fv_window_fill fill)
{
    if (i >= 0 && i < n) return i;
    if (fill == FV_WINDOW_ZERO) return -1;
    if (n == 1) return 0;
    int64_t period = 2 * (n - 1);
    i = (i % period + period) % period;
    return i < n ? i : period - i;
}

fv_status fv_window(fv_tensor **out, const fv_tensor *src, int64_t top, int64_t left, int64_t height,
                    int64_t width, fv_window_fill fill, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    fv_shape shape = src->shape;
    *out = NULL;
    if (shape.rank < 2 || src->count == 0 || height < 1 || width < 1)
        return fv_fail(err, FV_STATUS_SHAPE, "window: cannot take %lldx%lld out of %s", (long long)height,
                       (long long)width, fv_shape_text(&src->shape, text));
    int64_t h = shape.dim[shape.rank - 2], w = shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 2] = height;
    shape.dim[shape.rank - 1] = width;
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
    for (size_t plane = 0; plane < src->count / (size_t)(h * w); plane++) {
        const float *from = src->data + plane * (size_t)(h * w);
        for (int64_t y = 0; y < height; y++) {
            int64_t sy = source(y + top, h, fill);
            for (int64_t x = 0; x < width; x++) {
                int64_t sx = source(x + left, w, fill);
                *to++ = sy < 0 || sx < 0 ? 0 : from[sy * w + sx];
            }
        }
    }
    return FV_OK;
}
