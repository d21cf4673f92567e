#include "tensor/math.h"
#include "tensor/broadcast.h"

#include <math.h>

/* omp simd because -O2 alone leaves loops of unknown length scalar. */
#define LOOP(statement) _Pragma("omp simd") for (size_t i = 0; i < n; i++) statement

/* One row kernel per operation; `expression` is in x (and y). The cases keep the stride out of the loop. */
#define UNARY(name, expression)                                                                              \
    static void name(float *restrict out, const float *const in[], const int step[], size_t n)               \
    {                                                                                                        \
        const float *restrict a = in[0];                                                                     \
        (void)step;                                                                                          \
        LOOP({                                                                                               \
            const float x = a[i];                                                                            \
            out[i] = (float)(expression);                                                                    \
        })                                                                                                   \
    }

#define BINARY(name, expression)                                                                             \
    static void name(float *restrict out, const float *const in[], const int step[], size_t n)               \
    {                                                                                                        \
        const float *a = in[0], *b = in[1];                                                                  \
        if (step[0] && step[1]) {                                                                            \
            LOOP({                                                                                           \
                const float x = a[i];                                                                        \
                const float y = b[i];                                                                        \
                out[i] = (float)(expression);                                                                \
            })                                                                                               \
        } else if (step[1]) {                                                                                \
            const float x = *a;                                                                              \
            LOOP({                                                                                           \
                const float y = b[i];                                                                        \
                out[i] = (float)(expression);                                                                \
            })                                                                                               \
        } else {                                                                                             \
            const float y = *b;                                                                              \
            LOOP({                                                                                           \
                const float x = a[i];                                                                        \
                out[i] = (float)(expression);                                                                \
            })                                                                                               \
        }                                                                                                    \
    }

/* Both branches keep the argument of exp negative, so that small probabilities keep their digits. */
static float sigmoid(float x)
{
    float e = expf(-fabsf(x));
    return (x >= 0 ? 1.0f : e) / (1.0f + e);
}

UNARY(k_neg, -x)
UNARY(k_abs, fabsf(x))
UNARY(k_relu, x < 0 ? 0.0f : x)
UNARY(k_exp, expf(x))
UNARY(k_log, logf(x))
UNARY(k_sqrt, sqrtf(x))
UNARY(k_sigmoid, sigmoid(x))
UNARY(k_tanh, tanhf(x))
UNARY(k_sign, x > 0 ? 1.0f : x < 0 ? -1.0f : x)
UNARY(k_floor, floorf(x))
UNARY(k_not, x == 0)

BINARY(k_add, x + y)
BINARY(k_sub, x - y)
BINARY(k_mul, x *y)
BINARY(k_div, x / y)
BINARY(k_pow, powf(x, y))
BINARY(k_min, x < y || x != x ? x : y)
BINARY(k_max, x > y || x != x ? x : y)
BINARY(k_gt, x > y)
BINARY(k_ge, x >= y)
BINARY(k_lt, x < y)
BINARY(k_le, x <= y)
BINARY(k_eq, x == y)
BINARY(k_ne, x != y)
BINARY(k_and, (x != 0) & (y != 0))
BINARY(k_or, (x != 0) | (y != 0))
BINARY(k_xor, (x != 0) ^ (y != 0))

typedef struct operation {
    const char *name;
    fv_row_kernel kernel;
} operation;

static const operation unary[FV_UNARY_COUNT] = {
    [FV_UNARY_NEG] = {"neg", k_neg},
    [FV_UNARY_ABS] = {"abs", k_abs},
    [FV_UNARY_RELU] = {"relu", k_relu},
    [FV_UNARY_EXP] = {"exp", k_exp},
    [FV_UNARY_LOG] = {"log", k_log},
    [FV_UNARY_SQRT] = {"sqrt", k_sqrt},
    [FV_UNARY_SIGMOID] = {"sigmoid", k_sigmoid},
    [FV_UNARY_TANH] = {"tanh", k_tanh},
    [FV_UNARY_SIGN] = {"sign", k_sign},
    [FV_UNARY_FLOOR] = {"floor", k_floor},
    [FV_UNARY_NOT] = {"lnot", k_not},
};

static const operation binary[FV_BINARY_COUNT] = {
    [FV_BINARY_ADD] = {"add", k_add},    [FV_BINARY_SUB] = {"sub", k_sub},
    [FV_BINARY_MUL] = {"mul", k_mul},    [FV_BINARY_DIV] = {"div", k_div},
    [FV_BINARY_POW] = {"pow", k_pow},    [FV_BINARY_MIN] = {"min_of", k_min},
    [FV_BINARY_MAX] = {"max_of", k_max}, [FV_BINARY_GT] = {"gt", k_gt},
    [FV_BINARY_GE] = {"ge", k_ge},       [FV_BINARY_LT] = {"lt", k_lt},
    [FV_BINARY_LE] = {"le", k_le},       [FV_BINARY_EQ] = {"eq", k_eq},
    [FV_BINARY_NE] = {"ne", k_ne},       [FV_BINARY_AND] = {"land", k_and},
    [FV_BINARY_OR] = {"lor", k_or},      [FV_BINARY_XOR] = {"lxor", k_xor},
};

const char *fv_unary_name(fv_unary op)
{
    return unary[op].name;
}

const char *fv_binary_name(fv_binary op)
{
    return binary[op].name;
}

fv_tensor fv_tensor_scalar(float *value)
{
    return (fv_tensor){.count = 1, .data = value};
}

fv_status fv_tensor_unary(fv_tensor **out, fv_unary op, const fv_tensor *a, fv_error *err)
{
    return fv_broadcast_apply(out, unary[op].kernel, &a, 1, unary[op].name, err);
}

fv_status fv_tensor_binary(fv_tensor **out, fv_binary op, const fv_tensor *a, const fv_tensor *b,
                           fv_error *err)
{
    if (op == FV_BINARY_POW && b->shape.rank == 0 && b->data[0] == 2.0f) {
        op = FV_BINARY_MUL; /* squares are common, and powf is slow */
        b = a;
    }
    const fv_tensor *in[] = {a, b};
    return fv_broadcast_apply(out, binary[op].kernel, in, 2, binary[op].name, err);
}

static void k_where(float *restrict out, const float *const in[], const int step[], size_t n)
{
    const float *condition = in[0], *a = in[1], *b = in[2];
    const size_t sc = (size_t)step[0], sa = (size_t)step[1], sb = (size_t)step[2];
    for (size_t i = 0; i < n; i++) out[i] = condition[i * sc] != 0 ? a[i * sa] : b[i * sb];
}

fv_status fv_tensor_where(fv_tensor **out, const fv_tensor *condition, const fv_tensor *a, const fv_tensor *b,
                          fv_error *err)
{
    const fv_tensor *in[] = {condition, a, b};
    return fv_broadcast_apply(out, k_where, in, 3, "where", err);
}

fv_status fv_tensor_clamp(fv_tensor **out, const fv_tensor *a, float low, float high, fv_error *err)
{
    *out = NULL;
    if (!(low <= high))
        return fv_fail(err, FV_STATUS_ARGUMENT, "clamp: the lower limit %g is above the upper limit %g",
                       (double)low, (double)high);
    FV_TRY(fv_tensor_new(out, &a->shape, err));
    float *restrict to = (*out)->data;
    const float *from = a->data;
    const size_t n = a->count;
    LOOP(to[i] = from[i] < low ? low : from[i] > high ? high : from[i];)
    return FV_OK;
}
