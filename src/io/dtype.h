/* Element types of files. Tensors hold float32 alone; here the bytes of other types become float32 and back.
 */
#ifndef FV_IO_DTYPE_H
#define FV_IO_DTYPE_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum fv_dtype {
    FV_DTYPE_F32,
    FV_DTYPE_F64,
    FV_DTYPE_F16,
    FV_DTYPE_BF16,
    FV_DTYPE_I8,
    FV_DTYPE_I16,
    FV_DTYPE_I32,
    FV_DTYPE_I64,
    FV_DTYPE_U8,
    FV_DTYPE_U16,
    FV_DTYPE_U32,
    FV_DTYPE_U64,
    FV_DTYPE_BOOL,
    FV_DTYPE_COUNT
} fv_dtype;

/* Bytes of one element. */
size_t fv_dtype_size(fv_dtype type);

/* "float32", "bfloat16", "uint8", "bool", ... */
const char *fv_dtype_name(fv_dtype type);

/* The type with that name; 0 when there is none. */
int fv_dtype_find(fv_dtype *out, const char *name);

/* Converts count elements of little-endian bytes (any alignment) to float32: to nearest where float32 is
 * coarser (float64, 32 and 64-bit integers), exact otherwise, NaN and infinities kept; bool: any bit set
 * is 1. */
void fv_dtype_to_f32(float *dst, fv_dtype type, const void *src, size_t count);

/* Writes float32 as little-endian FV_DTYPE_F32, _F16, _BF16 (to nearest, ties to even; beyond the range
 * infinity) or _F64 bytes; FV_STATUS_ARGUMENT for the other types. dst may have any alignment. */
fv_status fv_dtype_from_f32(void *dst, fv_dtype type, const float *src, size_t count, fv_error *err);

/* Reverses the bytes of each element in place: big-endian files. */
void fv_dtype_swap(void *data, fv_dtype type, size_t count);

/* Single values, as bit patterns. */
float fv_f16_to_f32(uint16_t bits);
uint16_t fv_f32_to_f16(float value);
float fv_bf16_to_f32(uint16_t bits);
uint16_t fv_f32_to_bf16(float value);

#endif
