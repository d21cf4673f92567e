#include "graph/fold_internal.h"
#include "graph/scaled.h"

#include <math.h>

fv_status fv_fold_norm(const fv_fold_chain *c, double **factor, fv_tensor **bias, fv_error *err)
{
    const fv_node *norm = c->norm, *conv = c->conv;
    const float *scale = norm->src[1]->tensor->data, *shift = norm->src[2]->tensor->data;
    const float *mean = norm->src[3]->tensor->data, *variance = norm->src[4]->tensor->data;
    const float *old_bias = conv->src_count > 2 ? conv->src[2]->tensor->data : NULL;
    double epsilon = fv_op_get(norm->op, norm->attrs, "epsilon");
    int64_t channels = norm->src[1]->shape.dim[0];
    *bias = NULL;
    FV_TRY(fv_calloc(factor, (size_t)channels, sizeof **factor, err));
    fv_status status = fv_tensor_new(bias, &norm->src[1]->shape, err);
    if (status != FV_OK) {
        fv_free(*factor);
        *factor = NULL;
        return status;
    }
    for (int64_t i = 0; i < channels; i++) {
        (*factor)[i] = scale[i] / sqrt(variance[i] + epsilon);
        (*bias)->data[i] = (float)(shift[i] + ((old_bias ? old_bias[i] : 0.0) - mean[i]) * (*factor)[i]);
    }
    return FV_OK;
}

/* Of I x O k..., each output channel of a group by itself. */
fv_status fv_fold_scale_transposed(const fv_node *conv, const double *factor, int dry, fv_tensor **out,
                                   fv_error *err)
{
    const fv_tensor *weights = conv->src[1]->tensor;
    int64_t groups = (int64_t)fv_op_get(conv->op, conv->attrs, "groups");
    int64_t rows = weights->shape.dim[0], columns = weights->shape.dim[1];
    size_t length = weights->count / (size_t)(rows * columns);
    FV_TRY(fv_tensor_new(out, &weights->shape, err));
    for (int64_t r = 0; r < rows && !dry; r++)
        for (int64_t c = 0; c < columns; c++) {
            size_t at = (size_t)(r * columns + c) * length;
            double by = factor[r / (rows / groups) * columns + c];
            fv_scale_run((*out)->data + at, weights->data + at, by, length);
        }
    return FV_OK;
}
