#include "graph/scaled.h"

#include "base/clones.h"
#include <string.h>

enum { LANES = 16 };

void fv_scaled_free(fv_scaled *scaled)
{
    if (!scaled) return;
    fv_tensor_release(scaled->from);
    fv_tensor_release(scaled->factor);
    fv_free(scaled->exact);
    fv_free(scaled);
}

static fv_status new_scaled(fv_scaled **out, fv_tensor *from, const double *factor, fv_error *err)
{
    fv_status status;
    int64_t rows = from->shape.dim[0];
    fv_shape shape = fv_shape_of(1, (rows + LANES - 1) / LANES * LANES);
    FV_TRY(fv_calloc(out, 1, sizeof **out, err));
    FV_TRY_GOTO(fv_tensor_full(&(*out)->factor, &shape, 0.0f, err));
    FV_TRY_GOTO(fv_calloc(&(*out)->exact, (size_t)rows, sizeof *factor, err));
    (*out)->from = fv_tensor_retain(from);
    for (int64_t r = 0; r < rows; r++) {
        (*out)->exact[r] = factor[r];
        (*out)->factor->data[r] = (float)factor[r];
    }
    return FV_OK;
done:
    fv_scaled_free(*out);
    *out = NULL;
    return status;
}

static void release_nothing(void *context)
{
    (void)context;
}

fv_status fv_scaled_constant(fv_graph *graph, fv_tensor *from, const double *factor, const char *name,
                             fv_node **out, fv_error *err)
{
    fv_scaled *scaled;
    fv_tensor *empty;
    FV_TRY(new_scaled(&scaled, from, factor, err));
    fv_status status = fv_tensor_wrap(&empty, &from->shape, NULL, release_nothing, NULL, err);
    if (status == FV_OK) {
        status = fv_graph_constant(graph, empty, name, out, err);
        fv_tensor_release(empty);
    }
    if (status == FV_OK)
        (*out)->scaled = scaled;
    else
        fv_scaled_free(scaled);
    return status;
}

int fv_scaled_is_pending(const fv_node *node)
{
    return node->scaled && node->tensor && !node->tensor->data;
}

FV_CLONES void fv_scale_run(float *restrict out, const float *restrict from, double factor, size_t n)
{
#pragma omp simd
    for (size_t k = 0; k < n; k++) out[k] = (float)(from[k] * factor);
}

fv_status fv_scaled_tensor(const fv_node *node, fv_tensor **out, fv_error *err)
{
    if (!fv_scaled_is_pending(node)) {
        *out = fv_tensor_retain(node->tensor);
        return FV_OK;
    }
    const fv_tensor *from = node->scaled->from;
    size_t rows = (size_t)from->shape.dim[0], length = rows ? from->count / rows : 0;
    FV_TRY(fv_tensor_new(out, &from->shape, err));
    for (size_t r = 0; r < rows; r++)
        fv_scale_run((*out)->data + r * length, from->data + r * length, node->scaled->exact[r], length);
    return FV_OK;
}

fv_status fv_scaled_fill(fv_node *node, fv_error *err)
{
    fv_tensor *tensor;
    FV_TRY(fv_scaled_tensor(node, &tensor, err));
    fv_tensor_release(node->tensor);
    node->tensor = tensor;
    return FV_OK;
}
