/* reduce_mean, reduce_sum, reduce_max over any axes. Where several elements are the largest, they share the
 * gradient of the maximum equally, as PyTorch's amax has it. A NaN is the largest of all and gets no
 * gradient.
 *
 * oneDNN reduces by a reference implementation in most layouts; these are our kernels (fold.h). */
#include "ops/fold_emit.h"

#include "tensor/broadcast.h"
#include <string.h>

typedef struct reduce_attrs {
    fv_ints axes;
    int keep_dims;
} reduce_attrs;

static const fv_attr rows[] = {{"axes", FV_ATTR_AXES, offsetof(reduce_attrs, axes), FV_ATTR_EMPTY,
                                "axes to reduce; default: all spatial ones", NULL},
                               {"keep_dims", FV_ATTR_BOOL, offsetof(reduce_attrs, keep_dims), 1,
                                "leave reduced axes in place with size 1", NULL},
                               {0}};

/* Marks the reduced axes. */
static fv_status mark(const fv_node *node, int reduced[FV_MAX_RANK], fv_error *err)
{
    const reduce_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char text[FV_SHAPE_TEXT];
    memset(reduced, 0, FV_MAX_RANK * sizeof *reduced);
    if (!a->axes.count && src->rank < 3)
        return fv_fail(err, FV_STATUS_ARGUMENT, "src is %s, which has no spatial axes: 'axes' is required",
                       fv_shape_text(src, text));
    for (int i = 2; !a->axes.count && i < src->rank; i++) reduced[i] = 1;
    for (int i = 0; i < a->axes.count; i++) {
        int axis;
        FV_TRY(fv_op_axis(a->axes.value[i], src->rank, &axis, err));
        if (reduced[axis]) return fv_fail(err, FV_STATUS_ARGUMENT, "axis %d is given twice", axis + 1);
        reduced[axis] = 1;
    }
    return FV_OK;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const reduce_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    int reduced[FV_MAX_RANK];
    char text[FV_SHAPE_TEXT];
    FV_TRY(mark(node, reduced, err));
    node->shape.rank = 0;
    for (int i = 0; i < src->rank; i++) {
        if (reduced[i] && src->dim[i] < 1)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s: axis %d is empty", fv_shape_text(src, text),
                           i + 1);
        if (!reduced[i] || a->keep_dims) node->shape.dim[node->shape.rank++] = reduced[i] ? 1 : src->dim[i];
    }
    return FV_OK;
}

typedef struct reduce_call {
    fv_fold fold;
    double factor; /* of the result: 1 / number of elements for the mean */
} reduce_call;

/* What the backward pass of a maximum finds: the maxima, and how many elements share each. */
typedef struct reduce_state {
    fv_value *folded;
} reduce_state;

static fv_status make_call(reduce_call *call, const fv_node *node, fv_emit *emit, fv_error *err)
{
    const reduce_attrs *a = node->attrs;
    const char *name = node->op->name;
    const fv_shape *src = &node->src[0]->shape;
    int64_t out[FV_MAX_RANK];
    fv_fold_spec spec = {.kind = strcmp(name, "reduce_max") == 0 ? FV_FOLD_MAX : FV_FOLD_SUM,
                         .rank = src->rank};
    FV_TRY(mark(node, spec.reduced, err));
    fv_value_strides(fv_src(emit, 0), spec.stride);
    fv_value_strides(fv_dst(emit), out);
    int64_t size = 1;
    for (int i = 0, at = 0; i < src->rank; i++) {
        spec.size[i] = src->dim[i];
        if (spec.reduced[i]) size *= src->dim[i];
        if (!spec.reduced[i]) spec.out[i] = out[at];
        at += !spec.reduced[i] || a->keep_dims;
    }
    call->factor = strcmp(name, "reduce_mean") == 0 ? 1.0 / (double)size : 1.0;
    fv_fold_plan(&call->fold, &spec);
    return FV_OK;
}

/* Gradient of each result in the order of the fold; maxima share it among `count` elements. */
static void gather(const reduce_call *call, float *gain, const float *diff_dst, const double *count)
{
    int64_t n = call->fold.outputs;
#pragma omp parallel for schedule(static) if (n >= FV_PARALLEL_MIN)
    for (int64_t i = 0; i < n; i++) {
        double factor = count ? 1.0 / count[i] : call->factor;
        gain[i] = (float)((double)diff_dst[fv_fold_out(&call->fold, i)] * factor);
    }
}

/* data: gradient of dst -> gain, gradient of src. */
static void sum_backward_kernel(const void *context, float *const *data)
{
    const reduce_call *call = context;
    gather(call, data[1], data[0], NULL);
    fv_fold_spread(&call->fold, data[2], data[1], NULL, NULL);
}

/* data: gradient of dst, src, folded -> gain, gradient of src. */
static void max_backward_kernel(const void *context, float *const *data)
{
    const reduce_call *call = context;
    const double *folded = (const double *)(const void *)data[2];
    gather(call, data[3], data[0], folded + call->fold.outputs);
    fv_fold_spread(&call->fold, data[4], data[3], data[1], folded);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    reduce_call call;
    reduce_state *state;
    FV_TRY(make_call(&call, node, emit, err));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    return fv_emit_fold(emit, &call.fold, call.factor, fv_src(emit, 0), fv_dst(emit), &state->folded, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    reduce_call call;
    reduce_state *state;
    int n = 1;
    FV_TRY(make_call(&call, node, emit, err));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    fv_emit_kernel k = {"reduce_backward:own", sum_backward_kernel, &call, sizeof call, 1, 2,
                        {fv_diff_dst(emit)}};
    if (call.fold.kind == FV_FOLD_MAX) {
        k.run = max_backward_kernel;
        k.value[n++] = fv_src(emit, 0);
        k.value[n++] = state->folded;
        k.read_count = n;
    }
    fv_shape gain = fv_shape_of(1, call.fold.outputs);
    FV_TRY(fv_emit_value(emit, &gain, &k.value[n++], err));
    k.value[n] = fv_diff_src(emit, 0);
    return fv_emit_call(emit, &k, err);
}

#define REDUCE(name, doc)                                                                                    \
    const fv_op fv_op_##name = {                                                                             \
        #name, doc,  1,    1,    1, sizeof(reduce_attrs), rows, FV_OP_ANY, shape, forward, backward_data,    \
        NULL,  NULL, NULL, NULL, 0}

REDUCE(reduce_mean, "mean over axes");
REDUCE(reduce_sum, "sum over axes");
REDUCE(reduce_max, "largest element over axes");
