/* Forward emission of the convolutions.
 *
 * oneDNN: source and destination both channels last, or a reference implementation runs; weights in the
 * primitive's own layout; groups are a leading axis of the weights; dilation 0 means dense. */
#include "ops/conv_bfloat.h"
#include "ops/conv_signs.h"

#include <string.h>

const char *const fv_conv_activations[] = {"none", "relu", "leaky_relu", "elu", "clip", "sigmoid", NULL};

dnnl_alg_kind_t fv_conv_activation(const fv_node *node)
{
    static const dnnl_alg_kind_t kinds[] = {dnnl_alg_kind_undef,
                                            dnnl_eltwise_relu_use_dst_for_bwd,
                                            dnnl_eltwise_relu_use_dst_for_bwd,
                                            dnnl_eltwise_elu_use_dst_for_bwd,
                                            dnnl_eltwise_clip_v2_use_dst_for_bwd,
                                            dnnl_eltwise_logistic_use_dst_for_bwd};
    return kinds[((const fv_conv_attrs *)node->attrs)->activation];
}

fv_status fv_conv_state_of(const fv_node *node, fv_emit *emit, fv_conv_state **out, fv_error *err)
{
    size_t parts = (size_t)fv_conv_view_of(node).parts;
    return fv_emit_state(emit, sizeof **out + parts * sizeof(fv_prim *), out, err);
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
static fv_status raw_weights(fv_conv_work *work, const fv_node *node, int transposed, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_shape *w = &node->src[work->view.weights]->shape;
    int64_t strides[FV_MAX_RANK], own[FV_MAX_RANK];
    int at = 0, out_axis = transposed ? 1 : 0;
    fv_shape_strides(w, own);
    int64_t size[2] = {w->dim[0] / a->groups, w->dim[1]}; /* of one group; axis 0 runs over the groups */
    if (work->view.parts > 1) size[1] = node->src[work->part]->shape.dim[1];
    if (a->groups > 1) {
        work->shape.dim[at] = a->groups;
        strides[at++] = size[0] * own[0];
    }
    for (int k = 0; k < 2; k++) {
        int axis = k == 0 ? out_axis : 1 - out_axis;
        work->shape.dim[at] = size[axis];
        strides[at++] = own[axis];
    }
    for (int i = 2; i < w->rank; i++) {
        work->shape.dim[at] = w->dim[i];
        strides[at++] = own[i];
    }
    work->shape.rank = at;
    work->first = fv_conv_first_channel(node, work->part) * own[1];
    return fv_md_strided(&work->raw, &work->shape, strides, err);
}

void fv_conv_close(fv_conv_work *work)
{
    fv_md_free(work->raw);
    fv_md_free(work->any);
    fv_md_free(work->chosen);
    fv_md_free(work->bias);
}

fv_status fv_conv_open(fv_conv_work *work, const fv_node *node, int part, int transposed, fv_error *err)
{
    memset(work, 0, sizeof *work);
    work->view = fv_conv_view_of(node);
    work->part = part;
    fill_params(node, transposed, &work->params);
    FV_TRY(raw_weights(work, node, transposed, err));
    FV_TRY(fv_md_any(&work->any, &work->shape, err));
    if (work->view.bias >= 0) FV_TRY(fv_md_plain(&work->bias, &node->src[work->view.bias]->shape, err));
    return FV_OK;
}

fv_status fv_conv_pack(fv_conv_work *work, fv_emit *emit, const fv_prim *prim, fv_value **out, fv_error *err)
{
    FV_TRY(fv_prim_md(&work->chosen, prim, dnnl_query_weights_md, err));
    return fv_emit_packed_part(emit, work->view.weights, work->first, work->is_turned, work->raw,
                               work->chosen, out, err);
}

/* --- forward --- */

/* One of the convolutions whose sum a node is: out = part + partial, then bias and activation in the last. */
typedef struct conv_term {
    int part, transposed, has_bias, is_active;
    fv_value *src;
    fv_value *partial, *out; /* partial may be NULL, or out itself */
} conv_term;

static void add_post_op(fv_conv_work *work, fv_post_op op)
{
    work->post.op[work->post.count++] = op;
    work->params.post = &work->post;
}

/* The primitive with everything in it; NULL when oneDNN has but a reference implementation for the sum. */
static fv_status fused_primitive(const fv_node *node, fv_emit *emit, const conv_term *term,
                                 fv_conv_work *work, fv_prim **prim, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_md *src, *dst, *bias = term->has_bias ? work->bias : NULL;
    FV_TRY(fv_value_md(term->src, &src, err));
    FV_TRY(fv_value_md(term->out, &dst, err));
    if (term->partial)
        add_post_op(work, (fv_post_op){term->partial == term->out ? FV_POST_SUM : FV_POST_ADD,
                                       dnnl_alg_kind_undef, 0, 0, dst});
    if (term->is_active)
        add_post_op(work, (fv_post_op){FV_POST_ELTWISE, fv_conv_activation(node), (float)a->alpha,
                                       (float)a->beta, NULL});
    FV_TRY(fv_prim_conv_forward(prim, &work->params, src, work->any, bias, dst, err));
    if (!term->partial || !strstr(fv_prim_implementation(*prim), "ref"))
        return fv_emit_keep(emit, *prim, err);
    fv_prim_free(*prim);
    *prim = NULL;
    return FV_OK;
}

static fv_status emit_fused(const fv_node *node, fv_emit *emit, const conv_term *term, int *done_so,
                            fv_error *err)
{
    fv_status status;
    fv_conv_work work;
    fv_conv_state *state;
    fv_prim *prim;
    fv_value *weights;
    fv_emit_arg args[5];
    int count = 0;
    FV_TRY_GOTO(fv_conv_open(&work, node, term->part, term->transposed, err));
    FV_TRY_GOTO(fv_conv_round_weights(&work, node, emit, err));
    FV_TRY_GOTO(fused_primitive(node, emit, term, &work, &prim, err));
    *done_so = prim != NULL;
    if (!prim) goto done;
    FV_TRY_GOTO(fv_conv_state_of(node, emit, &state, err));
    state->forward[term->part] = prim;
    FV_TRY_GOTO(fv_conv_pack(&work, emit, prim, &weights, err));
    args[count++] = (fv_emit_arg)FV_IN(DNNL_ARG_SRC, term->src);
    args[count++] = (fv_emit_arg){DNNL_ARG_WEIGHTS, weights, 0, work.chosen};
    args[count++] = (fv_emit_arg)FV_OUT(DNNL_ARG_DST, term->out);
    if (term->has_bias && work.bias)
        args[count++] = (fv_emit_arg)FV_IN(DNNL_ARG_BIAS, fv_src(emit, work.view.bias));
    if (term->partial && term->partial != term->out)
        args[count++] = (fv_emit_arg)FV_IN(FV_POST_ARG(0), term->partial);
    status = fv_emit_primitive(emit, prim, count, args, err);
done:
    fv_conv_close(&work);
    return status;
}

static fv_status emit_activation(const fv_node *node, fv_emit *emit, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_md *md;
    fv_prim *prim;
    FV_TRY(fv_value_md(fv_dst(emit), &md, err));
    FV_TRY(
        fv_prim_eltwise_forward(&prim, fv_conv_activation(node), (float)a->alpha, (float)a->beta, md, err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_dst(emit)), FV_OUT(DNNL_ARG_DST, fv_dst(emit))};
    return fv_emit_primitive(emit, prim, 2, args, err);
}

/* In one step, or as convolution, sum and activation. */
static fv_status emit_term(const fv_node *node, fv_emit *emit, const conv_term *term, fv_error *err)
{
    int done_so;
    conv_term alone = *term;
    FV_TRY(emit_fused(node, emit, term, &done_so, err));
    if (done_so) return FV_OK;
    alone.partial = NULL;
    alone.is_active = 0;
    FV_TRY(fv_emit_value_like(emit, term->out, &alone.out, err));
    FV_TRY(emit_fused(node, emit, &alone, &done_so, err));
    FV_TRY(fv_emit_sum(emit, alone.out, term->partial, term->out, err));
    return term->is_active ? emit_activation(node, emit, err) : FV_OK;
}

static fv_status keep_signs(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_conv_state *state;
    fv_conv_gate gate;
    if (!fv_emit_saves(emit) || !fv_emit_has_backward(emit) || !fv_conv_gate_of(node, &gate)) return FV_OK;
    FV_TRY(fv_conv_state_of(node, emit, &state, err));
    return fv_signs_forward(node, emit, &state->signs, err);
}

/* The sum grows in dst, or each term reads what the one before it wrote: see fv_dnn_adds_fast. */
fv_status fv_conv_forward(const fv_node *node, fv_emit *emit, int transposed, fv_error *err)
{
    fv_conv_view view = fv_conv_view_of(node);
    int in_dst = !fv_dnn_adds_fast(fv_conv_taps(node)), last = view.parts - 1;
    int is_active = ((const fv_conv_attrs *)node->attrs)->activation != 0;
    fv_value *partial = view.addend < 0 ? NULL : fv_src(emit, view.addend);
    if (fv_conv_is_winograd(node, emit, transposed, 0)) return fv_conv_winograd_forward(node, emit, err);
    for (int k = 0; k <= last; k++) {
        conv_term term = {k, transposed, k == last, k == last && is_active, NULL, partial, fv_dst(emit)};
        FV_TRY(fv_conv_round_source(node, emit, fv_src(emit, k), &term.src, err));
        if (in_dst && partial && partial != term.out) {
            FV_TRY(fv_emit_copy(emit, partial, NULL, term.out, NULL, err));
            term.partial = term.out;
        }
        if (!in_dst && k < last) FV_TRY(fv_emit_value_like(emit, fv_dst(emit), &term.out, err));
        FV_TRY(emit_term(node, emit, &term, err));
        partial = term.out;
    }
    return keep_signs(node, emit, err);
}
