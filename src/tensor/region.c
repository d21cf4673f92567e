#include "tensor/region.h"

#include "base/alloc.h"
#include <math.h>

/* The label as an index from 0, or n when it is none of 1..n. */
static size_t index_of(float label, size_t n)
{
    return label >= 1 && label <= (float)n ? (size_t)label - 1 : n;
}

fv_status fv_label_max(float max[], size_t n, const fv_tensor *labels, const fv_tensor *values, fv_error *err)
{
    char tl[FV_SHAPE_TEXT], tv[FV_SHAPE_TEXT];
    if (labels->count != values->count)
        return fv_fail(err, FV_STATUS_SHAPE, "labels %s and values %s have different counts",
                       fv_shape_text(&labels->shape, tl), fv_shape_text(&values->shape, tv));
    for (size_t i = 0; i < n; i++) max[i] = -INFINITY;
    for (size_t i = 0; i < labels->count; i++) {
        size_t k = index_of(labels->data[i], n);
        if (k < n && values->data[i] > max[k]) max[k] = values->data[i];
    }
    return FV_OK;
}

fv_status fv_label_keep(fv_tensor **out, const fv_tensor *labels, const unsigned char keep[], size_t n,
                        fv_error *err)
{
    FV_TRY(fv_tensor_full(out, &labels->shape, 0, err));
    for (size_t i = 0; i < labels->count; i++) {
        size_t k = index_of(labels->data[i], n);
        if (k < n && keep[k]) (*out)->data[i] = 1;
    }
    return FV_OK;
}

/* Sliding mean along one line of n elements `step` apart; sums[0..n] is scratch. */
static void mean_of_line(float *line, size_t n, size_t step, size_t radius, double *sums)
{
    sums[0] = 0;
    for (size_t i = 0; i < n; i++) sums[i + 1] = sums[i] + line[i * step];
    for (size_t i = 0; i < n; i++) {
        size_t first = i > radius ? i - radius : 0, last = i + radius < n ? i + radius + 1 : n;
        line[i * step] = (float)((sums[last] - sums[first]) / (double)(last - first));
    }
}

fv_status fv_tensor_local_mean(fv_tensor **out, const fv_tensor *src, int axes, int64_t size, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    double *sums = NULL;
    fv_status status;
    *out = NULL;
    if (axes < 1 || axes > src->shape.rank)
        return fv_fail(err, FV_STATUS_SHAPE, "local_mean: shape %s has no %d axes",
                       fv_shape_text(&src->shape, text), axes);
    if (size < 1 || size % 2 == 0)
        return fv_fail(err, FV_STATUS_ARGUMENT, "local_mean: size must be odd, not %lld", (long long)size);
    FV_TRY_GOTO(fv_tensor_copy(out, src, err));
    FV_TRY_GOTO(fv_calloc(&sums, src->count + 1, sizeof *sums, err));
    size_t step = 1;
    for (int axis = src->shape.rank - 1; axis >= src->shape.rank - axes; axis--) {
        size_t n = (size_t)src->shape.dim[axis];
        for (size_t i = 0; n && i < src->count / n; i++)
            mean_of_line((*out)->data + i / step * step * n + i % step, n, step, (size_t)size / 2, sums);
        step *= n;
    }
done:
    fv_free(sums);
    if (status) {
        fv_tensor_release(*out);
        *out = NULL;
    }
    return status;
}
