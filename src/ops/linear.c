/* linear: dst[..., o] = sum_i src[..., i] weights[o, i] + bias[o], a fully connected layer over the last
 * axis.
 *
 * oneDNN: its matmul for the product and both gradients, all axes but the last taken as rows; the gradient of
 * the bias is a sum of rows, which it has none for. */
#include "ops/fold_emit.h"
#include "ops/product.h"

static fv_status shape(fv_node *node, fv_error *err)
{
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[1]->shape;
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (src->rank < 2 || src->rank > 5 || weights->rank != 2)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s, weights are %s: they need 2 to 5 and 2 dimensions",
                       fv_shape_text(src, ts), fv_shape_text(weights, tw));
    if (src->dim[src->rank - 1] != weights->dim[1])
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s, weights are %s: the last axes differ",
                       fv_shape_text(src, ts), fv_shape_text(weights, tw));
    if (node->src_count > 2) {
        const fv_shape *bias = &node->src[2]->shape;
        if (bias->rank != 1 || bias->dim[0] != weights->dim[0])
            return fv_fail(err, FV_STATUS_SHAPE, "bias is %s, weights are %s: it needs %lld entries",
                           fv_shape_text(bias, ts), fv_shape_text(weights, tw), (long long)weights->dim[0]);
    }
    node->shape = *src;
    node->shape.dim[src->rank - 1] = weights->dim[0];
    return FV_OK;
}

/* A value as a matrix with its last axis as columns. */
static fv_factor rows_of(fv_value *value)
{
    const fv_shape *own = fv_value_shape(value);
    fv_shape matrix = {.rank = 2, .dim = {1, own->dim[own->rank - 1]}};
    for (int i = 0; i < own->rank - 1; i++) matrix.dim[0] *= own->dim[i];
    return fv_factor_of(value, &matrix);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_factor src = rows_of(fv_src(emit, 0)), dst = rows_of(fv_dst(emit));
    fv_factor weights = fv_factor_transposed(rows_of(fv_src(emit, 1)));
    fv_value *bias = node->src_count > 2 ? fv_src(emit, 2) : NULL;
    return fv_emit_product_packed(emit, &src, 1, &weights, bias, &dst, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_factor diff_dst = rows_of(fv_diff_dst(emit)), weights = rows_of(fv_src(emit, 1));
    fv_factor diff_src = rows_of(fv_diff_src(emit, 0));
    (void)node;
    return fv_emit_product_packed(emit, &diff_dst, 1, &weights, NULL, &diff_src, err);
}

static fv_status backward_bias(fv_emit *emit, const fv_factor *diff_dst, fv_value *bias, fv_error *err)
{
    fv_fold fold;
    int64_t rows = diff_dst->shape.dim[0], columns = diff_dst->shape.dim[1];
    fv_fold_spec spec = {.kind = FV_FOLD_SUM,
                         .rank = 2,
                         .size = {rows, columns},
                         .stride = {columns, 1},
                         .out = {0, 1},
                         .reduced = {1, 0}};
    fv_fold_plan(&fold, &spec);
    return fv_emit_fold(emit, &fold, 1.0, diff_dst->value, bias, NULL, err);
}

static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_factor src = rows_of(fv_src(emit, 0)), diff_dst = rows_of(fv_diff_dst(emit));
    fv_value *weights = fv_diff_src(emit, 1), *bias = node->src_count > 2 ? fv_diff_src(emit, 2) : NULL;
    if (weights) {
        fv_factor turned = fv_factor_transposed(diff_dst), dst = rows_of(weights);
        FV_TRY(fv_emit_product(emit, &turned, &src, &dst, err));
    }
    return bias ? backward_bias(emit, &diff_dst, bias, err) : FV_OK;
}

static double macs(const fv_node *node)
{
    const fv_shape *src = &node->src[0]->shape;
    double n = (double)node->src[1]->shape.dim[0];
    for (int i = 0; i < src->rank; i++) n *= (double)src->dim[i];
    return n;
}

const fv_op fv_op_linear = {.name = "linear",
                            .doc = "fully connected layer over the last axis",
                            .src_min = 2,
                            .src_max = 3,
                            .parameters_from = 1,
                            .layout = FV_OP_PLAIN,
                            .shape = shape,
                            .forward = forward,
                            .backward_data = backward_data,
                            .backward_weights = backward_weights,
                            .macs = macs};
