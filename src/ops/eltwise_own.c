/* Element-wise functions that oneDNN lacks (erf, hard_sigmoid, selu), computes slowly (pow, log) or badly
 * (softplus and mish lose all digits below -15, mish is NaN far out). Memory is walked flat, in any layout;
 * the gradient reads src. */
#include "base/simd.h"
#include "graph/emit.h"
#include "tensor/broadcast.h"

#include <math.h>
#include <string.h>

typedef struct own_attrs {
    double alpha, beta; /* selu: beta is its gamma; pow: alpha is its exponent */
} own_attrs;

/* Writes n elements of the function of x, or of g times its derivative at x; over x or g, if need be. */
typedef void (*span_fn)(const float *x, const float *g, float *out, float a, float b, size_t n);

/* The two spans of a function; the expressions are in x, a and b. `setup` may declare what both share. */
#define SPANS(name, setup, f, slope)                                                                         \
    FV_CLONES static void name##_value(const float *src, const float *diff, float *out, float a, float b,    \
                                       size_t n)                                                             \
    {                                                                                                        \
        (void)diff, (void)a, (void)b;                                                                        \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                   \
        {                                                                                                    \
            const float x = src[i];                                                                          \
            setup;                                                                                           \
            out[i] = f;                                                                                      \
        }                                                                                                    \
    }                                                                                                        \
    FV_CLONES static void name##_slope(const float *src, const float *diff, float *out, float a, float b,    \
                                       size_t n)                                                             \
    {                                                                                                        \
        (void)a, (void)b;                                                                                    \
        _Pragma("omp simd") for (size_t i = 0; i < n; i++)                                                   \
        {                                                                                                    \
            const float x = src[i];                                                                          \
            setup;                                                                                           \
            out[i] = diff[i] * (slope);                                                                      \
        }                                                                                                    \
    }

/* tanh(softplus(x)) and 1 minus it, from e = exp(-|x|), which never overflows. */
static inline float mish_gate(float x, float e)
{
    return x >= 0 ? (1 + 2 * e) / (1 + 2 * e + 2 * e * e) : e * (e + 2) / (e * (e + 2) + 2);
}

static inline float mish_rest(float x, float e)
{
    return x >= 0 ? 2 * e * e / (1 + 2 * e + 2 * e * e) : 2 / (e * (e + 2) + 2);
}

/* x^p for the whole p from -4 to 4, by multiplication. */
static inline float power(float x, float p)
{
    float square = x * x, size = fabsf(p);
    float y = size == 0 ? 1 : size == 1 ? x : size == 2 ? square : size == 3 ? square * x : square * square;
    return p < 0 ? 1 / y : y;
}

static int is_small_power(float p)
{
    return fabsf(p) <= 4 && p == floorf(p);
}

#define UNUSED __attribute__((unused))
#define GATE                                                                                                 \
    const float e = fv_expf(-fabsf(x)), gate UNUSED = 1 / (1 + e), sigmoid UNUSED = x >= 0 ? gate : e * gate

SPANS(erf, , erff(x), 1.1283791671f * fv_expf(-x * x))
SPANS(log, , fv_logf(x), 1 / x)
SPANS(reciprocal, , 1 / x, -1 / (x * x))
SPANS(softplus, GATE, fv_select(x > 0, x, 0) + fv_log1pf(e), sigmoid)
SPANS(mish, GATE, x *mish_gate(x, e), mish_gate(x, e) + x * mish_rest(x, e) * (1 + mish_gate(x, e)) * sigmoid)
SPANS(hard_sigmoid, const float y = a * x + b, y<0 ? 0 : y> 1 ? 1 : y, y > 0 && y < 1 ? a : 0)
SPANS(selu, , fv_select(x > 0, b *x, b *a *fv_expm1f(x)), fv_select(x > 0, b, b *a *fv_expf(x)))
SPANS(pow, , powf(x, a), a == 0 ? 0 : a * powf(x, b))
SPANS(small_pow, , power(x, a), fv_select(a == 0, 0, a *power(x, b)))

typedef struct own_kind {
    const char *name;
    span_fn value, slope;
} own_kind;

#define KIND(name)                                                                                           \
    {                                                                                                        \
#        name, name##_value, name##_slope                                                                    \
    }

static const own_kind kinds[] = {KIND(erf),  KIND(log),          KIND(reciprocal), KIND(softplus),
                                 KIND(mish), KIND(hard_sigmoid), KIND(selu),       KIND(pow)};

enum { BLOCK = 1 << 12 };

typedef struct own_work {
    span_fn span;
    float a, b;
    size_t count;
} own_work;

static void run(const own_work *w, const float *x, const float *g, float *out)
{
#pragma omp parallel for schedule(static) if (w->count >= FV_PARALLEL_MIN)
    for (size_t i = 0; i < w->count; i += BLOCK) {
        size_t n = w->count - i < BLOCK ? w->count - i : BLOCK;
        w->span(x + i, g ? g + i : NULL, out + i, w->a, w->b, n);
    }
}

static void forward_kernel(const void *context, float *const *data)
{
    run(context, data[0], NULL, data[1]);
}

static void backward_kernel(const void *context, float *const *data)
{
    run(context, data[0], data[1], data[2]);
}

static fv_status open_work(own_work *w, const fv_node *node, int backward, fv_error *err)
{
    const own_attrs *attrs = node->attrs;
    const char *name = node->op->name;
    size_t i = 0;
    while (strcmp(kinds[i].name, name) != 0) i++;
    *w = (own_work){backward ? kinds[i].slope : kinds[i].value, (float)attrs->alpha, (float)attrs->beta, 0};
    if (strcmp(name, "pow") == 0) {
        w->b = w->a - 1;
        if (is_small_power(backward ? w->b : w->a)) w->span = backward ? small_pow_slope : small_pow_value;
    }
    return fv_shape_count(&node->shape, &w->count, err);
}

static fv_status shape(fv_node *node, fv_error *err)
{
    (void)err;
    node->shape = node->src[0]->shape;
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    own_work work;
    FV_TRY(open_work(&work, node, 0, err));
    fv_emit_kernel kernel = {
        "eltwise:own", forward_kernel, &work, sizeof work, 1, 1, {fv_src(emit, 0), fv_dst(emit)}};
    FV_TRY(fv_emit_call(emit, &kernel, err));
    fv_emit_in_place(emit, fv_dst(emit), fv_src(emit, 0));
    return FV_OK;
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    own_work work;
    FV_TRY(open_work(&work, node, 1, err));
    fv_emit_kernel kernel = {"eltwise_backward:own",
                             backward_kernel,
                             &work,
                             sizeof work,
                             2,
                             1,
                             {fv_src(emit, 0), fv_diff_dst(emit), fv_diff_src(emit, 0)}};
    FV_TRY(fv_emit_call(emit, &kernel, err));
    fv_emit_in_place(emit, fv_diff_src(emit, 0), fv_diff_dst(emit));
    return FV_OK;
}

#define ROW(name, field, initial, doc)                                                                       \
    {                                                                                                        \
        name, FV_ATTR_FLOAT, offsetof(own_attrs, field), initial, doc, NULL                                  \
    }

static const fv_attr no_rows[] = {{0}};
static const fv_attr hard_sigmoid_rows[] = {
    ROW("alpha", alpha, 1.0 / 6, "slope"), ROW("beta", beta, 0.5, "value at 0"), {0}};
static const fv_attr selu_rows[] = {
    ROW("alpha", alpha, 1.67326319217681884765625, "limit below 0 over -gamma"),
    ROW("gamma", beta, 1.05070102214813232421875, "slope above 0"),
    {0}};
static const fv_attr pow_rows[] = {ROW("exponent", alpha, FV_ATTR_REQUIRED, "exponent"), {0}};

#define ELTWISE(name, rows, doc)                                                                             \
    const fv_op fv_op_##name = {                                                                             \
        #name, doc,  1,    1,    1, sizeof(own_attrs), rows, FV_OP_ANY, shape, forward, backward_data,       \
        NULL,  NULL, NULL, NULL, 0};

ELTWISE(erf, no_rows, "error function")
ELTWISE(log, no_rows, "natural logarithm")
ELTWISE(reciprocal, no_rows, "1 / x")
ELTWISE(softplus, no_rows, "log(1 + exp(x))")
ELTWISE(mish, no_rows, "x tanh(log(1 + exp(x)))")
ELTWISE(hard_sigmoid, hard_sigmoid_rows, "clip(alpha x + beta, 0, 1)")
ELTWISE(selu, selu_rows, "gamma x for x > 0, gamma alpha (exp(x) - 1) otherwise")
ELTWISE(pow, pow_rows, "x^exponent")
