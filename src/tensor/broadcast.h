/* Runs a kernel over tensors that broadcast against each other: the machinery under math.h. */
#ifndef FV_TENSOR_BROADCAST_H
#define FV_TENSOR_BROADCAST_H

#include "tensor/tensor.h"

enum {
    FV_MAX_INPUTS = 3,
    FV_PARALLEL_MIN = 1 << 15 /* elements below which starting threads costs more than it saves */
};

/* Computes n elements of one row. step[k] is 1 when input k runs along the row and 0 when its first element
 * serves the whole row. out does not overlap the inputs. */
typedef void (*fv_row_kernel)(float *out, const float *const in[], const int step[], size_t n);

/* New tensor of the broadcast shape of the inputs (1 to FV_MAX_INPUTS), filled by kernel. Equal shapes and
 * scalars become one long row. `what` names the operation in errors. */
fv_status fv_broadcast_apply(fv_tensor **out, fv_row_kernel kernel, const fv_tensor *const in[], int inputs,
                             const char *what, fv_error *err);

#endif
