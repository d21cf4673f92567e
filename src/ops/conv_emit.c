/* Emission of conv and conv_transpose.
 *
 * oneDNN: source and destination both channels last, or a reference implementation runs; weights in the
 * primitive's own layout; groups are a leading axis of the weights; dilation 0 means dense. */
#include "ops/conv.h"

#include <string.h>

const char *const fv_conv_activations[] = {"none", "relu", "leaky_relu", "elu", "clip", "sigmoid", NULL};

/* oneDNN's name of the activation; 0 for none. */
static dnnl_alg_kind_t activation_of(const fv_conv_attrs *a)
{
    static const dnnl_alg_kind_t kinds[] = {dnnl_alg_kind_undef,
                                            dnnl_eltwise_relu_use_dst_for_bwd,
                                            dnnl_eltwise_relu_use_dst_for_bwd,
                                            dnnl_eltwise_elu_use_dst_for_bwd,
                                            dnnl_eltwise_clip_v2_use_dst_for_bwd,
                                            dnnl_eltwise_logistic_use_dst_for_bwd};
    return kinds[a->activation];
}

static void fill_params(const fv_node *node, int transposed, fv_conv_params *p)
{
    const fv_conv_attrs *a = node->attrs;
    memset(p, 0, sizeof *p);
    p->transposed = transposed;
    for (int i = 0; i < node->shape.rank - 2; i++) {
        p->stride[i] = fv_spatial(&a->stride, i, 1);
        p->dilation[i] = fv_spatial(&a->dilation, i, 1) - 1;
        p->pad_begin[i] = fv_spatial(&a->pad, i, 0);
        p->pad_end[i] = fv_spatial(&a->pad_end, i, p->pad_begin[i]) -
                        (p->transposed ? fv_spatial(&a->output_pad, i, 0) : 0);
    }
}

/* How oneDNN names the axes of the raw weights: [groups] O I k..., whatever the order in memory. */
static fv_status raw_weights(const fv_node *node, int transposed, fv_md **out, fv_shape *shape, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_shape *w = &node->src[1]->shape;
    int64_t strides[FV_MAX_RANK], own[FV_MAX_RANK];
    int at = 0, out_axis = transposed ? 1 : 0;
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
    fv_post_ops post;
    fv_md *raw, *any, *chosen, *bias; /* weights as given, free, as the primitive wants them; bias or NULL */
} conv_work;

static void close_work(conv_work *work)
{
    fv_md_free(work->raw);
    fv_md_free(work->any);
    fv_md_free(work->chosen);
    fv_md_free(work->bias);
}

static fv_status open_work(conv_work *work, const fv_node *node, int transposed, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    fv_shape shape;
    memset(work, 0, sizeof *work);
    fill_params(node, transposed, &work->params);
    if (a->activation) {
        work->post = (fv_post_ops){1, {{FV_POST_ELTWISE, activation_of(a), (float)a->alpha, (float)a->beta}}};
        work->params.post = &work->post;
    }
    FV_TRY(raw_weights(node, transposed, &work->raw, &shape, err));
    FV_TRY(fv_md_any(&work->any, &shape, err));
    if (node->src_count > 2) FV_TRY(fv_md_plain(&work->bias, &node->src[2]->shape, err));
    return FV_OK;
}

/* The forward primitive, which the backward ones take as a hint, and the gradient before the activation. */
typedef struct conv_state {
    const fv_prim *forward;
    fv_value *diff;
} conv_state;

/* Gradient of what the convolution gave: diff_dst, or that taken through the activation (once). */
static fv_status open_diff(const fv_node *node, fv_emit *emit, conv_state *state, fv_value **out,
                           fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    fv_prim *hint, *prim;
    const fv_md *md;
    *out = a->activation ? state->diff : fv_diff_dst(emit);
    if (*out) return FV_OK;
    FV_TRY(fv_value_md(fv_dst(emit), &md, err));
    FV_TRY(fv_emit_value_md(emit, md, out, err));
    FV_TRY(fv_prim_eltwise_forward(&hint, activation_of(a), (float)a->alpha, (float)a->beta, md, err));
    FV_TRY(fv_emit_keep(emit, hint, err));
    FV_TRY(fv_prim_eltwise_backward(&prim, activation_of(a), (float)a->alpha, (float)a->beta, md, md, hint,
                                    err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    state->diff = *out;
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DST, fv_dst(emit)),
                                FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)), FV_OUT(DNNL_ARG_DIFF_SRC, *out)};
    return fv_emit_primitive(emit, prim, 3, args, err);
}

fv_status fv_conv_forward(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_status status;
    conv_work work;
    conv_state *state;
    fv_prim *prim;
    fv_value *weights;
    const fv_md *src, *dst;
    FV_TRY_GOTO(open_work(&work, node, transposed, err));
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

fv_status fv_conv_backward_data(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_status status;
    conv_work work;
    conv_state *state;
    fv_prim *prim;
    fv_value *weights, *diff;
    const fv_md *diff_src, *diff_dst;
    FV_TRY_GOTO(open_work(&work, node, transposed, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_src(emit, 0), &diff_src, err));
    FV_TRY_GOTO(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY_GOTO(open_diff(node, emit, state, &diff, err));
    FV_TRY_GOTO(fv_value_md(diff, &diff_dst, err));
    FV_TRY_GOTO(
        fv_prim_conv_backward_data(&prim, &work.params, diff_src, work.any, diff_dst, state->forward, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_prim_md(&work.chosen, prim, dnnl_query_weights_md, err));
    FV_TRY_GOTO(fv_emit_packed(emit, 1, work.raw, work.chosen, &weights, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DIFF_DST, diff),
                                {DNNL_ARG_WEIGHTS, weights, 0, work.chosen},
                                FV_OUT(DNNL_ARG_DIFF_SRC, fv_diff_src(emit, 0))};
    status = fv_emit_primitive(emit, prim, 3, args, err);
done:
    close_work(&work);
    return status;
}

/* One primitive gives the gradients of weights and bias; a side nobody wants goes to scratch memory. */
fv_status fv_conv_backward_weights(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_status status;
    conv_work work;
    conv_state *state;
    fv_prim *prim;
    fv_value *packed, *diff, *bias = NULL;
    const fv_md *src, *diff_dst;
    FV_TRY_GOTO(open_work(&work, node, transposed, err));
    FV_TRY_GOTO(fv_value_md(fv_src(emit, 0), &src, err));
    FV_TRY_GOTO(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY_GOTO(open_diff(node, emit, state, &diff, err));
    FV_TRY_GOTO(fv_value_md(diff, &diff_dst, err));
    FV_TRY_GOTO(fv_prim_conv_backward_weights(&prim, &work.params, src, work.any, work.bias, diff_dst,
                                              state->forward, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_prim_md(&work.chosen, prim, dnnl_query_diff_weights_md, err));
    FV_TRY_GOTO(fv_emit_value_md(emit, work.chosen, &packed, err));
    if (work.bias) bias = fv_diff_src(emit, 2);
    if (work.bias && !bias) FV_TRY_GOTO(fv_emit_value_md(emit, work.bias, &bias, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)),
                                FV_IN(DNNL_ARG_DIFF_DST, diff),
                                {DNNL_ARG_DIFF_WEIGHTS, packed, 1, work.chosen},
                                FV_OUT(DNNL_ARG_DIFF_BIAS, bias)};
    FV_TRY_GOTO(fv_emit_primitive(emit, prim, work.bias ? 4 : 3, args, err));
    if (fv_diff_src(emit, 1))
        status = fv_emit_copy(emit, packed, work.chosen, fv_diff_src(emit, 1), work.raw, err);
done:
    close_work(&work);
    return status;
}
