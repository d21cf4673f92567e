/* Backward emission of the convolutions. */
#include "ops/conv_bfloat.h"
#include "ops/conv_signs.h"
#include "ops/winograd.h"

#include <string.h>

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

/* Whether its gradient is a convolution too. */
static int is_turnable(const fv_node *node, int transposed)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_shape *w = &node->src[fv_conv_view_of(node).weights]->shape;
    if (transposed || a->groups != 1) return 0;
    for (int i = 0; i < node->shape.rank - 2; i++) {
        int64_t pad = fv_spatial(&a->pad, i, 0), most = fv_spatial(&a->dilation, i, 1) * (w->dim[2 + i] - 1);
        if (fv_spatial(&a->stride, i, 1) != 1 || pad > most || fv_spatial(&a->pad_end, i, pad) > most)
            return 0;
    }
    return 1;
}

/* Makes the work of a part that of its gradient: channels swapped, taps in reverse order. */
static fv_status turn(fv_conv_work *work, const fv_node *node, fv_emit *emit, fv_error *err)
{
    int64_t strides[FV_MAX_RANK], in = work->shape.dim[1];
    fv_shape_strides(&node->src[work->view.weights]->shape, strides);
    int64_t swapped = strides[0];
    strides[0] = strides[1];
    strides[1] = swapped;
    work->shape.dim[1] = work->shape.dim[0];
    work->shape.dim[0] = in;
    work->is_turned = fv_conv_taps(node) != 1;
    for (int i = 0; i < node->shape.rank - 2; i++) {
        int64_t most = (work->params.dilation[i] + 1) * (work->shape.dim[2 + i] - 1);
        work->params.pad_begin[i] = most - work->params.pad_begin[i];
        work->params.pad_end[i] = most - work->params.pad_end[i];
    }
    fv_md_free(work->raw);
    fv_md_free(work->any);
    work->raw = work->any = NULL;
    FV_TRY(fv_md_strided(&work->raw, &work->shape, strides, err));
    FV_TRY(fv_md_any(&work->any, &work->shape, err));
    return fv_conv_round_weights(work, node, emit, err);
}

/* Some versions of oneDNN have fast kernels for the forward pass alone. */
static int is_faster(const fv_prim *prim)
{
    return strncmp(fv_prim_implementation(prim), "brg", 3) == 0;
}

/* The gradient of a part as a convolution. *done_so: 0 where nothing was emitted, since oneDNN's own is as
 * fast. */
static fv_status emit_turned(const fv_node *node, fv_emit *emit, int part, fv_value *diff, int *done_so,
                             fv_error *err)
{
    fv_status status;
    fv_conv_work work;
    fv_prim *prim;
    fv_value *weights;
    const fv_md *from, *to;
    FV_TRY_GOTO(fv_conv_open(&work, node, part, 0, err));
    FV_TRY_GOTO(turn(&work, node, emit, err));
    FV_TRY_GOTO(fv_value_md(diff, &from, err));
    FV_TRY_GOTO(fv_value_md(fv_diff_src(emit, part), &to, err));
    FV_TRY_GOTO(fv_prim_conv_forward(&prim, &work.params, from, work.any, NULL, to, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    *done_so = !work.is_turned || is_faster(prim);
    if (!*done_so) goto done;
    FV_TRY_GOTO(fv_conv_pack(&work, emit, prim, &weights, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, diff),
                                {DNNL_ARG_WEIGHTS, weights, 0, work.chosen},
                                FV_OUT(DNNL_ARG_DST, fv_diff_src(emit, part))};
    status = fv_emit_primitive(emit, prim, 3, args, err);
done:
    fv_conv_close(&work);
    return status;
}

static fv_status emit_gradient(const fv_node *node, fv_emit *emit, int part, int transposed, fv_value *diff,
                               fv_conv_state *state, fv_error *err)
{
    int done_so = 0;
    if (fv_emit_mode(emit) != FV_MODE_TRAIN && is_turnable(node, transposed))
        FV_TRY(emit_turned(node, emit, part, diff, &done_so, err));
    return done_so ? FV_OK : emit_part(node, emit, part, transposed, diff, state, err);
}

/* Whether a Winograd convolution can take gradients through the activation on its way: bits it reads by the
 * block of channels. */
static int has_gate(const fv_node *node, const fv_conv_state *state)
{
    fv_conv_gate gate;
    return fv_conv_gate_of(node, &gate) && (!state->signs || node->shape.dim[1] % FV_WINOGRAD_BLOCK == 0);
}

fv_status fv_conv_backward_data(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_conv_view view = fv_conv_view_of(node);
    fv_value *addend = view.addend < 0 ? NULL : fv_diff_src(emit, view.addend), *diff;
    fv_conv_state *state;
    int is_winograd = fv_conv_is_winograd(node, emit, transposed, 1);
    int is_behind = view.behind >= 0 && fv_diff_src(emit, view.behind);
    FV_TRY(fv_conv_state_of(node, emit, &state, err));
    if (is_winograd && !addend && has_gate(node, state)) {
        if (is_behind) FV_TRY(fv_conv_winograd_behind(node, emit, NULL, err));
        return fv_conv_winograd_backward(node, emit, NULL, err);
    }
    FV_TRY(open_diff(node, emit, state, &diff, err));
    if (is_behind) FV_TRY(fv_conv_winograd_behind(node, emit, diff, err));
    if (is_winograd) FV_TRY(fv_conv_winograd_backward(node, emit, diff, err));
    fv_value *gradient = diff;
    if (!is_winograd) FV_TRY(fv_conv_round_source(node, emit, diff, &gradient, err));
    for (int k = 0; k < view.parts && !is_winograd; k++)
        if (fv_diff_src(emit, k)) FV_TRY(emit_gradient(node, emit, k, transposed, gradient, state, err));
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
