/* For own kernels: compilation for several instruction sets, and elementary functions that compilers can turn
 * into vector code (plain arithmetic without branches, so the same bits on every machine). */
#ifndef FV_BASE_SIMD_H
#define FV_BASE_SIMD_H

#include <stdint.h>

/* Before a static function: compiled for each of these, the best one picked at load. Loops in it want
 * `#pragma omp simd`; threads belong into its caller (the body of a parallel region would not be cloned). */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#    define FV_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#    define FV_CLONES
#endif

typedef union fv_float_bits {
    float value;
    int32_t bits;
} fv_float_bits;

/* 2^n for -126 <= n <= 127 (anything, without overflow, for other n: what comes of NaN). */
static inline float fv_exp2_int(int32_t n)
{
    fv_float_bits power = {.bits = (int32_t)((uint32_t)(n + 127) << 23)};
    return power.value;
}

/* condition ? a : b, without the branch that keeps a loop scalar. */
static inline float fv_select(int condition, float a, float b)
{
    fv_float_bits x = {.value = a}, y = {.value = b};
    y.bits ^= (x.bits ^ y.bits) & -(int32_t)condition;
    return y.value;
}

/* exp(r) - 1 for |r| <= log(2) / 2. The polynomial of Cephes. */
static inline float fv_expm1_near(float r)
{
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return p * (r * r) + r;
}

/* exp(x) to about 1.5 units in the last place; inf above 88.73, 0 below -103.98, NaN stays. Cody and Waite's
 * reduction x = n log 2 + r. */
static inline float fv_expf(float x)
{
    float z = fv_select(x < -104.0f, -104.0f, fv_select(x > 89.0f, 89.0f, x));
    fv_float_bits n = {.value =
                           z * 1.44269504f + 12582912.0f}; /* 1.5 2^23: rounds, integer in the low bits */
    float whole = n.value - 12582912.0f;
    float y = fv_expm1_near((z - whole * 0.693359375f) + whole * 2.12194440e-4f) + 1.0f;
    int32_t power = n.bits - 0x4B400000, half = power / 2; /* two steps: the ends of the range need them */
    return y * fv_exp2_int(half) * fv_exp2_int(power - half);
}

/* exp(x) - 1, exact also near 0. */
static inline float fv_expm1f(float x)
{
    return fv_select((x > -0.34f) & (x < 0.34f), fv_expm1_near(x), fv_expf(x) - 1.0f);
}

/* log(x) for positive normal x. After Cephes: x = 2^n m with m between sqrt(1/2) and sqrt(2). */
static inline float fv_log_normal(float x)
{
    fv_float_bits m = {.value = x};
    int32_t shifted = m.bits - 0x3F3504F3; /* sqrt(1/2) */
    m.bits = (shifted & 0x007FFFFF) + 0x3F3504F3;
    float n = (float)(shifted >> 23), r = m.value - 1.0f, s = r * r;
    float p = 7.0376836292e-2f;
    p = p * r - 1.1514610310e-1f;
    p = p * r + 1.1676998740e-1f;
    p = p * r - 1.2420140846e-1f;
    p = p * r + 1.4249322787e-1f;
    p = p * r - 1.6668057665e-1f;
    p = p * r + 2.0000714765e-1f;
    p = p * r - 2.4999993993e-1f;
    p = p * r + 3.3333331174e-1f;
    return (r + (p * r * s + n * -2.12194440e-4f - 0.5f * s)) + n * 0.693359375f;
}

/* log(x) to about 1 unit in the last place; -inf for 0, NaN below, inf and NaN stay. */
static inline float fv_logf(float x)
{
    int tiny = x < 1.17549435e-38f; /* denormal: scaled up by 2^24 */
    float y = fv_log_normal(x * fv_select(tiny, 16777216.0f, 1.0f)) - fv_select(tiny, 16.6355323f, 0.0f);
    y = fv_select(x == 0, -__builtin_inff(), y);
    y = fv_select(x > 3.40282347e+38f, x, y);
    return fv_select((x < 0) | (x != x), __builtin_nanf(""), y);
}

/* log(1 + x) for finite x >= 0, exact also where 1 + x loses x. */
static inline float fv_log1pf(float x)
{
    float u = 1.0f + x;
    return fv_log_normal(u) + (x - (u - 1.0f)) / u;
}

#endif
