#include "ops/norm_emit.h"

#include <math.h>

fv_status fv_norm_shape(fv_node *node, double epsilon, fv_error *err)
{
    static const char *const names[] = {"src", "scale", "shift", "mean", "variance"};
    const fv_shape *src = &node->src[0]->shape;
    char ts[FV_SHAPE_TEXT], tp[FV_SHAPE_TEXT];
    if (src->rank < 2 || src->rank > 5)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: it needs 2 to 5 dimensions", fv_shape_text(src, ts));
    for (int i = 1; i < node->src_count; i++) {
        const fv_shape *p = &node->src[i]->shape;
        if (p->rank != 1 || p->dim[0] != src->dim[1])
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s, %s is %s: it needs %lld entries",
                           fv_shape_text(src, ts), names[i], fv_shape_text(p, tp), (long long)src->dim[1]);
    }
    if (!(epsilon >= 0.0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "epsilon must be at least 0, not %g", epsilon);
    node->shape = *src;
    return FV_OK;
}

fv_norm_call fv_norm_call_of(const fv_node *node, fv_emit *emit, const fv_norm *norm)
{
    fv_norm_call call = {.momentum = norm->momentum};
    const fv_shape *shape = &node->shape;
    fv_norm_view *view = &call.view;
    *view = (fv_norm_view){
        shape->dim[0], shape->dim[1], 1, fv_value_is_channels_last(fv_src(emit, 0)), norm->batch, 1,
        norm->epsilon};
    for (int i = 2; i < shape->rank; i++) view->s *= shape->dim[i];
    if (!norm->batch) view->per_set = view->c / norm->groups;
    call.running = norm->batch && !fv_emit_has_batch_statistics(emit);
    call.has_scale = node->src_count > 1;
    call.has_shift = node->src_count > 2;
    fv_norm_fold(&call.fold, view);
    return call;
}

fv_status fv_norm_doubles(fv_emit *emit, int64_t count, fv_value **out, fv_error *err)
{
    fv_shape shape = fv_shape_of(1, count * (int64_t)(sizeof(double) / sizeof(float)));
    return fv_emit_value(emit, &shape, out, err);
}

fv_status fv_norm_floats(fv_emit *emit, int64_t count, fv_value **out, fv_error *err)
{
    fv_shape shape = fv_shape_of(1, count);
    return fv_emit_value(emit, &shape, out, err);
}

/* data: running mean, running variance -> statistics (mean and inv of each set). */
static void running_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    double *mean = fv_doubles(data[2]), *inv = mean + call->view.c;
    for (int64_t c = 0; c < call->view.c; c++) {
        mean[c] = (double)data[0][c];
        inv[c] = 1.0 / sqrt((double)data[1][c] + call->view.epsilon);
    }
}

/* data: src -> statistics (and the variances), sums, running mean and variance (batch). */
static void statistics_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    int64_t sets = fv_norm_sets(&call->view);
    double *mean = fv_doubles(data[1]), *inv = mean + sets, *variance = inv + sets;
    double size = (double)fv_norm_set_size(&call->view), m = call->momentum;
    fv_norm_statistics(&call->view, fv_fold_run(&call->fold, data[0], data[0], data[2]), mean, inv, variance);
    for (int64_t c = 0; call->view.batch && c < call->view.c; c++) {
        double unbiased = variance[c] * size / (size - 1.0);
        data[3][c] = (float)((1.0 - m) * (double)data[3][c] + m * mean[c]);
        data[4][c] = (float)((1.0 - m) * (double)data[4][c] + m * unbiased);
    }
}

/* data: src, statistics, scale?, shift? -> table, dst. */
static void apply_kernel(const void *context, float *const *data)
{
    const fv_norm_call *call = context;
    const fv_norm_view *view = &call->view;
    float *const *out = data + 2 + call->has_scale + call->has_shift;
    const double *mean = fv_doubles(data[1]), *inv = mean + fv_norm_sets(view);
    fv_norm_table table = fv_norm_table_in(view, out[0]);
    fv_norm_table_forward(view, &table, mean, inv, call->has_scale ? data[2] : NULL,
                          call->has_shift ? data[3] : NULL);
    fv_norm_apply(view, &table, out[1], NULL, data[0]);
}

static fv_status emit_statistics(const fv_norm_call *call, fv_emit *emit, fv_value *out, fv_error *err)
{
    fv_emit_kernel k = {"statistics:own", running_kernel, call, sizeof *call, 2, 1, {NULL}};
    if (call->running) {
        k.value[0] = fv_src(emit, 3);
        k.value[1] = fv_src(emit, 4);
        k.value[2] = out;
        return fv_emit_call(emit, &k, err);
    }
    fv_shape scratch = fv_fold_scratch(&call->fold);
    k.run = statistics_kernel;
    k.read_count = 1;
    k.write_count = call->view.batch ? 4 : 2;
    k.value[0] = fv_src(emit, 0);
    k.value[1] = out;
    FV_TRY(fv_emit_value(emit, &scratch, &k.value[2], err));
    if (call->view.batch) {
        k.value[3] = fv_src(emit, 3);
        k.value[4] = fv_src(emit, 4);
    }
    return fv_emit_call(emit, &k, err);
}

fv_status fv_norm_forward(const fv_node *node, fv_emit *emit, const fv_norm *norm, fv_error *err)
{
    fv_norm_call call = fv_norm_call_of(node, emit, norm);
    fv_norm_state *state;
    int n = 0;
    char text[FV_SHAPE_TEXT];
    if (norm->batch && !call.running && fv_norm_set_size(&call.view) < 2)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: one value per channel has no batch statistics",
                       fv_shape_text(&node->shape, text));
    FV_TRY(fv_emit_state(emit, sizeof *state, &state, err));
    FV_TRY(fv_norm_doubles(emit, 3 * fv_norm_sets(&call.view), &state->statistics, err));
    FV_TRY(emit_statistics(&call, emit, state->statistics, err));
    fv_emit_kernel k = {"normalise:own", apply_kernel, &call, sizeof call, 0, 2, {NULL}};
    k.value[n++] = fv_src(emit, 0);
    k.value[n++] = state->statistics;
    if (call.has_scale) k.value[n++] = fv_src(emit, 1);
    if (call.has_shift) k.value[n++] = fv_src(emit, 2);
    k.read_count = n;
    FV_TRY(fv_norm_floats(emit, 4 * call.view.n * call.view.c, &k.value[n++], err));
    k.value[n] = fv_dst(emit);
    FV_TRY(fv_emit_call(emit, &k, err));
    fv_emit_in_place(emit, fv_dst(emit), fv_src(emit, 0));
    return FV_OK;
}
