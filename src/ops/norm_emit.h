/* What the two emission files of norm.h share. */
#ifndef FV_OPS_NORM_EMIT_H
#define FV_OPS_NORM_EMIT_H

#include "ops/norm.h"
#include "ops/norm_math.h"

/* Context of all kernels. */
typedef struct fv_norm_call {
    fv_norm_view view;
    fv_fold fold;
    double momentum;
    int running; /* the statistics are given, not computed */
    int has_scale, has_shift;
} fv_norm_call;

/* What the backward pass finds: mean and inv of the sets, and the sums both of its halves need. */
typedef struct fv_norm_state {
    fv_value *statistics, *sums;
} fv_norm_state;

fv_norm_call fv_norm_call_of(const fv_node *node, fv_emit *emit, const fv_norm *norm);

/* Scratch of so many elements. */
fv_status fv_norm_doubles(fv_emit *emit, int64_t count, fv_value **out, fv_error *err);
fv_status fv_norm_floats(fv_emit *emit, int64_t count, fv_value **out, fv_error *err);

static inline double *fv_doubles(float *memory)
{
    return (double *)(void *)memory;
}

#endif
