#include "ops/fold_emit.h"

#include "tensor/broadcast.h"

typedef struct fold_call {
    fv_fold fold;
    double factor;
} fold_call;

/* data: from -> both planes, to. */
static void kernel(const void *context, float *const *data)
{
    const fold_call *call = context;
    const double *folded = fv_fold_run(&call->fold, data[0], data[0], data[1]);
    int64_t n = call->fold.outputs;
#pragma omp parallel for schedule(static) if (n >= FV_PARALLEL_MIN)
    for (int64_t i = 0; i < n; i++) data[2][fv_fold_out(&call->fold, i)] = (float)(folded[i] * call->factor);
}

fv_status fv_emit_fold(fv_emit *emit, const fv_fold *fold, double factor, fv_value *from, fv_value *to,
                       fv_value **folded, fv_error *err)
{
    fold_call call = {*fold, factor};
    fv_shape scratch = fv_fold_scratch(fold);
    fv_emit_kernel k = {"reduce:own", kernel, &call, sizeof call, 1, 2, {from, NULL, to}};
    FV_TRY(fv_emit_value(emit, &scratch, &k.value[1], err));
    if (folded) *folded = k.value[1];
    return fv_emit_call(emit, &k, err);
}
