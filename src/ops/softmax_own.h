/* Own kernels of softmax and log_softmax, for axes that are short or not dense in memory. */
#ifndef FV_OPS_SOFTMAX_OWN_H
#define FV_OPS_SOFTMAX_OWN_H

#include "graph/emit.h"

/* Memory as outer x length x inner, the normalised axis in the middle. */
typedef struct fv_softmax_work {
    int64_t outer, length, inner;
    int logarithm;
} fv_softmax_work;

fv_status fv_emit_softmax_forward(fv_emit *emit, const fv_softmax_work *work, fv_error *err);
fv_status fv_emit_softmax_backward(fv_emit *emit, const fv_softmax_work *work, fv_error *err);

#endif
