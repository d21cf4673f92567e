/* Backward emission of the convolutions. */
#include "ops/conv_bfloat.h"
#include "ops/conv_signs.h"

/* Gradient of what the convolution gave: diff_dst, or that taken through the activation (once). */
static fv_status open_diff(const fv_node *node, fv_emit *emit, fv_conv_state *state, fv_value **out,
                           fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    dnnl_alg_kind_t kind = fv_conv_activation(node);
    fv_prim *hint, *prim;
    const fv_md *md;
    *out = a->activation ? state->diff : fv_diff_dst(emit);
    if (*out) return FV_OK;
    FV_TRY(fv_value_md(fv_dst(emit), &md, err));
    FV_TRY(fv_emit_value_like(emit, fv_dst(emit), out, err));
    if (state->signs) {
        state->diff = *out;
        return fv_signs_backward(node, emit, state->signs, *out, err);
    }
    FV_TRY(fv_prim_eltwise_forward(&hint, kind, (float)a->alpha, (float)a->beta, md, err));
    FV_TRY(fv_emit_keep(emit, hint, err));
    FV_TRY(fv_prim_eltwise_backward(&prim, kind, (float)a->alpha, (float)a->beta, md, md, hint, err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    state->diff = *out;
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DST, fv_dst(emit)),
                                FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)), FV_OUT(DNNL_ARG_DIFF_SRC, *out)};
    FV_TRY(fv_emit_primitive(emit, prim, 3, args, err));
    fv_emit_in_place(emit, *out, fv_diff_dst(emit));
    return FV_OK;
}

fv_status fv_conv_open_diff(const fv_node *node, fv_emit *emit, fv_value **out, fv_error *err)
{
    fv_conv_state *state;
    FV_TRY(fv_conv_state_of(node, emit, &state, err));
    return open_diff(node, emit, state, out, err);
}

/* The forward primitive of a part; made for nothing but this where the forward pass did without. */
static fv_status hint_of(fv_emit *emit, const fv_conv_work *work, fv_conv_state *state, const fv_md *src,
                         const fv_md *dst, const fv_prim **out, fv_error *err)
{
    fv_prim *prim;
    if (!state->forward[work->part]) {
        FV_TRY(fv_prim_conv_forward(&prim, &work->params, src, work->any, NULL, dst, err));
        FV_TRY(fv_emit_keep(emit, prim, err));
        state->forward[work->part] = prim;
    }
    *out = state->forward[work->part];
    return FV_OK;
}

static fv_status emit_part(const fv_node *node, fv_emit *emit, int part, int transposed, fv_value *diff,
                           fv_conv_state *state, fv_error *err)
{
    fv_status status;
    fv_conv_work work;
    fv_prim *prim;
    fv_value *weights;
    const fv_prim *hint;
    const fv_md *diff_src, *diff_dst;
    FV_TRY_GOTO(fv_conv_open(&work, node, part, transposed, err));
    FV_TRY_GOTO(fv_conv_round_weights(&work, node, emit, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_src(emit, part), &diff_src, err));
    FV_TRY_GOTO(fv_value_md(diff, &diff_dst, err));
    FV_TRY_GOTO(hint_of(emit, &work, state, diff_src, diff_dst, &hint, err));
    FV_TRY_GOTO(fv_prim_conv_backward_data(&prim, &work.params, diff_src, work.any, diff_dst, hint, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_conv_pack(&work, emit, prim, &weights, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DIFF_DST, diff),
                                {DNNL_ARG_WEIGHTS, weights, 0, work.chosen},
                                FV_OUT(DNNL_ARG_DIFF_SRC, fv_diff_src(emit, part))};
    status = fv_emit_primitive(emit, prim, 3, args, err);
done:
    fv_conv_close(&work);
    return status;
}

/* A convolution that looks at one position at a time. */
static int is_pointwise(const fv_node *node, int transposed)
{
    const fv_conv_attrs *a = node->attrs;
    if (transposed || a->groups != 1 || fv_conv_taps(node) != 1) return 0;
    for (int i = 0; i < node->shape.rank - 2; i++)
        if (fv_spatial(&a->stride, i, 1) != 1 || fv_spatial(&a->pad, i, 0) ||
            fv_spatial(&a->pad_end, i, fv_spatial(&a->pad, i, 0)))
            return 0;
    return 1;
}

/* Its gradient is such a convolution too, with the weights' channels swapped: the forward primitives of
 * oneDNN are faster. */
static fv_status emit_pointwise(const fv_node *node, fv_emit *emit, int part, fv_value *diff, fv_error *err)
{
    fv_status status;
    fv_conv_work work;
    fv_prim *prim;
    fv_value *weights;
    const fv_md *from, *to;
    int64_t strides[FV_MAX_RANK];
    FV_TRY_GOTO(fv_conv_open(&work, node, part, 0, err));
    int64_t in = work.shape.dim[1];
    fv_shape_strides(&node->src[work.view.weights]->shape, strides);
    int64_t swapped = strides[0];
    strides[0] = strides[1];
    strides[1] = swapped;
    work.shape.dim[1] = work.shape.dim[0];
    work.shape.dim[0] = in;
    fv_md_free(work.raw);
    fv_md_free(work.any);
    work.raw = work.any = NULL;
    FV_TRY_GOTO(fv_md_strided(&work.raw, &work.shape, strides, err));
    FV_TRY_GOTO(fv_md_any(&work.any, &work.shape, err));
    FV_TRY_GOTO(fv_conv_round_weights(&work, node, emit, err));
    FV_TRY_GOTO(fv_value_md(diff, &from, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_src(emit, part), &to, err));
    FV_TRY_GOTO(fv_prim_conv_forward(&prim, &work.params, from, work.any, NULL, to, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_conv_pack(&work, emit, prim, &weights, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, diff),
                                {DNNL_ARG_WEIGHTS, weights, 0, work.chosen},
                                FV_OUT(DNNL_ARG_DST, fv_diff_src(emit, part))};
    status = fv_emit_primitive(emit, prim, 3, args, err);
done:
    fv_conv_close(&work);
    return status;
}

fv_status fv_conv_backward_data(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_conv_view view = fv_conv_view_of(node);
    fv_value *addend = view.addend < 0 ? NULL : fv_diff_src(emit, view.addend), *diff;
    fv_conv_state *state;
    fv_conv_gate gate;
    int is_winograd = fv_conv_is_winograd(node, emit, transposed);
    if (is_winograd && !addend && fv_conv_gate_of(node, &gate))
        return fv_conv_winograd_backward(node, emit, NULL, err);
    FV_TRY(fv_conv_state_of(node, emit, &state, err));
    FV_TRY(open_diff(node, emit, state, &diff, err));
    if (is_winograd) FV_TRY(fv_conv_winograd_backward(node, emit, diff, err));
    int pointwise = fv_emit_mode(emit) != FV_MODE_TRAIN && is_pointwise(node, transposed);
    fv_value *gradient = diff;
    if (!is_winograd) FV_TRY(fv_conv_round_source(node, emit, diff, &gradient, err));
    for (int k = 0; k < view.parts && !is_winograd; k++) {
        if (!fv_diff_src(emit, k)) continue;
        if (pointwise)
            FV_TRY(emit_pointwise(node, emit, k, gradient, err));
        else
            FV_TRY(emit_part(node, emit, k, transposed, gradient, state, err));
    }
    return addend ? fv_emit_alias(emit, addend, diff, err) : FV_OK;
}

/* One primitive gives the gradients of weights and bias; a side nobody wants goes to scratch memory. */
fv_status fv_conv_backward_weights(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_status status;
    fv_conv_work work;
    fv_conv_state *state;
    fv_prim *prim;
    fv_value *packed, *diff, *bias = NULL;
    const fv_prim *hint;
    const fv_md *src, *diff_dst;
    FV_TRY_GOTO(fv_conv_open(&work, node, 0, transposed, err));
    FV_TRY_GOTO(fv_value_md(fv_src(emit, 0), &src, err));
    FV_TRY_GOTO(fv_conv_state_of(node, emit, &state, err));
    FV_TRY_GOTO(open_diff(node, emit, state, &diff, err));
    FV_TRY_GOTO(fv_value_md(diff, &diff_dst, err));
    FV_TRY_GOTO(hint_of(emit, &work, state, src, diff_dst, &hint, err));
    FV_TRY_GOTO(
        fv_prim_conv_backward_weights(&prim, &work.params, src, work.any, work.bias, diff_dst, hint, err));
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
    fv_conv_close(&work);
    return status;
}
