/* Emission of convolutions that go by Winograd's method. */
#include "base/parallel.h"
#include "ops/conv_signs.h"
#include "ops/conv_work.h"
#include "ops/winograd.h"

/* All that a step needs; bias and what follows: whether it has them. */
typedef struct winograd_call {
    fv_winograd_plan plan;
    int factor, bias, addend, gate, signs, signs_out;
} winograd_call;

/* data: sources, weights, their factors, bias, addend, gate or signs; results, signs of these, scratch. */
static void kernel(const void *context, float *const *data)
{
    const winograd_call *call = context;
    fv_winograd_data d = {0};
    int at = 0;
    for (int i = 0; i < call->plan.what.srcs; i++) d.src[i] = data[at++];
    d.weights = data[at++];
    if (call->factor) d.factor = data[at++];
    if (call->bias) d.bias = data[at++];
    if (call->addend) d.addend = data[at++];
    if (call->gate) d.gate = data[at++];
    if (call->signs) d.signs = (const uint16_t *)(const void *)data[at++];
    for (int i = 0; i < call->plan.what.dsts; i++) d.dst[i] = data[at++];
    if (call->signs_out) d.signs_out = (uint16_t *)(void *)data[at++];
    d.scratch = data[at];
    fv_winograd_run(&call->plan, &d);
}

static int all_are(const fv_ints *list, int64_t wanted)
{
    for (int i = 0; i < list->count; i++)
        if (list->value[i] != wanted) return 0;
    return 1;
}

/* And the bounds between which its slope is 1. */
static void set_activation(fv_winograd *what, const fv_node *node)
{
    const fv_conv_attrs *a = node->attrs;
    fv_conv_gate gate;
    static const fv_winograd_activation kinds[] = {FV_WINOGRAD_NONE, FV_WINOGRAD_LEAKY, FV_WINOGRAD_LEAKY,
                                                   FV_WINOGRAD_ELU,  FV_WINOGRAD_CLIP,  FV_WINOGRAD_SIGMOID};
    what->activation = kinds[a->activation];
    what->alpha = (float)a->alpha;
    what->beta = (float)a->beta;
    fv_conv_gate_of(node, &gate);
    what->gate_low = gate.low;
    what->gate_high = gate.high;
    what->gate_slope = gate.slope;
}

/* The forward pass; 0 when it is no convolution of that kind. */
static int describe(const fv_node *node, fv_winograd *what)
{
    const fv_conv_attrs *a = node->attrs;
    fv_conv_view view = fv_conv_view_of(node);
    const fv_shape *src = &node->src[0]->shape, *w = &node->src[view.weights]->shape, *dst = &node->shape;
    int rank = dst->rank, is_volume = rank == 5, last = rank - 3; /* last: the axis of the columns in pads */
    if (rank < 4 || rank > 5 || w->dim[rank - 2] != 3 || w->dim[rank - 1] != 3 || a->groups != 1) return 0;
    if (!all_are(&a->stride, 1) || !all_are(&a->dilation, 1) || view.parts > FV_WINOGRAD_PARTS) return 0;
    *what = (fv_winograd){.images = src->dim[0],
                          .depth = is_volume ? src->dim[2] : 1,
                          .height = src->dim[rank - 2],
                          .width = src->dim[rank - 1],
                          .pad_front = is_volume ? fv_spatial(&a->pad, 0, 0) : 0,
                          .pad_top = fv_spatial(&a->pad, last - 1, 0),
                          .pad_left = fv_spatial(&a->pad, last, 0),
                          .out_depth = is_volume ? dst->dim[2] : 1,
                          .out_height = dst->dim[rank - 2],
                          .out_width = dst->dim[rank - 1],
                          .weights_out = w->dim[0],
                          .weights_in = w->dim[1],
                          .weights_depth = is_volume ? w->dim[2] : 1,
                          .srcs = view.parts,
                          .dsts = 1,
                          .dst = {{w->dim[0], 0}}};
    for (int k = 0; k < view.parts; k++)
        what->src[k] = (fv_winograd_part){node->src[k]->shape.dim[1], fv_conv_first_channel(node, k)};
    set_activation(what, node);
    return 1;
}

/* What was the result is the source, and the sources are the results. */
static void turn(fv_winograd *what)
{
    fv_winograd there = *what;
    what->backward = 1;
    what->depth = there.out_depth;
    what->height = there.out_height;
    what->width = there.out_width;
    what->out_depth = there.depth;
    what->out_height = there.height;
    what->out_width = there.width;
    what->pad_front = there.weights_depth - 1 - there.pad_front;
    what->pad_top = 2 - there.pad_top;
    what->pad_left = 2 - there.pad_left;
    what->srcs = 1;
    what->src[0] = there.dst[0];
    what->dsts = there.srcs;
    for (int k = 0; k < there.srcs; k++) what->dst[k] = there.src[k];
    what->activation = FV_WINOGRAD_NONE;
}

/* Backward as if all parts were wanted, so that the bits do not depend on it. */
int fv_conv_is_winograd(const fv_node *node, const fv_emit *emit, int transposed, int backward)
{
    fv_winograd what;
    if (transposed || fv_emit_is_exact(emit) || !describe(node, &what)) return 0;
    if (backward) turn(&what);
    return fv_winograd_pays(&what);
}

static void reads(fv_emit_kernel *k, fv_value *value)
{
    k->value[k->read_count++] = value;
}

/* After all that is read. */
static void writes(fv_emit_kernel *k, fv_value *value)
{
    k->value[k->read_count + k->write_count++] = value;
}

static fv_status read_weights(fv_emit *emit, int i, fv_emit_kernel *k, winograd_call *call, fv_error *err)
{
    fv_value *weights, *factor;
    FV_TRY(fv_emit_unscaled(emit, i, &weights, &factor, err));
    reads(k, weights);
    call->factor = factor != NULL;
    if (factor) reads(k, factor);
    return FV_OK;
}

static fv_status emit_call(fv_emit *emit, const fv_winograd *what, winograd_call *call, fv_emit_kernel *k,
                           fv_error *err)
{
    fv_value *scratch;
    fv_winograd_prepare(&call->plan, what, fv_threads());
    fv_shape size = fv_shape_of(1, call->plan.scratch);
    FV_TRY(fv_emit_value(emit, &size, &scratch, err));
    writes(k, scratch);
    k->name = what->halves ? "winograd:5x5" : "winograd:4x4";
    k->run = kernel;
    k->context = call;
    k->context_size = sizeof *call;
    return fv_emit_call(emit, k, err);
}

/* The backward pass reads a bit of each result instead of the result, where they fill whole words. */
static fv_status add_signs(const fv_node *node, fv_emit *emit, fv_value **out, fv_error *err)
{
    fv_conv_state *state;
    fv_conv_gate gate;
    *out = NULL;
    if (!fv_emit_has_backward(emit) || !fv_conv_gate_of(node, &gate)) return FV_OK;
    if (node->shape.dim[1] % FV_WINOGRAD_BLOCK) return FV_OK;
    FV_TRY(fv_conv_state_of(node, emit, &state, err));
    FV_TRY(fv_signs_new(node, emit, &state->signs, err));
    *out = state->signs;
    return FV_OK;
}

fv_status fv_conv_winograd_forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_winograd what;
    fv_conv_view view = fv_conv_view_of(node);
    winograd_call call = {.bias = view.bias >= 0, .addend = view.addend >= 0};
    fv_emit_kernel k = {.read_count = 0};
    fv_value *signs;
    describe(node, &what);
    for (int i = 0; i < view.parts; i++) reads(&k, fv_src(emit, i));
    FV_TRY(read_weights(emit, view.weights, &k, &call, err));
    if (call.bias) reads(&k, fv_src(emit, view.bias));
    if (call.addend) reads(&k, fv_src(emit, view.addend));
    writes(&k, fv_dst(emit));
    FV_TRY(add_signs(node, emit, &signs, err));
    call.signs_out = signs != NULL;
    if (signs) writes(&k, signs);
    FV_TRY(emit_call(emit, &what, &call, &k, err));
    if (call.addend) fv_emit_in_place(emit, fv_dst(emit), fv_src(emit, view.addend));
    return FV_OK;
}

/* Leaves out those whose gradient nobody wants. */
static void drop_unwanted(fv_winograd *what, fv_emit *emit)
{
    int parts = what->dsts;
    what->dsts = 0;
    for (int k = 0; k < parts; k++)
        if (fv_diff_src(emit, k)) what->dst[what->dsts++] = what->dst[k];
}

/* The gradient of sources first to first + count, by the weights that are source `weights`. */
static fv_status emit_gradients(const fv_node *node, fv_emit *emit, const fv_winograd *what, int weights,
                                int first, int count, fv_value *diff, fv_error *err)
{
    fv_conv_state *state;
    FV_TRY(fv_conv_state_of(node, emit, &state, err));
    winograd_call call = {.gate = !diff && !state->signs, .signs = !diff && state->signs};
    fv_emit_kernel k = {.read_count = 0};
    reads(&k, diff ? diff : fv_diff_dst(emit));
    FV_TRY(read_weights(emit, weights, &k, &call, err));
    if (call.gate) reads(&k, fv_dst(emit));
    if (call.signs) reads(&k, state->signs);
    for (int i = first; i < first + count; i++)
        if (fv_diff_src(emit, i)) writes(&k, fv_diff_src(emit, i));
    return emit_call(emit, what, &call, &k, err);
}

fv_status fv_conv_winograd_backward(const fv_node *node, fv_emit *emit, fv_value *diff, fv_error *err)
{
    fv_winograd what;
    fv_conv_view view = fv_conv_view_of(node);
    describe(node, &what);
    turn(&what);
    drop_unwanted(&what, emit);
    if (!what.dsts) return FV_OK;
    return emit_gradients(node, emit, &what, view.weights, 0, view.parts, diff, err);
}

fv_status fv_conv_winograd_behind(const fv_node *node, fv_emit *emit, fv_value *diff, fv_error *err)
{
    int behind = fv_conv_view_of(node).behind;
    const fv_shape *dst = &node->shape, *src = &node->src[behind]->shape;
    fv_winograd what = {.backward = 1,
                        .halves = 1,
                        .images = dst->dim[0],
                        .depth = 1,
                        .height = dst->dim[2],
                        .width = dst->dim[3],
                        .pad_top = 1,
                        .pad_left = 1,
                        .out_depth = 1,
                        .out_height = src->dim[2],
                        .out_width = src->dim[3],
                        .weights_out = dst->dim[1],
                        .weights_in = src->dim[1],
                        .weights_depth = 4,
                        .srcs = 1,
                        .dsts = 1,
                        .src = {{dst->dim[1], 0}},
                        .dst = {{src->dim[1], 0}}};
    set_activation(&what, node);
    what.activation = FV_WINOGRAD_NONE;
    return emit_gradients(node, emit, &what, behind + 1, behind, 1, diff, err);
}
