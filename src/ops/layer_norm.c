/* layer_norm: dst = scale (src - mean) / sqrt(variance + epsilon) + shift over the axes from `axis` to the
 * last (Ba et al. 2016); scale and shift have the shape of those axes and may be left out. A row is what is
 * normalised together.
 *
 * oneDNN has it over the last axis only, and adds the gradients of scale and shift up by thread; these are
 * our kernels: sums in double, the same bits for any number of threads. */
#include "ops/fold_emit.h"
#include "ops/layer_norm_math.h"

typedef struct layer_norm_attrs {
    int64_t axis;
    double epsilon;
} layer_norm_attrs;

static const fv_attr rows[] = {
    {"axis", FV_ATTR_AXIS, offsetof(layer_norm_attrs, axis), -1, "first of the normalised axes", NULL},
    {"epsilon", FV_ATTR_FLOAT, offsetof(layer_norm_attrs, epsilon), 1e-5, "added to the variance", NULL},
    {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    static const char *const names[] = {"src", "scale", "shift"};
    const layer_norm_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char ts[FV_SHAPE_TEXT], tp[FV_SHAPE_TEXT], tn[FV_SHAPE_TEXT];
    int axis;
    FV_TRY(fv_op_axis(a->axis, src->rank, &axis, err));
    if (!(a->epsilon >= 0.0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "epsilon must be at least 0, not %g", a->epsilon);
    fv_shape row = {.rank = src->rank - axis};
    for (int i = 0; i < row.rank; i++) row.dim[i] = src->dim[axis + i];
    for (int i = 1; i < node->src_count; i++)
        if (!fv_shape_equal(&node->src[i]->shape, &row))
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s, %s is %s: it needs %s", fv_shape_text(src, ts),
                           names[i], fv_shape_text(&node->src[i]->shape, tp), fv_shape_text(&row, tn));
    node->shape = *src;
    return FV_OK;
}

typedef struct layer_norm_call {
    fv_layer_norm_rows rows;
    int has_scale, has_shift;
} layer_norm_call;

/* Mean and 1 / sqrt(variance + epsilon) of each row, which the backward pass reads. */
typedef struct layer_norm_state {
    fv_value *statistics;
} layer_norm_state;

static layer_norm_call make_call(const fv_node *node)
{
    const layer_norm_attrs *a = node->attrs;
    layer_norm_call call = {{1, 1, a->epsilon}, node->src_count > 1, node->src_count > 2};
    int axis = (int)(a->axis < 0 ? a->axis + node->shape.rank : a->axis);
    for (int i = 0; i < node->shape.rank; i++)
        *(i < axis ? &call.rows.count : &call.rows.size) *= node->shape.dim[i];
    return call;
}

/* data: src, scale?, shift? -> statistics, dst. */
static void forward_kernel(const void *context, float *const *data)
{
    const layer_norm_call *call = context;
    float *const *out = data + 1 + call->has_scale + call->has_shift;
    fv_layer_norm_forward(&call->rows, out[1], (double *)(void *)out[0], data[0],
                          call->has_scale ? data[1] : NULL, call->has_shift ? data[2] : NULL);
}

/* data: gradient of dst, src, statistics, scale? -> gradient of src. */
static void data_kernel(const void *context, float *const *data)
{
    const layer_norm_call *call = context;
    fv_layer_norm_backward(&call->rows, data[3 + call->has_scale], data[0], data[1],
                           (const double *)(const void *)data[2], call->has_scale ? data[3] : NULL);
}

/* data: gradient of dst, src, statistics -> their product u xhat, whose sum over the rows is the gradient of
 * scale. */
static void hat_kernel(const void *context, float *const *data)
{
    const layer_norm_call *call = context;
    fv_layer_norm_hat(&call->rows, data[3], data[0], data[1], (const double *)(const void *)data[2]);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    layer_norm_call call = make_call(node);
    layer_norm_state *state;
    fv_shape statistics = fv_shape_of(1, 2 * call.rows.count * (int64_t)(sizeof(double) / sizeof(float)));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fv_emit_value(emit, &statistics, &state->statistics, err));
    fv_emit_kernel k = {"layer_norm:own", forward_kernel, &call, sizeof call, node->src_count, 2, {NULL}};
    for (int i = 0; i < node->src_count; i++) k.value[i] = fv_src(emit, i);
    k.value[node->src_count] = state->statistics;
    k.value[node->src_count + 1] = fv_dst(emit);
    return fv_emit_call(emit, &k, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    layer_norm_call call = make_call(node);
    layer_norm_state *state;
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    fv_emit_kernel k = {"layer_norm_backward:own",
                        data_kernel,
                        &call,
                        sizeof call,
                        3 + call.has_scale,
                        1,
                        {fv_diff_dst(emit), fv_src(emit, 0), state->statistics}};
    if (call.has_scale) k.value[3] = fv_src(emit, 1);
    k.value[3 + call.has_scale] = fv_diff_src(emit, 0);
    return fv_emit_call(emit, &k, err);
}

static fv_status backward_weights(const fv_node *node, fv_emit *emit, fv_error *err)
{
    layer_norm_call call = make_call(node);
    layer_norm_state *state;
    fv_fold fold;
    fv_fold_spec spec = {FV_FOLD_SUM,         2,      {call.rows.count, call.rows.size},
                         {call.rows.size, 1}, {0, 1}, {1, 0}};
    fv_value *scale = fv_diff_src(emit, 1), *shift = node->src_count > 2 ? fv_diff_src(emit, 2) : NULL;
    fv_fold_plan(&fold, &spec);
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    if (shift) FV_TRY(fv_emit_fold(emit, &fold, 1.0, fv_diff_dst(emit), shift, NULL, err));
    if (!scale) return FV_OK;
    fv_emit_kernel k = {"layer_norm_scale:own",
                        hat_kernel,
                        &call,
                        sizeof call,
                        3,
                        1,
                        {fv_diff_dst(emit), fv_src(emit, 0), state->statistics}};
    FV_TRY(fv_emit_value(emit, &node->shape, &k.value[3], err));
    FV_TRY(fv_emit_call(emit, &k, err));
    return fv_emit_fold(emit, &fold, 1.0, k.value[3], scale, NULL, err);
}

const fv_op fv_op_layer_norm = {.name = "layer_norm",
                                .doc = "normalisation over the last axes",
                                .src_min = 1,
                                .src_max = 3,
                                .parameters_from = 1,
                                .attrs_size = sizeof(layer_norm_attrs),
                                .attrs = rows,
                                .layout = FV_OP_PLAIN,
                                .shape = shape,
                                .forward = forward,
                                .backward_data = backward_data,
                                .backward_weights = backward_weights};
