#include "tensor/tensor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct fv_buffer {
    float *data;
    size_t bytes;
    void (*release)(void *context); /* NULL: data came from fv_alloc_aligned */
    void *context;
    int refs; /* changed atomically */
};

fv_shape fv_shape_of(int rank, ...)
{
    fv_shape shape = {.rank = rank};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank; i++) shape.dim[i] = va_arg(args, int);
    va_end(args);
    return shape;
}

fv_status fv_shape_count(const fv_shape *shape, size_t *count, fv_error *err)
{
    size_t n = 1, bytes;
    char text[FV_SHAPE_TEXT];
    *count = 0;
    if (shape->rank < 0 || shape->rank > FV_MAX_RANK)
        return fv_fail(err, FV_STATUS_SHAPE, "tensors have 0 to %d dimensions, not %d", FV_MAX_RANK,
                       shape->rank);
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 0)
            return fv_fail(err, FV_STATUS_SHAPE, "negative dimension in shape %s",
                           fv_shape_text(shape, text));
        if (!fv_mul_size(n, (size_t)shape->dim[i], &n) || !fv_mul_size(n, sizeof(float), &bytes))
            return fv_fail(err, FV_STATUS_SHAPE, "shape %s is too large", fv_shape_text(shape, text));
    }
    *count = n;
    return FV_OK;
}

int fv_shape_equal(const fv_shape *a, const fv_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof *a->dim * (size_t)a->rank) == 0;
}

const char *fv_shape_text(const fv_shape *shape, char text[FV_SHAPE_TEXT])
{
    int at = snprintf(text, FV_SHAPE_TEXT, "%s", shape->rank ? "" : "scalar");
    for (int i = 0; i < shape->rank && i < FV_MAX_RANK; i++)
        at += snprintf(text + at, (size_t)(FV_SHAPE_TEXT - at), "%s%lld", i ? "x" : "",
                       (long long)shape->dim[i]);
    return text;
}

void fv_shape_strides(const fv_shape *shape, int64_t strides[FV_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= shape->dim[i];
    }
}

void fv_shape_strides_channels_last(const fv_shape *shape, int64_t strides[FV_MAX_RANK])
{
    if (shape->rank < 3) {
        fv_shape_strides(shape, strides);
        return;
    }
    int64_t stride = shape->dim[1];
    strides[1] = 1;
    for (int i = shape->rank - 1; i != 1; i = i == 2 ? 0 : i - 1) {
        strides[i] = stride;
        stride *= shape->dim[i];
        if (i == 0) break;
    }
}

fv_status fv_shape_broadcast(fv_shape *out, const fv_shape *a, const fv_shape *b, const char *what,
                             fv_error *err)
{
    fv_shape r = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= r.rank; i++) {
        int64_t x = i <= a->rank ? a->dim[a->rank - i] : 1;
        int64_t y = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (x != y && x != 1 && y != 1) {
            char ta[FV_SHAPE_TEXT], tb[FV_SHAPE_TEXT];
            return fv_fail(err, FV_STATUS_SHAPE, "%s: shapes %s and %s do not broadcast", what,
                           fv_shape_text(a, ta), fv_shape_text(b, tb));
        }
        r.dim[r.rank - i] = x == 1 ? y : x;
    }
    *out = r;
    return FV_OK;
}

static void buffer_release(fv_buffer *buffer)
{
    if (!buffer || __atomic_sub_fetch(&buffer->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    if (buffer->release)
        buffer->release(buffer->context);
    else
        fv_free_aligned(buffer->data, buffer->bytes);
    fv_free(buffer);
}

/* Takes over the reference to buffer, also on failure. */
static fv_status tensor_over(fv_tensor **out, const fv_shape *shape, fv_buffer *buffer, fv_error *err)
{
    fv_status status = fv_calloc(out, 1, sizeof **out, err);
    if (status != FV_OK) {
        buffer_release(buffer);
        return status;
    }
    fv_tensor *t = *out;
    t->shape = *shape;
    t->count = 1;
    for (int i = 0; i < shape->rank; i++) t->count *= (size_t)shape->dim[i];
    t->buffer = buffer;
    t->data = buffer->data;
    t->refs = 1;
    return FV_OK;
}

fv_status fv_tensor_new(fv_tensor **out, const fv_shape *shape, fv_error *err)
{
    size_t count;
    fv_buffer *buffer;
    *out = NULL;
    FV_TRY(fv_shape_count(shape, &count, err));
    FV_TRY(fv_calloc(&buffer, 1, sizeof *buffer, err));
    buffer->refs = 1;
    buffer->bytes = count * sizeof(float);
    fv_status status = fv_alloc_aligned(&buffer->data, buffer->bytes, err);
    if (status != FV_OK) {
        fv_free(buffer);
        return status;
    }
    return tensor_over(out, shape, buffer, err);
}

fv_status fv_tensor_full(fv_tensor **out, const fv_shape *shape, float value, fv_error *err)
{
    FV_TRY(fv_tensor_new(out, shape, err));
    for (size_t i = 0; i < (*out)->count; i++) (*out)->data[i] = value;
    return FV_OK;
}

fv_status fv_tensor_copy(fv_tensor **out, const fv_tensor *src, fv_error *err)
{
    FV_TRY(fv_tensor_new(out, &src->shape, err));
    if (src->count) memcpy((*out)->data, src->data, src->count * sizeof(float));
    return FV_OK;
}

fv_status fv_tensor_assign(fv_tensor *t, const fv_tensor *src, fv_error *err)
{
    char tt[FV_SHAPE_TEXT], ts[FV_SHAPE_TEXT];
    if (!fv_shape_equal(&t->shape, &src->shape))
        return fv_fail(err, FV_STATUS_SHAPE, "assign: a tensor of %s cannot take the elements of one of %s",
                       fv_shape_text(&t->shape, tt), fv_shape_text(&src->shape, ts));
    if (t->count) memmove(t->data, src->data, t->count * sizeof(float));
    return FV_OK;
}

fv_status fv_tensor_reshape(fv_tensor **out, const fv_tensor *src, const fv_shape *shape, fv_error *err)
{
    size_t count;
    *out = NULL;
    FV_TRY(fv_shape_count(shape, &count, err));
    if (count != src->count) {
        char from[FV_SHAPE_TEXT], to[FV_SHAPE_TEXT];
        return fv_fail(err, FV_STATUS_SHAPE, "reshape: %s has %zu elements, %s has %zu",
                       fv_shape_text(&src->shape, from), src->count, fv_shape_text(shape, to), count);
    }
    __atomic_add_fetch(&src->buffer->refs, 1, __ATOMIC_RELAXED);
    return tensor_over(out, shape, src->buffer, err);
}

fv_status fv_tensor_wrap(fv_tensor **out, const fv_shape *shape, float *data, void (*release)(void *context),
                         void *context, fv_error *err)
{
    size_t count;
    fv_buffer *buffer = NULL;
    *out = NULL;
    fv_status status = fv_shape_count(shape, &count, err);
    if (status == FV_OK) status = fv_calloc(&buffer, 1, sizeof *buffer, err);
    if (status != FV_OK) {
        release(context);
        return status;
    }
    *buffer = (fv_buffer){data, count * sizeof(float), release, context, 1};
    return tensor_over(out, shape, buffer, err);
}

fv_tensor *fv_tensor_retain(fv_tensor *t)
{
    __atomic_add_fetch(&t->refs, 1, __ATOMIC_RELAXED);
    return t;
}

void fv_tensor_release(fv_tensor *t)
{
    if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    buffer_release(t->buffer);
    fv_free(t);
}
