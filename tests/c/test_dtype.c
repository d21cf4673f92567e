/* Bit patterns of float16 and bfloat16 against a search over all 65536 values, and the other types by hand.
 */
#include "io/dtype.h"
#include "test.h"

#include <math.h>
#include <string.h>

/* float16 by its definition, in double. */
static double half_value(unsigned bits)
{
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double sign = bits & 0x8000 ? -1.0 : 1.0;
    if (exponent == 31) return fraction ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * ldexp(fraction, -24);
    return sign * ldexp(1024 + fraction, exponent - 25);
}

TEST(dtype_half_all)
{
    for (unsigned b = 0; b < 65536; b++) {
        double want = half_value(b);
        float got = fv_f16_to_f32((uint16_t)b);
        if (isnan(want)) {
            CHECK(isnan(got) && isnan(fv_f16_to_f32(fv_f32_to_f16(got))));
            continue;
        }
        CHECK((double)got == want && !signbit(got) == !signbit(want));
        CHECK(fv_f32_to_f16(got) == b);
    }
}

/* Between neighbours: the nearer one wins, the even one at the middle. */
TEST(dtype_half_rounding)
{
    for (unsigned b = 0; b < 0x7bff; b++) {
        float low = (float)half_value(b), high = (float)half_value(b + 1), middle = (low + high) / 2;
        CHECK(fv_f32_to_f16(middle) == (b & 1 ? b + 1 : b));
        CHECK(fv_f32_to_f16(nextafterf(middle, low)) == b);
        CHECK(fv_f32_to_f16(nextafterf(middle, high)) == b + 1);
    }
    CHECK(fv_f32_to_f16(65519.0f) == 0x7bff && fv_f32_to_f16(65520.0f) == 0x7c00);
    CHECK(fv_f32_to_f16(1e30f) == 0x7c00 && fv_f32_to_f16(-1e30f) == 0xfc00 && fv_f32_to_f16(1e-30f) == 0);
}

TEST(dtype_bfloat)
{
    for (unsigned b = 0; b < 65536; b++) {
        float value = fv_bf16_to_f32((uint16_t)b);
        CHECK(isnan(value) ? isnan(fv_bf16_to_f32(fv_f32_to_bf16(value))) : fv_f32_to_bf16(value) == b);
    }
    CHECK(fv_f32_to_bf16(1.0f + 0x1p-8f) == 0x3f80 && fv_f32_to_bf16(1.0f + 0x3p-8f) == 0x3f82);
    CHECK(fv_f32_to_bf16(nextafterf(1.0f + 0x1p-8f, 2.0f)) == 0x3f81);
    CHECK(fv_f32_to_bf16(3.4e38f) == 0x7f80);
}

static void expect(fv_dtype type, const char *bytes, const float *want, size_t count)
{
    float got[4] = {0};
    char unaligned[40];
    memcpy(unaligned + 1, bytes, fv_dtype_size(type) * count);
    fv_dtype_to_f32(got, type, unaligned + 1, count);
    CHECK(memcmp(got, want, count * sizeof *got) == 0);
}

TEST(dtype_to_float)
{
    expect(FV_DTYPE_F32, "\0\0\x80\x3f\0\0\0\xc0", (float[]){1, -2}, 2);
    expect(FV_DTYPE_F64, "\0\0\0\0\0\0\xf8\x3f", (float[]){1.5f}, 1);
    expect(FV_DTYPE_I8, "\xff\x7f\x80", (float[]){-1, 127, -128}, 3);
    expect(FV_DTYPE_I16, "\xfe\xff\0\x80", (float[]){-2, -32768}, 2);
    expect(FV_DTYPE_I32, "\xff\xff\xff\x7f\0\0\0\x80", (float[]){2147483648.0f, -2147483648.0f}, 2);
    expect(FV_DTYPE_I64, "\xff\xff\xff\xff\xff\xff\xff\xff", (float[]){-1}, 1);
    expect(FV_DTYPE_U8, "\xff\x01", (float[]){255, 1}, 2);
    expect(FV_DTYPE_U16, "\xff\xff", (float[]){65535}, 1);
    expect(FV_DTYPE_U32, "\xff\xff\xff\xff", (float[]){4294967296.0f}, 1);
    expect(FV_DTYPE_U64, "\xff\xff\xff\xff\xff\xff\xff\xff", (float[]){18446744073709551616.0f}, 1);
    expect(FV_DTYPE_BOOL, "\0\1\2", (float[]){0, 1, 1}, 3);
}

TEST(dtype_from_float_and_names)
{
    fv_error err;
    unsigned char out[8];
    fv_dtype type;
    float one_and_half = 1.5f;
    CHECK(fv_dtype_from_f32(out, FV_DTYPE_F64, &one_and_half, 1, &err) == FV_OK &&
          memcmp(out, "\0\0\0\0\0\0\xf8\x3f", 8) == 0);
    CHECK(fv_dtype_from_f32(out, FV_DTYPE_F16, &one_and_half, 1, &err) == FV_OK &&
          memcmp(out, "\0\x3e", 2) == 0);
    CHECK(fv_dtype_from_f32(out, FV_DTYPE_BF16, &one_and_half, 1, &err) == FV_OK &&
          memcmp(out, "\xc0\x3f", 2) == 0);
    CHECK(fv_dtype_from_f32(out, FV_DTYPE_I8, &one_and_half, 1, &err) == FV_STATUS_ARGUMENT);
    CHECK(strcmp(err.text, "float32 is not written as int8") == 0);
    memcpy(out, "\1\2\3\4\5\6\7\x08", 8);
    fv_dtype_swap(out, FV_DTYPE_I32, 2);
    CHECK(memcmp(out, "\4\3\2\1\x08\7\6\5", 8) == 0);
    for (int i = 0; i < FV_DTYPE_COUNT; i++)
        CHECK(fv_dtype_find(&type, fv_dtype_name((fv_dtype)i)) && type == (fv_dtype)i);
    CHECK(!fv_dtype_find(&type, "float8"));
}
