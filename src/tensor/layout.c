#include "tensor/layout.h"
#include "tensor/broadcast.h"

#include <string.h>

fv_status fv_check_axis(const fv_shape *shape, int axis, const char *what, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    if (axis >= 0 && axis < shape->rank) return FV_OK;
    return fv_fail(err, FV_STATUS_ARGUMENT, "%s: axis %d does not exist in a tensor of shape %s", what,
                   axis + 1, fv_shape_text(shape, text));
}

/* A row of the last axis of `to` gathered from data with the given stride. */
static void copy_row(float *to, const float *from, int64_t n, int64_t stride)
{
    if (stride == 1)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i * stride];
}

/* New tensor of `shape` whose element at index i is data[sum of i[k] * stride[k]]. */
static fv_status gather(fv_tensor **out, const float *data, const fv_shape *shape, const int64_t stride[],
                        fv_error *err)
{
    FV_TRY(fv_tensor_new(out, shape, err));
    if (!(*out)->count) return FV_OK;
    int last = shape->rank - 1;
    int64_t n = last >= 0 ? shape->dim[last] : 1;
    int64_t rows = (int64_t)(*out)->count / n;
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if ((*out)->count >= FV_PARALLEL_MIN)
    for (int64_t row = 0; row < rows; row++) {
        const float *from = data;
        int64_t rest = row;
        for (int i = last - 1; i >= 0; i--) {
            from += rest % shape->dim[i] * stride[i];
            rest /= shape->dim[i];
        }
        copy_row(to + row * n, from, n, last >= 0 ? stride[last] : 1);
    }
    return FV_OK;
}

/* For people, who count from 1; does not overflow. */
static long long position(int64_t index)
{
    return index < INT64_MAX ? index + 1 : index;
}

fv_status fv_tensor_slice(fv_tensor **out, const fv_tensor *src, int axis, int64_t start, int64_t count,
                          int64_t step, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    int64_t stride[FV_MAX_RANK];
    fv_shape shape = src->shape;
    *out = NULL;
    FV_TRY(fv_check_axis(&shape, axis, "slice", err));
    int64_t size = shape.dim[axis], limit = size + 1;
    /* the limits keep start + (count - 1) * step from overflowing */
    int fits = count >= 0 && count <= size && step >= -limit && step <= limit;
    if (count > 0) fits = fits && start >= 0 && start < size;
    int64_t last = fits && count > 0 ? start + (count - 1) * step : 0;
    if (!fits || (count > 0 && (last < 0 || last >= size)))
        return fv_fail(err, FV_STATUS_ARGUMENT,
                       "slice: %lld elements from %lld in steps of %lld do not fit axis %d of shape %s",
                       (long long)count, position(start), (long long)step, axis + 1,
                       fv_shape_text(&shape, text));
    fv_shape_strides(&src->shape, stride);
    const float *data = count ? src->data + start * stride[axis] : src->data;
    shape.dim[axis] = count;
    stride[axis] *= step;
    return gather(out, data, &shape, stride, err);
}

fv_status fv_tensor_select(fv_tensor **out, const fv_tensor *src, int axis, int64_t index, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    int64_t stride[FV_MAX_RANK];
    fv_shape shape = src->shape;
    *out = NULL;
    FV_TRY(fv_check_axis(&shape, axis, "select", err));
    if (index < 0 || index >= shape.dim[axis])
        return fv_fail(err, FV_STATUS_ARGUMENT, "select: no position %lld on axis %d of shape %s",
                       position(index), axis + 1, fv_shape_text(&shape, text));
    fv_shape_strides(&shape, stride);
    const float *data = src->data + index * stride[axis];
    shape.rank--;
    for (int i = axis; i < shape.rank; i++) {
        shape.dim[i] = shape.dim[i + 1];
        stride[i] = stride[i + 1];
    }
    return gather(out, data, &shape, stride, err);
}

fv_status fv_tensor_permute(fv_tensor **out, const fv_tensor *src, const int order[], fv_error *err)
{
    int64_t from[FV_MAX_RANK], stride[FV_MAX_RANK];
    fv_shape shape = {.rank = src->shape.rank};
    unsigned seen = 0;
    *out = NULL;
    fv_shape_strides(&src->shape, from);
    for (int i = 0; i < shape.rank; i++) {
        FV_TRY(fv_check_axis(&src->shape, order[i], "transpose", err));
        if (seen & 1u << order[i])
            return fv_fail(err, FV_STATUS_ARGUMENT, "transpose: axis %d is named twice", order[i] + 1);
        seen |= 1u << order[i];
        shape.dim[i] = src->shape.dim[order[i]];
        stride[i] = from[order[i]];
    }
    return gather(out, src->data, &shape, stride, err);
}

fv_status fv_tensor_expand(fv_tensor **out, const fv_tensor *src, const fv_shape *shape, fv_error *err)
{
    char from[FV_SHAPE_TEXT], to[FV_SHAPE_TEXT];
    int64_t own[FV_MAX_RANK], stride[FV_MAX_RANK] = {0};
    int added = shape->rank - src->shape.rank, fits = added >= 0;
    *out = NULL;
    fv_shape_strides(&src->shape, own);
    for (int i = 0; fits && i < src->shape.rank; i++) {
        int64_t size = src->shape.dim[i];
        fits = size == shape->dim[added + i] || size == 1;
        if (size != 1) stride[added + i] = own[i];
    }
    if (!fits)
        return fv_fail(err, FV_STATUS_SHAPE, "expand: shape %s does not stretch to %s",
                       fv_shape_text(&src->shape, from), fv_shape_text(shape, to));
    return gather(out, src->data, shape, stride, err);
}

/* The shape of the joined tensor. */
static fv_status concat_shape(fv_shape *shape, const fv_tensor *const src[], int n, int axis, fv_error *err)
{
    *shape = src[0]->shape;
    FV_TRY(fv_check_axis(shape, axis, "concat", err));
    for (int k = 1; k < n; k++) {
        fv_shape other = src[k]->shape;
        int fits = other.rank == shape->rank;
        for (int i = 0; fits && i < other.rank; i++) fits = i == axis || other.dim[i] == shape->dim[i];
        if (!fits) {
            char a[FV_SHAPE_TEXT], b[FV_SHAPE_TEXT];
            return fv_fail(err, FV_STATUS_SHAPE, "concat: shapes %s and %s differ outside axis %d",
                           fv_shape_text(&src[0]->shape, a), fv_shape_text(&other, b), axis + 1);
        }
        shape->dim[axis] += other.dim[axis];
    }
    return FV_OK;
}

fv_status fv_tensor_concat(fv_tensor **out, const fv_tensor *const src[], int n, int axis, fv_error *err)
{
    fv_shape shape;
    *out = NULL;
    FV_TRY(concat_shape(&shape, src, n, axis, err));
    FV_TRY(fv_tensor_new(out, &shape, err));
    size_t outer = 1, inner = sizeof(float);
    for (int i = 0; i < axis; i++) outer *= (size_t)shape.dim[i];
    for (int i = axis + 1; i < shape.rank; i++) inner *= (size_t)shape.dim[i];
    char *to = (char *)(*out)->data;
    for (size_t row = 0; row < outer; row++)
        for (int k = 0; k < n; k++) {
            size_t bytes = inner * (size_t)src[k]->shape.dim[axis];
            if (bytes) memcpy(to, (const char *)src[k]->data + row * bytes, bytes);
            to += bytes;
        }
    return FV_OK;
}
