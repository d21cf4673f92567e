/* The tensor: float32, up to FV_MAX_RANK dimensions, always contiguous and row-major (the last dimension runs
 * fastest), reference counted. Reshaping shares the buffer; everything else copies. Images are N C H W,
 * volumes N C D H W. A rank of 0 is a scalar with one element; a dimension may be 0 (no elements). */
#ifndef FV_TENSOR_TENSOR_H
#define FV_TENSOR_TENSOR_H

#include "base/alloc.h"
#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { FV_MAX_RANK = 6, FV_SHAPE_TEXT = 24 * FV_MAX_RANK };

typedef struct fv_shape {
    int rank;
    int64_t dim[FV_MAX_RANK];
} fv_shape;

/* Block of floats shared by a tensor and its reshaped views. */
typedef struct fv_buffer fv_buffer;

/* Fields are read-only outside src/tensor; the elements may be written by whoever made the tensor. */
typedef struct fv_tensor {
    fv_shape shape;
    size_t count; /* number of elements */
    float *data;  /* aligned to FV_ALIGNMENT, unless it was wrapped */
    fv_buffer *buffer;
    int refs; /* changed atomically */
} fv_tensor;

/* --- shapes --- */

/* Shape from its dimensions: fv_shape_of(4, 1, 3, 64, 64). */
fv_shape fv_shape_of(int rank, ...);

/* Number of elements; 0 with an error in err when a dimension is negative or the product overflows. */
fv_status fv_shape_count(const fv_shape *shape, size_t *count, fv_error *err);

int fv_shape_equal(const fv_shape *a, const fv_shape *b);

/* Writes "1x3x64x64" ("scalar" for rank 0) and returns text. */
const char *fv_shape_text(const fv_shape *shape, char text[FV_SHAPE_TEXT]);

/* Row-major strides in elements. */
void fv_shape_strides(const fv_shape *shape, int64_t strides[FV_MAX_RANK]);

/* Strides, in logical axis order, of the channels-last layout: N C D H W stored as N D H W C. Plain strides
 * for fewer than three dimensions. */
void fv_shape_strides_channels_last(const fv_shape *shape, int64_t strides[FV_MAX_RANK]);

/* NumPy's broadcasting rule: dimensions are aligned at the right; 1 stretches. FV_STATUS_SHAPE with both
 * shapes in the text when they do not fit; `what` names the operation. */
fv_status fv_shape_broadcast(fv_shape *out, const fv_shape *a, const fv_shape *b, const char *what,
                             fv_error *err);

/* --- life cycle --- */

/* New tensor with undefined elements. One reference, to be given back with fv_tensor_release. */
fv_status fv_tensor_new(fv_tensor **out, const fv_shape *shape, fv_error *err);

/* New tensor filled with value. */
fv_status fv_tensor_full(fv_tensor **out, const fv_shape *shape, float value, fv_error *err);

/* Copy with its own buffer. */
fv_status fv_tensor_copy(fv_tensor **out, const fv_tensor *src, fv_error *err);

/* Copies the elements of src into t; FV_STATUS_SHAPE when the shapes differ. */
fv_status fv_tensor_assign(fv_tensor *t, const fv_tensor *src, fv_error *err);

/* View with another shape of the same number of elements; shares the buffer of src. */
fv_status fv_tensor_reshape(fv_tensor **out, const fv_tensor *src, const fv_shape *shape, fv_error *err);

/* Takes over memory the tensor did not allocate (a mapped file): release(context) is called when the last
 * tensor that shares it goes, and also when this call fails. */
fv_status fv_tensor_wrap(fv_tensor **out, const fv_shape *shape, float *data, void (*release)(void *context),
                         void *context, fv_error *err);

/* Adds a reference and returns t. */
fv_tensor *fv_tensor_retain(fv_tensor *t);

/* Gives a reference back; accepts NULL. */
void fv_tensor_release(fv_tensor *t);

#endif
