#include "ops/expression_math.h"

#include "base/simd.h"

static inline float sigmoid(float x)
{
    float e = fv_expf(-fv_select(x < 0, -x, x)), gate = 1 / (1 + e);
    return fv_select(x < 0, e * gate, gate);
}

/* x P(x^2) / Q(x^2), to about 3e-7 of the value: a minimax fit up to where the result rounds to 1. */
static inline float tangent(float x)
{
    const float most = 7.90531110763549805f;
    float c = fv_select(x > most, most, fv_select(x < -most, -most, x)), s = c * c;
    float p = -2.76076847742355e-16f;
    p = p * s + 2.00018790482477e-13f;
    p = p * s - 8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;
    float q = 1.19825839466702e-06f;
    q = q * s + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    return c * p / q;
}

/* The span of a function, and that of its slopes; the expressions are in x, z (the arguments), y (the
 * result), g, alpha and beta. */
#define SPAN(name, f)                                                                                        \
    FV_CLONES static void name##_value(float *y, const float *a, const float *b, float alpha, float beta,    \
                                       int64_t n)                                                            \
    {                                                                                                        \
        (void)b, (void)alpha, (void)beta;                                                                    \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                                  \
        {                                                                                                    \
            const float x = a[i];                                                                            \
            y[i] = f;                                                                                        \
        }                                                                                                    \
    }
#define SLOPE(name, slope)                                                                                   \
    FV_CLONES static void name##_slope(float *ga, float *gb, const float *g, const float *a, const float *b, \
                                       const float *y, const fv_expression_step *step, int64_t n)            \
    {                                                                                                        \
        const float alpha = step->alpha, beta = step->beta;                                                  \
        (void)gb, (void)a, (void)b, (void)alpha, (void)beta, (void)y;                                        \
        if (!ga) return;                                                                                     \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) ga[i] += (slope);                                \
    }
#define SLOPES(name, slope_a, slope_b)                                                                       \
    FV_CLONES static void name##_slope(float *ga, float *gb, const float *g, const float *a, const float *b, \
                                       const float *y, const fv_expression_step *step, int64_t n)            \
    {                                                                                                        \
        (void)a, (void)b, (void)y, (void)step;                                                               \
        if (ga) {                                                                                            \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++) ga[i] += (slope_a);                          \
        }                                                                                                    \
        if (gb) {                                                                                            \
            _Pragma("omp simd") for (int64_t i = 0; i < n; i++) gb[i] += (slope_b);                          \
        }                                                                                                    \
    }

SPAN(add, x + b[i])
SLOPES(add, g[i], g[i])
SPAN(sub, x - b[i])
SLOPES(sub, g[i], -g[i])
SPAN(mul, x *b[i])
SLOPES(mul, g[i] * b[i], g[i] * a[i])
SPAN(neg, -x)
SLOPE(neg, -g[i])
SPAN(leaky, fv_select(x > 0, x, alpha *x))
SLOPE(leaky, fv_select(y[i] > 0, g[i], alpha *g[i]))
SPAN(clip, fv_select(x < alpha, alpha, fv_select(x > beta, beta, x)))
SLOPE(clip, fv_select((y[i] > alpha) & (y[i] < beta), g[i], 0))
SPAN(hard_sigmoid, fv_select(alpha *x + beta < 0, 0, fv_select(alpha *x + beta > 1, 1, alpha *x + beta)))
SLOPE(hard_sigmoid, fv_select((y[i] > 0) & (y[i] < 1), alpha *g[i], 0))
SPAN(sigmoid, sigmoid(x))
SLOPE(sigmoid, g[i] * y[i] * (1 - y[i]))
SPAN(tanh, tangent(x))
SLOPE(tanh, g[i] * (1 - y[i]) * (1 + y[i]))

typedef struct function_kind {
    fv_span value;
    fv_span_slope slope;
} function_kind;

static const function_kind kinds[FV_FN_COUNT] = {
    [FV_FN_ADD] = {add_value, add_slope},
    [FV_FN_SUB] = {sub_value, sub_slope},
    [FV_FN_MUL] = {mul_value, mul_slope},
    [FV_FN_NEG] = {neg_value, neg_slope},
    [FV_FN_LEAKY] = {leaky_value, leaky_slope},
    [FV_FN_CLIP] = {clip_value, clip_slope},
    [FV_FN_HARD_SIGMOID] = {hard_sigmoid_value, hard_sigmoid_slope},
    [FV_FN_SIGMOID] = {sigmoid_value, sigmoid_slope},
    [FV_FN_TANH] = {tanh_value, tanh_slope},
};

fv_span fv_expression_span(fv_function function)
{
    return kinds[function].value;
}

fv_span_slope fv_expression_slope(fv_function function)
{
    return kinds[function].slope;
}
