#include "tensor/loss_view.h"
#include "tensor/broadcast.h"

#include <math.h>
#include <string.h>

fv_status fv_loss_open(fv_loss_view *view, fv_tensor **gradient, const fv_tensor *logits,
                       const fv_tensor *target, int64_t width, fv_error *err)
{
    char tl[FV_SHAPE_TEXT], tt[FV_SHAPE_TEXT];
    const fv_shape *shape = &logits->shape;
    *gradient = NULL;
    if (!fv_shape_equal(shape, &target->shape) || shape->rank < 3 || logits->count == 0)
        return fv_fail(err, FV_STATUS_SHAPE, "loss: logits are %s, the target is %s: both must be N K H W",
                       fv_shape_text(shape, tl), fv_shape_text(&target->shape, tt));
    if (view->softmax && shape->dim[1] < 2)
        return fv_fail(err, FV_STATUS_ARGUMENT, "loss: a softmax needs two channels, logits are %s",
                       fv_shape_text(shape, tl));
    view->images = shape->dim[0];
    view->channels = shape->dim[1];
    view->positions = (int64_t)logits->count / (view->images * view->channels);
    view->chunks = (view->positions + FV_LOSS_CHUNK - 1) / FV_LOSS_CHUNK;
    view->width = width;
    view->logits = logits->data;
    view->target = target->data;
    FV_TRY(fv_calloc(&view->sums, (size_t)(view->images * view->chunks * width), sizeof(double), err));
    FV_TRY(fv_tensor_new(gradient, shape, err));
    view->gradient = (*gradient)->data;
    return FV_OK;
}

void fv_loss_close(fv_loss_view *view)
{
    fv_free(view->sums);
    view->sums = NULL;
}

double *fv_loss_sums(const fv_loss_view *view, int64_t image, int64_t chunk)
{
    return view->sums + (image * view->chunks + chunk) * view->width;
}

void fv_loss_run(const fv_loss_view *view, fv_loss_kernel kernel)
{
    int64_t parts = view->images * view->chunks;
#pragma omp parallel for schedule(static) if (parts * FV_LOSS_CHUNK >= FV_PARALLEL_MIN)
    for (int64_t i = 0; i < parts; i++) {
        int64_t image = i / view->chunks, begin = i % view->chunks * FV_LOSS_CHUNK;
        int64_t left = view->positions - begin;
        fv_loss_part part = {.image = image,
                             .first = image * view->channels * view->positions + begin,
                             .count = left < FV_LOSS_CHUNK ? left : FV_LOSS_CHUNK,
                             .sums = view->sums + i * view->width};
        kernel(view, &part);
    }
}

double fv_loss_log_sum(const fv_loss_view *view, int64_t at)
{
    const float *z = view->logits + at;
    double largest = (double)z[0], sum = 0.0;
    for (int64_t k = 1; k < view->channels; k++) largest = fmax(largest, (double)z[k * view->positions]);
    for (int64_t k = 0; k < view->channels; k++) sum += exp((double)z[k * view->positions] - largest);
    return largest + log(sum);
}

fv_loss_sigmoid fv_loss_sigmoid_of(double z)
{
    double e = exp(-fabs(z)), near = log1p(e), big = 1.0 / (1.0 + e), small = e * big;
    if (z >= 0) return (fv_loss_sigmoid){big, small, -near, -z - near};
    return (fv_loss_sigmoid){small, big, z - near, -near};
}
