#include "base/clones.h"
#include "graph/fold_internal.h"

#include <math.h>

FV_CLONES static void scale_run(float *restrict out, const float *restrict weights, double factor, size_t n)
{
#pragma omp simd
    for (size_t k = 0; k < n; k++) out[k] = (float)(weights[k] * factor);
}

/* Axis of the output channels in the weights: 0 of O x I, 1 of I x O (of one group). */
static void scale_weights(const fv_node *conv, const double *factor, const fv_tensor *weights, float *out)
{
    int transposed = fv_node_is(conv, "conv_transpose");
    int64_t groups = (int64_t)fv_op_get(conv->op, conv->attrs, "groups");
    int64_t rows = weights->shape.dim[0], columns = weights->shape.dim[1];
    int64_t runs = transposed ? columns : 1; /* per row, each of one output channel */
    size_t length = weights->count / (size_t)(rows * runs);
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < runs; c++) {
            int64_t channel = transposed ? r / (rows / groups) * columns + c : r;
            size_t at = (size_t)(r * runs + c) * length;
            scale_run(out + at, weights->data + at, factor[channel], length);
        }
}

fv_status fv_fold_tensors(const fv_fold_chain *c, int dry, fv_tensor **weights, fv_tensor **bias,
                          fv_error *err)
{
    fv_status status;
    const fv_node *norm = c->norm, *conv = c->conv;
    const float *scale = norm->src[1]->tensor->data, *shift = norm->src[2]->tensor->data;
    const float *mean = norm->src[3]->tensor->data, *variance = norm->src[4]->tensor->data;
    const float *old_bias = conv->src_count > 2 ? conv->src[2]->tensor->data : NULL;
    double epsilon = fv_op_get(norm->op, norm->attrs, "epsilon"), *factor = NULL;
    int64_t channels = norm->src[1]->shape.dim[0];
    *weights = *bias = NULL;
    FV_TRY_GOTO(fv_calloc(&factor, (size_t)channels, sizeof *factor, err));
    FV_TRY_GOTO(fv_tensor_new(weights, &conv->src[1]->shape, err));
    FV_TRY_GOTO(fv_tensor_new(bias, &norm->src[1]->shape, err));
    for (int64_t i = 0; i < channels; i++) {
        factor[i] = scale[i] / sqrt(variance[i] + epsilon);
        (*bias)->data[i] = (float)(shift[i] + ((old_bias ? old_bias[i] : 0.0) - mean[i]) * factor[i]);
    }
    if (!dry) scale_weights(conv, factor, conv->src[1]->tensor, (*weights)->data);
done:
    fv_free(factor);
    if (status != FV_OK) {
        fv_tensor_release(*weights);
        fv_tensor_release(*bias);
        *weights = *bias = NULL;
    }
    return status;
}
