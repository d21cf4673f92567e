#include "tensor/optimise.h"
#include "base/clones.h"
#include "tensor/broadcast.h"

#include <math.h>

enum { CHUNK = 1 << 13 };

static fv_status check(const fv_tensor *weights, const fv_tensor *other, const char *what, fv_error *err)
{
    char tw[FV_SHAPE_TEXT], to[FV_SHAPE_TEXT];
    if (fv_shape_equal(&weights->shape, &other->shape)) return FV_OK;
    return fv_fail(err, FV_STATUS_SHAPE, "optimise: weights are %s, the %s is %s",
                   fv_shape_text(&weights->shape, tw), what, fv_shape_text(&other->shape, to));
}

FV_CLONES static void sgd(float *restrict w, const float *restrict gradient, float *restrict m, int64_t n,
                          const fv_sgd_step *step)
{
    float rate = (float)step->rate, momentum = (float)step->momentum, decay = (float)step->decay;
    float scale = (float)step->scale, ahead = step->nesterov ? momentum : 0.0f,
          own = step->nesterov ? 1.0f : 0.0f, kept = step->nesterov ? ahead : 1.0f;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float g = scale * gradient[i] + decay * w[i];
        m[i] = momentum * m[i] + g;
        w[i] -= rate * (own * g + kept * m[i]);
    }
}

FV_CLONES static void plain(float *restrict w, const float *restrict gradient, int64_t n,
                            const fv_sgd_step *step)
{
    float rate = (float)step->rate, decay = (float)step->decay, scale = (float)step->scale;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) w[i] -= rate * (scale * gradient[i] + decay * w[i]);
}

FV_CLONES static void adam(float *restrict w, const float *restrict gradient, float *restrict m,
                           float *restrict v, int64_t n, const fv_adam_step *step)
{
    float beta1 = (float)step->beta1, beta2 = (float)step->beta2, epsilon = (float)step->epsilon;
    float rest1 = (float)(1.0 - step->beta1), rest2 = (float)(1.0 - step->beta2);
    float scale = (float)step->scale, decay = (float)step->decay, keep = (float)step->keep;
    float rate_m = (float)step->rate_m, rate_g = (float)step->rate_g, root = (float)step->root;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float g = scale * gradient[i] + decay * w[i];
        m[i] = beta1 * m[i] + rest1 * g;
        v[i] = beta2 * v[i] + rest2 * (g * g);
        w[i] = keep * w[i] - (rate_m * m[i] + rate_g * g) / (root * sqrtf(v[i]) + epsilon);
    }
}

static int64_t length(const fv_tensor *t, int64_t from)
{
    int64_t left = (int64_t)t->count - from;
    return left < CHUNK ? left : CHUNK;
}

fv_status fv_optimise_sgd(fv_tensor *weights, const fv_tensor *gradient, fv_tensor *buffer,
                          const fv_sgd_step *step, fv_error *err)
{
    FV_TRY(check(weights, gradient, "gradient", err));
    if (buffer) FV_TRY(check(weights, buffer, "momentum", err));
    if (!buffer && step->momentum != 0.0)
        return fv_fail(err, FV_STATUS_ARGUMENT, "optimise: a momentum needs its tensor");
#pragma omp parallel for schedule(static) if (weights->count >= FV_PARALLEL_MIN)
    for (int64_t at = 0; at < (int64_t)weights->count; at += CHUNK) {
        if (buffer)
            sgd(weights->data + at, gradient->data + at, buffer->data + at, length(weights, at), step);
        else
            plain(weights->data + at, gradient->data + at, length(weights, at), step);
    }
    return FV_OK;
}

fv_status fv_optimise_adam(fv_tensor *weights, const fv_tensor *gradient, fv_tensor *mean, fv_tensor *square,
                           const fv_adam_step *step, fv_error *err)
{
    FV_TRY(check(weights, gradient, "gradient", err));
    FV_TRY(check(weights, mean, "first moment", err));
    FV_TRY(check(weights, square, "second moment", err));
#pragma omp parallel for schedule(static) if (weights->count >= FV_PARALLEL_MIN)
    for (int64_t at = 0; at < (int64_t)weights->count; at += CHUNK)
        adam(weights->data + at, gradient->data + at, mean->data + at, square->data + at, length(weights, at),
             step);
    return FV_OK;
}

double fv_square_sum(const fv_tensor *tensor)
{
    enum { LANES = 8 };
    double lane[LANES] = {0.0}, sum = 0.0;
    size_t whole = tensor->count - tensor->count % LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += (double)tensor->data[i + k] * (double)tensor->data[i + k];
    for (size_t i = whole; i < tensor->count; i++)
        lane[0] += (double)tensor->data[i] * (double)tensor->data[i];
    for (int k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}
