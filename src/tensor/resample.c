#include "tensor/resample.h"
#include "base/clones.h"
#include "tensor/broadcast.h"

#include <math.h>
#include <string.h>

/* Where the elements of one resized axis come from: between source elements low and high. */
typedef struct tap {
    int64_t low, high;
    double weight; /* of high */
} tap;

/* The numerator and denominator of s (see fv_coordinates), exact for nearest. */
static void position(int64_t d, int64_t n, int64_t m, fv_coordinates coordinates, int64_t *top,
                     int64_t *bottom)
{
    switch (coordinates) {
    case FV_COORDINATES_HALF_PIXEL:
        *top = (2 * d + 1) * n - m;
        *bottom = 2 * m;
        break;
    case FV_COORDINATES_ALIGN_CORNERS:
        *top = d * (n - 1);
        *bottom = m > 1 ? m - 1 : 1;
        break;
    default:
        *top = d * n;
        *bottom = m;
    }
}

static tap make_tap(int64_t d, int64_t n, int64_t m, fv_resize_mode mode, fv_coordinates coordinates)
{
    int64_t top, bottom;
    tap t = {0};
    position(d, n, m, coordinates, &top, &bottom);
    if (top < 0) top = 0;
    t.low = top / bottom;
    if (mode == FV_RESIZE_NEAREST && coordinates != FV_COORDINATES_ASYMMETRIC)
        t.low = (2 * top + bottom) / (2 * bottom);
    if (t.low > n - 1) t.low = n - 1;
    t.high = t.low < n - 1 && mode == FV_RESIZE_LINEAR ? t.low + 1 : t.low;
    if (t.high > t.low) t.weight = (double)(top - t.low * bottom) / (double)bottom;
    return t;
}

/* Weight 0 keeps infinities; double keeps the result between a and b after rounding, and a constant constant.
 */
static float blend(float a, float b, double weight)
{
    return weight == 0 ? a : (float)((double)a + weight * ((double)b - (double)a));
}

/* One row of the last axis: a gather. */
FV_CLONES static void resize_row(float *restrict to, const float *restrict from, const tap *taps, int64_t m)
{
#pragma omp simd
    for (int64_t i = 0; i < m; i++) to[i] = blend(from[taps[i].low], from[taps[i].high], taps[i].weight);
}

/* One row of an outer axis: two source rows blended. */
FV_CLONES static void blend_rows(float *restrict to, const float *a, const float *b, double weight, int64_t n)
{
    if (weight == 0) {
        memcpy(to, a, (size_t)n * sizeof *to);
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] = (float)((double)a[i] + weight * ((double)b[i] - (double)a[i]));
}

/* Resizes one axis of src; taps has one entry per element of the new axis. */
static void resize_axis(fv_tensor *out, const fv_tensor *src, int axis, const tap *taps)
{
    int64_t n = src->shape.dim[axis], m = out->shape.dim[axis], inner = 1;
    for (int i = axis + 1; i < src->shape.rank; i++) inner *= src->shape.dim[i];
    int64_t rows = (int64_t)out->count / (inner == 1 ? m : inner);
#pragma omp parallel for schedule(static) if (out->count >= FV_PARALLEL_MIN)
    for (int64_t row = 0; row < rows; row++) {
        if (inner == 1) {
            resize_row(out->data + row * m, src->data + row * n, taps, m);
        } else {
            const tap *t = &taps[row % m];
            const float *from = src->data + row / m * n * inner;
            blend_rows(out->data + row * inner, from + t->low * inner, from + t->high * inner, t->weight,
                       inner);
        }
    }
}

static fv_status check_resize(const fv_tensor *src, int axes, const int64_t size[], fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    if (axes < 1 || axes > src->shape.rank || !src->count)
        return fv_fail(err, FV_STATUS_SHAPE, "resize: %d sizes for shape %s", axes,
                       fv_shape_text(&src->shape, text));
    for (int i = 0; i < axes; i++)
        if (size[i] < 1 || size[i] > INT32_MAX || src->shape.dim[src->shape.rank - axes + i] > INT32_MAX)
            return fv_fail(err, FV_STATUS_SHAPE, "resize: no size of %lld for shape %s", (long long)size[i],
                           fv_shape_text(&src->shape, text));
    return FV_OK;
}

/* Replaces *t, which is released, by itself with one axis resized. */
static fv_status replace_axis(fv_tensor **t, int axis, int64_t m, fv_resize_mode mode,
                              fv_coordinates coordinates, fv_error *err)
{
    fv_status status;
    fv_tensor *out = NULL;
    tap *taps = NULL;
    fv_shape shape = (*t)->shape;
    int64_t n = shape.dim[axis];
    if (n == m) return FV_OK;
    shape.dim[axis] = m;
    FV_TRY_GOTO(fv_calloc(&taps, (size_t)m, sizeof *taps, err));
    FV_TRY_GOTO(fv_tensor_new(&out, &shape, err));
    for (int64_t d = 0; d < m; d++) taps[d] = make_tap(d, n, m, mode, coordinates);
    resize_axis(out, *t, axis, taps);
    fv_tensor_release(*t);
    *t = out;
done:
    fv_free(taps);
    return status;
}

fv_status fv_tensor_resize(fv_tensor **out, const fv_tensor *src, int axes, const int64_t size[],
                           fv_resize_mode mode, fv_coordinates coordinates, fv_error *err)
{
    fv_status status;
    *out = NULL;
    FV_TRY(check_resize(src, axes, size, err));
    FV_TRY(fv_tensor_reshape(out, src, &src->shape, err)); /* shares the elements until an axis changes */
    for (int i = axes - 1; i >= 0; i--) {
        int axis = src->shape.rank - axes + i;
        FV_TRY_GOTO(replace_axis(out, axis, size[i], mode, coordinates, err));
    }
    if ((*out)->data != src->data) return FV_OK;
    fv_tensor_release(*out);
    return fv_tensor_copy(out, src, err);
done:
    fv_tensor_release(*out);
    *out = NULL;
    return status;
}
