/* add, sub, mul, div, min, max of two sources that broadcast as in NumPy: aligned at the right, sizes of 1
 * (and missing axes) repeat. The gradient of a source that was stretched is summed over what it was stretched
 * to. Where min and max have equal sources, each gets half of the gradient, and NaN wins, both as in PyTorch.
 *
 * oneDNN stretches its second source only, has no backward pass, and drops NaN in min and max: it does the
 * forward pass of the others where it is not its reference implementation, own rows the rest. */
#include "ops/walk.h"

#include <string.h>

FV_WALK_ROW(add_value, x + y)
FV_WALK_ROW(sub_value, x - y)
FV_WALK_ROW(mul_value, x *y)
FV_WALK_ROW(div_value, x / y)
FV_WALK_ROW(min_value, x < y || x != x ? x : y)
FV_WALK_ROW(max_value, x > y || x != x ? x : y)

/* Gradients, G being that of dst. */
FV_WALK_ROW(pass, G[i])
FV_WALK_ROW(pass_negative, -G[i])
FV_WALK_ROW(mul_slope_a, G[i] * y)
FV_WALK_ROW(mul_slope_b, G[i] * x)
FV_WALK_ROW(div_slope_a, G[i] / y)
FV_WALK_ROW(div_slope_b, -G[i] * x / (y * y))
FV_WALK_ROW(less_slope, G[i] * (x < y ? 1.0f : x == y ? 0.5f : 0.0f))
FV_WALK_ROW(more_slope, G[i] * (x > y ? 1.0f : x == y ? 0.5f : 0.0f))

typedef struct binary_kind {
    const char *name;
    fv_walk_row value, slope[2];
    dnnl_alg_kind_t algorithm; /* dnnl_alg_kind_undef: own rows only */
    int is_symmetric;
    int is_sum; /* the gradients are that of dst, whatever the sources */
} binary_kind;

static const binary_kind kinds[] = {
    {"add", add_value, {pass, pass}, dnnl_binary_add, 1, 1},
    {"sub", sub_value, {pass, pass_negative}, dnnl_binary_sub, 0, 1},
    {"mul", mul_value, {mul_slope_a, mul_slope_b}, dnnl_binary_mul, 1, 0},
    {"div", div_value, {div_slope_a, div_slope_b}, dnnl_binary_div, 0, 0},
    {"min", min_value, {less_slope, more_slope}, dnnl_alg_kind_undef, 1, 0},
    {"max", max_value, {more_slope, less_slope}, dnnl_alg_kind_undef, 1, 0},
};

static const binary_kind *kind_of(const fv_node *node)
{
    const binary_kind *kind = kinds;
    while (strcmp(kind->name, node->op->name) != 0) kind++;
    return kind;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    return fv_shape_broadcast(&node->shape, &node->src[0]->shape, &node->src[1]->shape, "sources", err);
}

/* The primitive for sources first and 1 - first when it exists and is not a reference implementation; *out is
 * NULL otherwise. Only a want of memory is a failure. */
static fv_status fast_primitive(const binary_kind *kind, fv_emit *emit, int first, fv_prim **out,
                                fv_error *err)
{
    const fv_md *a, *b, *dst;
    fv_status status;
    *out = NULL;
    if (kind->algorithm == dnnl_alg_kind_undef) return FV_OK;
    if (!fv_shape_equal(fv_value_shape(fv_src(emit, first)), fv_value_shape(fv_dst(emit)))) return FV_OK;
    if (fv_value_shape(fv_src(emit, 1 - first))->rank != fv_value_shape(fv_dst(emit))->rank) return FV_OK;
    FV_TRY(fv_value_md(fv_src(emit, first), &a, err));
    FV_TRY(fv_value_md(fv_src(emit, 1 - first), &b, err));
    FV_TRY(fv_value_md(fv_dst(emit), &dst, err));
    status = fv_prim_binary(out, kind->algorithm, a, b, dst, err);
    if (status == FV_STATUS_MEMORY) return status;
    if (status != FV_OK) *out = NULL;
    if (*out && strstr(fv_prim_implementation(*out), "ref")) {
        fv_prim_free(*out);
        *out = NULL;
    }
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    const binary_kind *kind = kind_of(node);
    fv_value *src[FV_WALK_SOURCES] = {fv_src(emit, 0), fv_src(emit, 1)};
    fv_prim *prim;
    int first = kind->is_symmetric && !fv_shape_equal(fv_value_shape(src[0]), &node->shape);
    FV_TRY(fast_primitive(kind, emit, first, &prim, err));
    if (!prim) return fv_emit_walk(emit, "binary:own", kind->value, fv_dst(emit), 2, src, fv_dst(emit), err);
    FV_TRY(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC_0, src[first]), FV_IN(DNNL_ARG_SRC_1, src[1 - first]),
                                FV_OUT(DNNL_ARG_DST, fv_dst(emit))};
    FV_TRY(fv_emit_primitive(emit, prim, 3, args, err));
    for (int k = 0; k < 2; k++)
        if (fv_shape_equal(fv_value_shape(src[k]), &node->shape))
            fv_emit_in_place(emit, fv_dst(emit), src[k]);
    return FV_OK;
}

/* Whether source k is multiplied by a gate for each image and channel, so that its gradient is. */
static int is_gated(const fv_node *node, fv_emit *emit, int k)
{
    const fv_shape *gate = &node->src[1 - k]->shape;
    int64_t count = 1;
    if (strcmp(node->op->name, "mul") != 0 || gate->rank != node->shape.rank) return 0;
    if (!fv_shape_equal(&node->src[k]->shape, &node->shape) || !fv_emit_takes_affine(emit, k)) return 0;
    for (int i = 2; i < gate->rank; i++) count *= gate->dim[i];
    return count == 1 && gate->dim[0] == node->shape.dim[0] && gate->dim[1] == node->shape.dim[1] &&
           fv_value_is_channels_last(fv_diff_dst(emit));
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    const binary_kind *kind = kind_of(node);
    fv_value *diff = fv_diff_dst(emit);
    fv_value *in[] = {fv_src(emit, 0), fv_src(emit, 1), diff};
    int is_product = kind->algorithm == dnnl_binary_mul;
    if (kind->is_sum) in[0] = in[1] = diff; /* so that the sources need not be kept */
    for (int k = 0; k < 2; k++) {
        fv_value *to = fv_diff_src(emit, k);
        if (!to) continue;
        int is_same = kind->is_sum && (k == 0 || kind->is_symmetric);
        if (is_product) { /* each gradient reads the other source alone */
            in[1 - k] = fv_src(emit, 1 - k);
            in[k] = diff;
        }
        if (is_gated(node, emit, k)) {
            fv_emit_affine_gradient(emit, k, &(fv_affine){diff, fv_src(emit, 1 - k), NULL});
            continue;
        }
        if (is_same && fv_shape_equal(fv_value_shape(to), &node->shape))
            FV_TRY(fv_emit_alias(emit, to, diff, err));
        else
            FV_TRY(fv_emit_walk(emit, "binary_backward:own", kind->slope[k], diff, 3, in, to, err));
    }
    return FV_OK;
}

#define BINARY(name, doc)                                                                                    \
    const fv_op fv_op_##name = {#name,   doc,           2,    2,    2,    0,    NULL, FV_OP_ANY, shape,      \
                                forward, backward_data, NULL, NULL, NULL, NULL, 0};

BINARY(add, "a + b")
BINARY(sub, "a - b")
BINARY(mul, "a b")
BINARY(div, "a / b")
BINARY(min, "the smaller of a and b")
BINARY(max, "the larger of a and b")
