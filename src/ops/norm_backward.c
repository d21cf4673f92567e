/* The backward half of norm.h. */
#include "ops/norm_emit.h"

#include <string.h>

/* data: gradient of dst, src -> sums. */
static void sums_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    fv_fold_run(&call->fold, data[0], data[1], data[2]);
}

/* data: gradient of dst, statistics, scale? -> table, gradient of src. */
static void fixed_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    float *const *out = data + 2 + call->has_scale;
    fv_norm_table table = fv_norm_table_in(&call->view, out[0]);
    fv_norm_table_fixed(&call->view, &table, fv_doubles(data[1]) + fv_norm_sets(&call->view),
                        call->has_scale ? data[2] : NULL);
    fv_norm_apply(&call->view, &table, out[1], NULL, data[0]);
}

/* data: gradient of dst, statistics, src, sums, scale? -> table, sums of the sets, gradient of src. */
static void data_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    const fv_norm_view *view = &call->view;
    float *const *out = data + 4 + call->has_scale;
    const double *mean = fv_doubles(data[1]), *inv = mean + fv_norm_sets(view);
    fv_norm_table table = fv_norm_table_in(view, out[0]);
    fv_norm_table_backward(view, &table, mean, inv, call->has_scale ? data[4] : NULL, fv_doubles(data[3]),
                           fv_doubles(out[1]));
    fv_norm_apply(view, &table, out[2], data[0], data[2]);
}

/* data: statistics, sums, scale -> gradients of scale and shift, and of mean and variance (batch). The
 * statistics of a batch do not depend on the running ones. */
static void parameters_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    const fv_norm_view *view = &call->view;
    const double *mean = fv_doubles(data[0]), *inv = mean + fv_norm_sets(view);
    fv_norm_gradients out = {data[3], data[4], NULL, NULL};
    if (call->running) {
        out.mean = data[5];
        out.variance = data[6];
    } else if (view->batch) {
        memset(data[5], 0, (size_t)view->c * sizeof(float));
        memset(data[6], 0, (size_t)view->c * sizeof(float));
    }
    fv_norm_parameters_backward(view, &out, mean, inv, data[2], fv_doubles(data[1]));
}

/* Emits the sums once for both halves. */
static fv_status need_sums(const fv_norm_call *call, fv_emit *emit, fv_norm_state *state, fv_error *err)
{
    if (state->sums) return FV_OK;
    fv_shape shape = fv_fold_scratch(&call->fold);
    FV_TRY(fv_emit_value(emit, &shape, &state->sums, err));
    fv_emit_kernel k = {"normalise_sums:own",
                        sums_kernel,
                        call,
                        sizeof *call,
                        2,
                        1,
                        {fv_diff_dst(emit), fv_src(emit, 0), state->sums}};
    return fv_emit_call(emit, &k, err);
}

fv_status fv_norm_backward_data(const fv_node *node, fv_emit *emit, const fv_norm *norm, fv_error *err)
{
    fv_norm_call call = fv_norm_call_of(node, emit, norm);
    fv_norm_state *state;
    int n = 0;
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    fv_emit_kernel k = {"normalise_backward:own",
                        call.running ? fixed_kernel : data_kernel,
                        &call,
                        sizeof call,
                        0,
                        call.running ? 2 : 3,
                        {NULL}};
    k.value[n++] = fv_diff_dst(emit);
    k.value[n++] = state->statistics;
    if (!call.running) {
        FV_TRY(need_sums(&call, emit, state, err));
        k.value[n++] = fv_src(emit, 0);
        k.value[n++] = state->sums;
    }
    if (call.has_scale) k.value[n++] = fv_src(emit, 1);
    k.read_count = n;
    FV_TRY(fv_norm_floats(emit, 4 * call.view.n * call.view.c, &k.value[n++], err));
    if (!call.running) FV_TRY(fv_norm_doubles(emit, 2 * fv_norm_sets(&call.view), &k.value[n++], err));
    k.value[n] = fv_diff_src(emit, 0);
    FV_TRY(fv_emit_call(emit, &k, err));
    fv_emit_in_place(emit, fv_diff_src(emit, 0), fv_diff_dst(emit));
    return FV_OK;
}

/* A gradient nobody wants goes to scratch memory. */
fv_status fv_norm_backward_weights(const fv_node *node, fv_emit *emit, const fv_norm *norm, fv_error *err)
{
    fv_norm_call call = fv_norm_call_of(node, emit, norm);
    fv_norm_state *state;
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(need_sums(&call, emit, state, err));
    fv_emit_kernel k = {"normalise_parameters:own",
                        parameters_kernel,
                        &call,
                        sizeof call,
                        3,
                        norm->batch ? 4 : 2,
                        {state->statistics, state->sums, fv_src(emit, 1)}};
    for (int i = 0; i < k.write_count; i++) {
        fv_value **out = &k.value[3 + i];
        *out = i + 1 < node->src_count ? fv_diff_src(emit, i + 1) : NULL;
        if (!*out) FV_TRY(fv_norm_floats(emit, call.view.c, out, err));
    }
    return fv_emit_call(emit, &k, err);
}
