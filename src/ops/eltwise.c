/* Element-wise functions that oneDNN has, forward and backward, in any layout: memory is walked flat. Where
 * the library can take the gradient from dst (..._use_dst_for_bwd), src need not be kept. The derivative is 0
 * at the kinks of relu, abs and clip (leaky_relu: alpha at 0). Functions it lacks are in eltwise_own.c. */
#include "graph/emit.h"

#include <math.h>
#include <string.h>

/* The library's two constants. clip keeps its bounds in them. */
typedef struct eltwise_attrs {
    double alpha, beta;
    int approximate; /* of gelu */
} eltwise_attrs;

typedef struct eltwise_kind {
    const char *name;
    dnnl_alg_kind_t algorithm;
    int from_dst;
    float alpha, beta; /* of functions without options */
} eltwise_kind;

static const eltwise_kind kinds[] = {
    {"relu", dnnl_eltwise_relu_use_dst_for_bwd, 1, 0, 0},
    {"leaky_relu", dnnl_eltwise_relu, 0, 0, 0},
    {"elu", dnnl_eltwise_elu, 0, 0, 0},
    {"clip", dnnl_eltwise_clip_v2_use_dst_for_bwd, 1, 0, 0},
    {"sigmoid", dnnl_eltwise_logistic_use_dst_for_bwd, 1, 0, 0},
    {"tanh", dnnl_eltwise_tanh_use_dst_for_bwd, 1, 0, 0},
    {"silu", dnnl_eltwise_swish, 0, 1, 0},
    {"hard_swish", dnnl_eltwise_hardswish, 0, 1.0f / 6, 0.5f},
    {"gelu", dnnl_eltwise_gelu_erf, 0, 0, 0},
    {"exp", dnnl_eltwise_exp_use_dst_for_bwd, 1, 0, 0},
    {"sqrt", dnnl_eltwise_sqrt_use_dst_for_bwd, 1, 0, 0},
    {"abs", dnnl_eltwise_abs, 0, 0, 0},
    {"neg", dnnl_eltwise_linear, 0, -1, 0},
};

static const char *const approximations[] = {"none", "tanh", NULL};

#define ALPHA(initial, doc)                                                                                  \
    {                                                                                                        \
        "alpha", FV_ATTR_FLOAT, offsetof(eltwise_attrs, alpha), initial, doc, NULL                           \
    }

static const fv_attr leaky_relu_rows[] = {ALPHA(0.01, "slope below 0"), {0}};
static const fv_attr elu_rows[] = {ALPHA(1, "limit below 0, negated"), {0}};
static const fv_attr clip_rows[] = {
    {"min", FV_ATTR_FLOAT, offsetof(eltwise_attrs, alpha), -INFINITY, "lower bound", NULL},
    {"max", FV_ATTR_FLOAT, offsetof(eltwise_attrs, beta), INFINITY, "upper bound", NULL},
    {0}};
static const fv_attr gelu_rows[] = {{"approximate", FV_ATTR_CHOICE, offsetof(eltwise_attrs, approximate), 0,
                                     "exact, or through tanh", approximations},
                                    {0}};
static const fv_attr no_rows[] = {{0}};

/* The kind of a node with the constants of its options filled in. */
static eltwise_kind kind_of(const fv_node *node)
{
    const eltwise_attrs *a = node->attrs;
    size_t i = 0;
    while (strcmp(kinds[i].name, node->op->name) != 0) i++;
    eltwise_kind kind = kinds[i];
    if (node->op->attrs == no_rows) return kind;
    if (node->op->attrs == gelu_rows && a->approximate) kind.algorithm = dnnl_eltwise_gelu_tanh;
    kind.alpha = (float)a->alpha;
    kind.beta = (float)a->beta;
    return kind;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const eltwise_attrs *a = node->attrs;
    if (node->op->attrs == clip_rows && !(a->alpha <= a->beta))
        return fv_fail(err, FV_STATUS_ARGUMENT, "min is %g, max is %g: they leave nothing", a->alpha,
                       a->beta);
    node->shape = node->src[0]->shape;
    return FV_OK;
}

/* The forward primitive, which the backward one takes as a hint. */
typedef struct eltwise_state {
    const fv_prim *forward;
} eltwise_state;

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    eltwise_kind kind = kind_of(node);
    eltwise_state *state;
    fv_prim *prim;
    const fv_md *data;
    FV_TRY(fv_value_md(fv_dst(emit), &data, err));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fv_prim_eltwise_forward(&prim, kind.algorithm, kind.alpha, kind.beta, data, err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    state->forward = prim;
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)), FV_OUT(DNNL_ARG_DST, fv_dst(emit))};
    FV_TRY(fv_emit_primitive(emit, prim, 2, args, err));
    fv_emit_in_place(emit, fv_dst(emit), fv_src(emit, 0));
    return FV_OK;
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    eltwise_kind kind = kind_of(node);
    eltwise_state *state;
    fv_prim *prim;
    const fv_md *data;
    FV_TRY(fv_value_md(fv_dst(emit), &data, err));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fv_prim_eltwise_backward(&prim, kind.algorithm, kind.alpha, kind.beta, data, data, state->forward,
                                    err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {kind.from_dst ? (fv_emit_arg)FV_IN(DNNL_ARG_DST, fv_dst(emit))
                                              : (fv_emit_arg)FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)),
                                FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)),
                                FV_OUT(DNNL_ARG_DIFF_SRC, fv_diff_src(emit, 0))};
    FV_TRY(fv_emit_primitive(emit, prim, 3, args, err));
    fv_emit_in_place(emit, fv_diff_src(emit, 0), fv_diff_dst(emit));
    return FV_OK;
}

#define ELTWISE(name, rows, doc)                                                                             \
    const fv_op fv_op_##name = {                                                                             \
        #name, doc,  1,    1,    1, sizeof(eltwise_attrs), rows, FV_OP_ANY, shape, forward, backward_data,   \
        NULL,  NULL, NULL, NULL, 0};

ELTWISE(relu, no_rows, "max(x, 0)")
ELTWISE(leaky_relu, leaky_relu_rows, "x for x > 0, alpha x otherwise")
ELTWISE(elu, elu_rows, "x for x > 0, alpha (exp(x) - 1) otherwise")
ELTWISE(clip, clip_rows, "min(max(x, min), max)")
ELTWISE(sigmoid, no_rows, "1 / (1 + exp(-x))")
ELTWISE(tanh, no_rows, "hyperbolic tangent")
ELTWISE(silu, no_rows, "x sigmoid(x)")
ELTWISE(hard_swish, no_rows, "x clip(x / 6 + 1/2, 0, 1)")
ELTWISE(gelu, gelu_rows, "x Phi(x), Phi the normal distribution")
ELTWISE(exp, no_rows, "exponential")
ELTWISE(sqrt, no_rows, "square root")
ELTWISE(abs, no_rows, "absolute value")
ELTWISE(neg, no_rows, "-x")
