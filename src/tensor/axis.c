/* The operations of reduce.h that run along one axis: argmax and softmax. */
#include "tensor/broadcast.h"
#include "tensor/layout.h"
#include "tensor/reduce.h"

#include <math.h>

/* A tensor seen as outer x size x inner around one axis. */
typedef struct lines {
    int64_t outer, size, inner;
} lines;

static lines lines_of(const fv_shape *shape, int axis)
{
    lines l = {1, shape->dim[axis], 1};
    for (int i = 0; i < axis; i++) l.outer *= shape->dim[i];
    for (int i = axis + 1; i < shape->rank; i++) l.inner *= shape->dim[i];
    return l;
}

static fv_status no_elements(const char *what, const fv_shape *shape, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    return fv_fail(err, FV_STATUS_SHAPE, "%s: shape %s has no elements", what, fv_shape_text(shape, text));
}

/* Position of the largest of n elements with a stride. */
static int64_t largest(const float *x, int64_t n, int64_t stride)
{
    int64_t best = 0;
    while (best < n - 1 && x[best * stride] != x[best * stride]) best++; /* the first that is not NaN */
    if (x[best * stride] != x[best * stride]) return 0;
    for (int64_t i = best + 1; i < n; i++)
        if (x[i * stride] > x[best * stride]) best = i;
    return best;
}

fv_status fv_tensor_argmax(size_t *out, const fv_tensor *src, fv_error *err)
{
    if (!src->count) return no_elements("argmax", &src->shape, err);
    *out = (size_t)largest(src->data, (int64_t)src->count, 1);
    return FV_OK;
}

fv_status fv_tensor_argmax_axis(fv_tensor **out, const fv_tensor *src, int axis, int base, fv_error *err)
{
    fv_shape shape = src->shape;
    *out = NULL;
    FV_TRY(fv_check_axis(&shape, axis, "argmax", err));
    lines l = lines_of(&shape, axis);
    if (!l.size) return no_elements("argmax", &shape, err);
    shape.rank--;
    for (int i = axis; i < shape.rank; i++) shape.dim[i] = shape.dim[i + 1];
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if (src->count >= FV_PARALLEL_MIN)
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        const float *x = src->data + i / l.inner * l.size * l.inner + i % l.inner;
        to[i] = (float)(largest(x, l.size, l.inner) + base);
    }
    return FV_OK;
}

static void softmax_line(float *to, const float *x, int64_t n, int64_t stride)
{
    float top = x[largest(x, n, stride) * stride];
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        float e = expf(x[i * stride] - top);
        to[i * stride] = e;
        sum += (double)e;
    }
    for (int64_t i = 0; i < n; i++) to[i * stride] = (float)((double)to[i * stride] / sum);
}

fv_status fv_tensor_softmax(fv_tensor **out, const fv_tensor *src, int axis, fv_error *err)
{
    *out = NULL;
    FV_TRY(fv_check_axis(&src->shape, axis, "softmax", err));
    FV_TRY(fv_tensor_new(out, &src->shape, err));
    if (!src->count) return FV_OK;
    lines l = lines_of(&src->shape, axis);
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if (src->count >= FV_PARALLEL_MIN)
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        int64_t from = i / l.inner * l.size * l.inner + i % l.inner;
        softmax_line(to + from, src->data + from, l.size, l.inner);
    }
    return FV_OK;
}
