#include "io/dtype.h"

#include <string.h>

static const struct {
    const char *name;
    size_t size;
} types[FV_DTYPE_COUNT] = {
    [FV_DTYPE_F32] = {"float32", 4},   [FV_DTYPE_F64] = {"float64", 8}, [FV_DTYPE_F16] = {"float16", 2},
    [FV_DTYPE_BF16] = {"bfloat16", 2}, [FV_DTYPE_I8] = {"int8", 1},     [FV_DTYPE_I16] = {"int16", 2},
    [FV_DTYPE_I32] = {"int32", 4},     [FV_DTYPE_I64] = {"int64", 8},   [FV_DTYPE_U8] = {"uint8", 1},
    [FV_DTYPE_U16] = {"uint16", 2},    [FV_DTYPE_U32] = {"uint32", 4},  [FV_DTYPE_U64] = {"uint64", 8},
    [FV_DTYPE_BOOL] = {"bool", 1},
};

size_t fv_dtype_size(fv_dtype type)
{
    return types[type].size;
}

const char *fv_dtype_name(fv_dtype type)
{
    return types[type].name;
}

int fv_dtype_find(fv_dtype *out, const char *name)
{
    for (int i = 0; i < FV_DTYPE_COUNT; i++) {
        if (strcmp(types[i].name, name) != 0) continue;
        *out = (fv_dtype)i;
        return 1;
    }
    return 0;
}

/* --- single values --- */

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float fv_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000u) << 16, exponent = (bits >> 10) & 0x1fu,
             fraction = bits & 0x3ffu;
    if (exponent == 0x1f) return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float tiny = (float)fraction * 0x1p-24f; /* subnormal or zero */
    return sign ? -tiny : tiny;
}

/* Drops the low `shift` bits of a magnitude, to nearest, ties to even. */
static uint32_t round_shift(uint32_t magnitude, unsigned shift)
{
    uint32_t kept = magnitude >> shift, rest = magnitude & ((1u << shift) - 1), half = 1u << (shift - 1);
    return kept + (rest > half || (rest == half && (kept & 1)));
}

uint16_t fv_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu, half;
    uint32_t exponent = magnitude >> 23;
    if (magnitude > 0x7f800000u)
        half = 0x7e00u | (magnitude >> 13 & 0x3ffu); /* NaN */
    else if (exponent >= 143)
        half = 0x7c00u; /* 2^16 and above */
    else if (exponent >= 113)
        half = round_shift(magnitude - (112u << 23), 13); /* may carry into the infinity, rightly */
    else if (exponent >= 102)
        half = round_shift((magnitude & 0x7fffffu) | 0x800000u, 126 - exponent); /* subnormal */
    else
        half = 0;
    return (uint16_t)(sign | half);
}

float fv_bf16_to_f32(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t fv_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u); /* NaN stays NaN */
    return (uint16_t)round_shift(bits, 16);
}

/* --- arrays --- */

/* Little-endian, any alignment: one load on the usual machines. */
static uint64_t load(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(&v, p, bytes);
#else
    for (size_t i = 0; i < bytes; i++) v |= (uint64_t)p[i] << (8 * i);
#endif
    return v;
}

static void store(uint8_t *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t double_bits(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

#define EACH(type, size, expression)                                                                         \
    case type:                                                                                               \
        for (size_t i = 0; i < count; i++) {                                                                 \
            uint64_t v = load(p + i * (size), size);                                                         \
            dst[i] = (float)(expression);                                                                    \
        }                                                                                                    \
        break

void fv_dtype_to_f32(float *dst, fv_dtype type, const void *src, size_t count)
{
    const uint8_t *p = src;
    switch (type) {
        EACH(FV_DTYPE_F32, 4, float_of((uint32_t)v));
        EACH(FV_DTYPE_F64, 8, double_of(v));
        EACH(FV_DTYPE_F16, 2, fv_f16_to_f32((uint16_t)v));
        EACH(FV_DTYPE_BF16, 2, fv_bf16_to_f32((uint16_t)v));
        EACH(FV_DTYPE_I8, 1, (int8_t)v);
        EACH(FV_DTYPE_I16, 2, (int16_t)v);
        EACH(FV_DTYPE_I32, 4, (int32_t)v);
        EACH(FV_DTYPE_I64, 8, (int64_t)v);
        EACH(FV_DTYPE_U8, 1, v);
        EACH(FV_DTYPE_U16, 2, v);
        EACH(FV_DTYPE_U32, 4, v);
        EACH(FV_DTYPE_U64, 8, v);
        EACH(FV_DTYPE_BOOL, 1, v != 0);
    case FV_DTYPE_COUNT:
        break;
    }
}

fv_status fv_dtype_from_f32(void *dst, fv_dtype type, const float *src, size_t count, fv_error *err)
{
    uint8_t *p = dst;
    switch (type) {
    case FV_DTYPE_F32:
        for (size_t i = 0; i < count; i++) store(p + 4 * i, bits_of(src[i]), 4);
        return FV_OK;
    case FV_DTYPE_F64:
        for (size_t i = 0; i < count; i++) store(p + 8 * i, double_bits((double)src[i]), 8);
        return FV_OK;
    case FV_DTYPE_F16:
        for (size_t i = 0; i < count; i++) store(p + 2 * i, fv_f32_to_f16(src[i]), 2);
        return FV_OK;
    case FV_DTYPE_BF16:
        for (size_t i = 0; i < count; i++) store(p + 2 * i, fv_f32_to_bf16(src[i]), 2);
        return FV_OK;
    default:
        return fv_fail(err, FV_STATUS_ARGUMENT, "float32 is not written as %s", fv_dtype_name(type));
    }
}

void fv_dtype_swap(void *data, fv_dtype type, size_t count)
{
    size_t size = fv_dtype_size(type);
    uint8_t *p = data;
    for (size_t i = 0; i < count; i++, p += size) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            uint8_t byte = p[a];
            p[a] = p[b];
            p[b] = byte;
        }
    }
}
