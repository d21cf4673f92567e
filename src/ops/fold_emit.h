/* A fold as a step of a plan. */
#ifndef FV_OPS_FOLD_EMIT_H
#define FV_OPS_FOLD_EMIT_H

#include "graph/emit.h"
#include "ops/fold.h"

/* Writes factor times the first plane of the fold of `from` to `to`. *folded (may be NULL) gets the value
 * with both planes. */
fv_status fv_emit_fold(fv_emit *emit, const fv_fold *fold, double factor, fv_value *from, fv_value *to,
                       fv_value **folded, fv_error *err);

#endif
