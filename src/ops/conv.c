/* conv: dst[n,o,y] = bias[o] + sum_{i,k} weights[o,i,k] src[n,i, y stride + k dilation - pad], in 1 to 3 spatial
 * dimensions, with groups (depthwise: groups = channels). As in all such tools it is a cross-correlation.
 * conv_transpose: its adjoint with respect to src; weights are I x O/groups x k..., and
 * size = (src - 1) stride - pad - pad_end + dilation (kernel - 1) + 1 + output_pad.
 *
 * oneDNN: source and destination both channels last, or a reference implementation runs; weights in the
 * primitive's own layout; groups are a leading axis of the weights; dilation 0 means dense. */
#include "graph/emit.h"

#include <string.h>

typedef struct conv_attrs {
    fv_ints stride, dilation, pad, pad_end, output_pad;
    int64_t groups;
} conv_attrs;

#define COMMON_ROWS                                                                                          \
    {"stride", FV_ATTR_SPATIAL, offsetof(conv_attrs, stride), 1, "step of the kernel", NULL},                \
        {"dilation", FV_ATTR_SPATIAL, offsetof(conv_attrs, dilation), 1, "distance of kernel taps", NULL},   \
        {"pad", FV_ATTR_SPATIAL, offsetof(conv_attrs, pad), 0, "zeros before each axis", NULL},              \
        {"pad_end", FV_ATTR_SPATIAL, offsetof(conv_attrs, pad_end), FV_ATTR_EMPTY,                           \
         "zeros after each axis; default: pad", NULL},                                                       \
        {"groups", FV_ATTR_INT, offsetof(conv_attrs, groups), 1, "independent channel groups", NULL}

static const fv_attr conv_rows[] = {COMMON_ROWS, {0}};
static const fv_attr transpose_rows[] = {COMMON_ROWS,
                                         {"output_pad", FV_ATTR_SPATIAL, offsetof(conv_attrs, output_pad), 0,
                                          "size added at the end of each axis of dst", NULL},
                                         {0}};

static int is_transposed(const fv_node *node)
{
    return strcmp(node->op->name, "conv_transpose") == 0;
}

static fv_status check_attrs(const fv_node *node, int spatial, fv_error *err)
{
    const conv_attrs *a = node->attrs;
    FV_TRY(fv_check_spatial(&a->stride, "stride", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->dilation, "dilation", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->pad, "pad", spatial, 0, err));
    FV_TRY(fv_check_spatial(&a->pad_end, "pad_end", spatial, 0, err));
    FV_TRY(fv_check_spatial(&a->output_pad, "output_pad", spatial, 0, err));
    if (a->groups < 1)
        return fv_fail(err, FV_STATUS_ARGUMENT, "groups must be at least 1, not %lld", (long long)a->groups);
    return FV_OK;
}

/* Channel counts of src, weights and bias must agree; sets the channels of dst. */
static fv_status check_channels(fv_node *node, fv_error *err)
{
    const conv_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[1]->shape;
    int transposed = is_transposed(node);
    int64_t in = transposed ? weights->dim[0] : weights->dim[1] * a->groups;
    int64_t out = transposed ? weights->dim[1] * a->groups : weights->dim[0];
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (in != src->dim[1] || in % a->groups || out % a->groups)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s with %lld channels, weights are %s with %lld groups",
                       fv_shape_text(src, ts), (long long)src->dim[1], fv_shape_text(weights, tw),
                       (long long)a->groups);
    if (node->src_count > 2) {
        const fv_shape *bias = &node->src[2]->shape;
        if (bias->rank != 1 || bias->dim[0] != out)
            return fv_fail(err, FV_STATUS_SHAPE, "bias is %s, weights are %s: it needs %lld entries",
                           fv_shape_text(bias, ts), fv_shape_text(weights, tw), (long long)out);
    }
    node->shape.dim[1] = out;
    return FV_OK;
}

/* Size of dst along spatial axis i. */
static int64_t dst_size(const fv_node *node, int i)
{
    const conv_attrs *a = node->attrs;
    int64_t pad = fv_spatial(&a->pad, i, 0);
    int64_t pads = pad + fv_spatial(&a->pad_end, i, pad);
    int64_t extent = fv_spatial(&a->dilation, i, 1) * (node->src[1]->shape.dim[i + 2] - 1) + 1;
    int64_t stride = fv_spatial(&a->stride, i, 1), size = node->src[0]->shape.dim[i + 2];
    if (is_transposed(node)) return (size - 1) * stride - pads + extent + fv_spatial(&a->output_pad, i, 0);
    return size + pads < extent ? 0 : (size + pads - extent) / stride + 1;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[1]->shape;
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (src->rank < 3 || src->rank > 5 || weights->rank != src->rank)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s, weights are %s: both need 3 to 5 dimensions",
                       fv_shape_text(src, ts), fv_shape_text(weights, tw));
    FV_TRY(check_attrs(node, src->rank - 2, err));
    node->shape = *src;
    FV_TRY(check_channels(node, err));
    for (int i = 0; i < src->rank - 2; i++) {
        node->shape.dim[i + 2] = dst_size(node, i);
        if (node->shape.dim[i + 2] < 1)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s, weights are %s: nothing is left of axis %d",
                           fv_shape_text(src, ts), fv_shape_text(weights, tw), i + 3);
    }
    return FV_OK;
}

static void fill_params(const fv_node *node, fv_conv_params *p)
{
    const conv_attrs *a = node->attrs;
    memset(p, 0, sizeof *p);
    p->transposed = is_transposed(node);
    for (int i = 0; i < node->shape.rank - 2; i++) {
        p->stride[i] = fv_spatial(&a->stride, i, 1);
        p->dilation[i] = fv_spatial(&a->dilation, i, 1) - 1;
        p->pad_begin[i] = fv_spatial(&a->pad, i, 0);
        p->pad_end[i] =
            fv_spatial(&a->pad_end, i, p->pad_begin[i]) - (p->transposed ? fv_spatial(&a->output_pad, i, 0) : 0);
    }
}

/* How oneDNN names the axes of the raw weights: [groups] O I k..., whatever the order in memory. */
static fv_status raw_weights(const fv_node *node, fv_md **out, fv_shape *shape, fv_error *err)
{
    const conv_attrs *a = node->attrs;
    const fv_shape *w = &node->src[1]->shape;
    int64_t strides[FV_MAX_RANK], own[FV_MAX_RANK];
    int at = 0, out_axis = is_transposed(node) ? 1 : 0;
    fv_shape_strides(w, own);
    int64_t size[2] = {w->dim[0] / a->groups, w->dim[1]}; /* of one group; axis 0 runs over the groups */
    if (a->groups > 1) {
        shape->dim[at] = a->groups;
        strides[at++] = size[0] * own[0];
    }
    for (int k = 0; k < 2; k++) {
        int axis = k == 0 ? out_axis : 1 - out_axis;
        shape->dim[at] = size[axis];
        strides[at++] = own[axis];
    }
    for (int i = 2; i < w->rank; i++) {
        shape->dim[at] = w->dim[i];
        strides[at++] = own[i];
    }
    shape->rank = at;
    return fv_md_strided(out, shape, strides, err);
}

/* What every emission needs; the descriptors are owned. */
typedef struct conv_work {
    fv_conv_params params;
    fv_md *raw, *any, *chosen, *bias; /* weights as given, free, as the primitive wants them; bias or NULL */
} conv_work;

static void close_work(conv_work *work)
{
    fv_md_free(work->raw);
    fv_md_free(work->any);
    fv_md_free(work->chosen);
    fv_md_free(work->bias);
}

static fv_status open_work(conv_work *work, const fv_node *node, fv_error *err)
{
    fv_shape shape;
    memset(work, 0, sizeof *work);
    fill_params(node, &work->params);
    FV_TRY(raw_weights(node, &work->raw, &shape, err));
    FV_TRY(fv_md_any(&work->any, &shape, err));
    if (node->src_count > 2) FV_TRY(fv_md_plain(&work->bias, &node->src[2]->shape, err));
    return FV_OK;
}

/* The forward primitive, which the backward ones take as a hint. */
typedef struct conv_state {
    const fv_prim *forward;
} conv_state;

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_status status;
    conv_work work;
    conv_state *state;
    fv_prim *prim;
    fv_value *weights;
    const fv_md *src, *dst;
    FV_TRY_GOTO(open_work(&work, node, err));
    FV_TRY_GOTO(fv_value_md(fv_src(emit, 0), &src, err));
    FV_TRY_GOTO(fv_value_md(fv_dst(emit), &dst, err));
    FV_TRY_GOTO(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY_GOTO(fv_prim_conv_forward(&prim, &work.params, src, work.any, work.bias, dst, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    state->forward = prim;
    FV_TRY_GOTO(fv_prim_md(&work.chosen, prim, dnnl_query_weights_md, err));
    FV_TRY_GOTO(fv_emit_packed(emit, 1, work.raw, work.chosen, &weights, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)),
                                {DNNL_ARG_WEIGHTS, weights, 0, work.chosen},
                                FV_OUT(DNNL_ARG_DST, fv_dst(emit)),
                                FV_IN(DNNL_ARG_BIAS, work.bias ? fv_src(emit, 2) : NULL)};
    status = fv_emit_primitive(emit, prim, work.bias ? 4 : 3, args, err);
done:
    close_work(&work);
    return status;
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_status status;
    conv_work work;
    conv_state *state;
    fv_prim *prim;
    fv_value *weights;
    const fv_md *diff_src, *diff_dst;
    FV_TRY_GOTO(open_work(&work, node, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_src(emit, 0), &diff_src, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_dst(emit), &diff_dst, err));
    FV_TRY_GOTO(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY_GOTO(fv_prim_conv_backward_data(&prim, &work.params, diff_src, work.any, diff_dst, state->forward, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_prim_md(&work.chosen, prim, dnnl_query_weights_md, err));
    FV_TRY_GOTO(fv_emit_packed(emit, 1, work.raw, work.chosen, &weights, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)),
                                {DNNL_ARG_WEIGHTS, weights, 0, work.chosen},
                                FV_OUT(DNNL_ARG_DIFF_SRC, fv_diff_src(emit, 0))};
    status = fv_emit_primitive(emit, prim, 3, args, err);
done:
    close_work(&work);
    return status;
}

/* One primitive gives the gradients of weights and bias; a side nobody wants goes to scratch memory. */
static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_status status;
    conv_work work;
    conv_state *state;
    fv_prim *prim;
    fv_value *packed, *bias = NULL;
    const fv_md *src, *diff_dst;
    FV_TRY_GOTO(open_work(&work, node, err));
    FV_TRY_GOTO(fv_value_md(fv_src(emit, 0), &src, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_dst(emit), &diff_dst, err));
    FV_TRY_GOTO(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY_GOTO(fv_prim_conv_backward_weights(&prim, &work.params, src, work.any, work.bias, diff_dst,
                                              state->forward, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_prim_md(&work.chosen, prim, dnnl_query_diff_weights_md, err));
    FV_TRY_GOTO(fv_emit_value_md(emit, work.chosen, &packed, err));
    if (work.bias) bias = fv_diff_src(emit, 2);
    if (work.bias && !bias) FV_TRY_GOTO(fv_emit_value_md(emit, work.bias, &bias, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)),
                                FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)),
                                {DNNL_ARG_DIFF_WEIGHTS, packed, 1, work.chosen},
                                FV_OUT(DNNL_ARG_DIFF_BIAS, bias)};
    FV_TRY_GOTO(fv_emit_primitive(emit, prim, work.bias ? 4 : 3, args, err));
    if (fv_diff_src(emit, 1))
        status = fv_emit_copy(emit, packed, work.chosen, fv_diff_src(emit, 1), work.raw, err);
done:
    close_work(&work);
    return status;
}

/* Each weight meets each position of dst (of src when transposed) once; O x I/groups is what is stored. */
static double macs(const fv_node *node)
{
    const fv_shape *w = &node->src[1]->shape;
    const fv_shape *over = is_transposed(node) ? &node->src[0]->shape : &node->shape;
    double n = (double)over->dim[0] * (double)w->dim[0] * (double)w->dim[1];
    for (int i = 2; i < w->rank; i++) n *= (double)w->dim[i] * (double)over->dim[i];
    return n;
}

const fv_op fv_op_conv = {"conv", "cross-correlation with learned kernels", 2, 3, 1, sizeof(conv_attrs),
                          conv_rows, FV_OP_CHANNELS_LAST, shape, forward, backward_data, backward_weights,
                          macs};

const fv_op fv_op_conv_transpose = {"conv_transpose", "adjoint of a convolution: learned upsampling", 2, 3, 1,
                                    sizeof(conv_attrs), transpose_rows, FV_OP_CHANNELS_LAST, shape, forward,
                                    backward_data, backward_weights, macs};
