/* softmax: exp(x) / sum of exp(x) along an axis; log_softmax: x - log(sum of exp(x)). The largest x is
 * subtracted first, so nothing overflows. Both gradients need dst only.
 *
 * oneDNN is fast along an axis that lies dense in memory and is not short; other axes run on its reference
 * implementation or row by row. Its logarithm is off by 2e-6. These cases have own kernels. */
#include "ops/softmax_own.h"

#include <string.h>

enum { SHORT_AXIS = 16 }; /* below which own kernels are faster */

typedef struct softmax_attrs {
    int64_t axis;
} softmax_attrs;

static const fv_attr rows[] = {
    {"axis", FV_ATTR_AXIS, offsetof(softmax_attrs, axis), 1, "normalised axis", NULL}, {0}};

static int is_log(const fv_node *node)
{
    return strcmp(node->op->name, "log_softmax") == 0;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const softmax_attrs *attrs = node->attrs;
    int axis;
    node->shape = node->src[0]->shape;
    return fv_op_axis(attrs->axis, node->shape.rank, &axis, err);
}

static fv_softmax_work work_of(const fv_node *node, fv_emit *emit, int *axis)
{
    const softmax_attrs *attrs = node->attrs;
    const fv_shape *s = &node->shape;
    int64_t strides[FV_MAX_RANK], count = 1;
    *axis = (int)(attrs->axis < 0 ? attrs->axis + s->rank : attrs->axis);
    fv_value_strides(fv_dst(emit), strides);
    for (int i = 0; i < s->rank; i++) count *= s->dim[i];
    fv_softmax_work w = {.length = s->dim[*axis], .inner = strides[*axis], .logarithm = is_log(node)};
    w.outer = count ? count / (w.length * w.inner) : 0;
    return w;
}

/* The forward primitive, a hint for the backward one; NULL when own kernels do the work. */
typedef struct softmax_state {
    const fv_prim *forward;
} softmax_state;

/* The primitive of a pass (hint NULL: forward); *out is NULL when the library has nothing fast. */
static fv_status fast_primitive(fv_emit *emit, const fv_softmax_work *work, int axis, const fv_prim *hint,
                                fv_prim **out, fv_error *err)
{
    const fv_md *data;
    *out = NULL;
    if (work->logarithm || work->inner != 1 || work->length < SHORT_AXIS) return FV_OK;
    FV_TRY(fv_value_md(fv_dst(emit), &data, err));
    if (hint)
        FV_TRY(fv_prim_softmax_backward(out, 0, axis, data, hint, err));
    else
        FV_TRY(fv_prim_softmax_forward(out, 0, axis, data, err));
    if (strstr(fv_prim_implementation(*out), "ref")) {
        fv_prim_free(*out);
        *out = NULL;
    }
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    int axis;
    softmax_state *state;
    fv_prim *prim;
    fv_softmax_work work = work_of(node, emit, &axis);
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fast_primitive(emit, &work, axis, NULL, &prim, err));
    if (!prim) return fv_emit_softmax_forward(emit, &work, err);
    FV_TRY(fv_emit_keep(emit, prim, err));
    state->forward = prim;
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_SRC, fv_src(emit, 0)), FV_OUT(DNNL_ARG_DST, fv_dst(emit))};
    return fv_emit_primitive(emit, prim, 2, args, err);
}

/* Without AVX-512, oneDNN 2.6 is fast in the forward pass only. */
static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    int axis;
    softmax_state *state;
    fv_prim *prim = NULL;
    fv_softmax_work work = work_of(node, emit, &axis);
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    if (state->forward) FV_TRY(fast_primitive(emit, &work, axis, state->forward, &prim, err));
    if (!prim) return fv_emit_softmax_backward(emit, &work, err);
    FV_TRY(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {FV_IN(DNNL_ARG_DST, fv_dst(emit)),
                                FV_IN(DNNL_ARG_DIFF_DST, fv_diff_dst(emit)),
                                FV_OUT(DNNL_ARG_DIFF_SRC, fv_diff_src(emit, 0))};
    return fv_emit_primitive(emit, prim, 3, args, err);
}

#define SOFTMAX(name, doc)                                                                                   \
    const fv_op fv_op_##name = {                                                                             \
        #name, doc,  1,    1,    1, sizeof(softmax_attrs), rows, FV_OP_ANY, shape, forward, backward_data,   \
        NULL,  NULL, NULL, NULL, 0};

SOFTMAX(softmax, "exp(x) / sum of exp(x) along an axis")
SOFTMAX(log_softmax, "x - log(sum of exp(x) along an axis)")
