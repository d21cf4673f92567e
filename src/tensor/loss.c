#include "tensor/loss.h"
#include "tensor/loss_view.h"

#include <math.h>

/* --- cross-entropy --- */

static double power(double base, double exponent)
{
    if (exponent == 0.0) return 1.0;
    if (exponent == 2.0) return base * base;
    return pow(base, exponent);
}

/* sums: the loss. */
static void sigmoid_entropy(const fv_loss_view *view, const fv_loss_part *part)
{
    const fv_cross_entropy *spec = view->spec;
    double gamma = spec->gamma, elements = (double)(view->images * view->channels * view->positions);
    for (int64_t k = 0; k < view->channels; k++) {
        double weight = fv_loss_weight(view, k), sum = 0.0;
        const float *z = view->logits + part->first + k * view->positions;
        const float *t = view->target + part->first + k * view->positions;
        float *g = view->gradient + part->first + k * view->positions;
        for (int64_t i = 0; i < part->count; i++) {
            fv_loss_sigmoid s = fv_loss_sigmoid_of((double)z[i]);
            double hit = weight * spec->positive * (double)t[i] * power(s.q, gamma);
            double miss = weight * spec->negative * (1.0 - (double)t[i]) * power(s.p, gamma);
            sum -= hit * s.log_p + miss * s.log_q;
            g[i] = (float)((hit * (gamma * s.p * s.log_p - s.q) + miss * (s.p - gamma * s.q * s.log_q)) /
                           elements);
        }
        part->sums[0] += sum;
    }
}

/* Derivative of -(1-p)^gamma log p with respect to log p. */
static double focal_slope(double p, double log_p, double gamma)
{
    double q = 1.0 - p;
    if (gamma == 0.0) return -1.0;
    return q > 0.0 ? gamma * power(q, gamma - 1.0) * p * log_p - power(q, gamma) : 0.0;
}

/* sums: the loss and the weights; the gradient is not divided yet. */
static void softmax_entropy(const fv_loss_view *view, const fv_loss_part *part)
{
    double gamma = ((const fv_cross_entropy *)view->spec)->gamma;
    for (int64_t at = part->first; at < part->first + part->count; at++) {
        double log_sum = fv_loss_log_sum(view, at), pull = 0.0;
        for (int64_t k = 0, j = at; k < view->channels; k++, j += view->positions) {
            double weight = fv_loss_weight(view, k) * (double)view->target[j];
            double log_p = (double)view->logits[j] - log_sum, p = exp(log_p);
            double slope = weight * focal_slope(p, log_p, gamma);
            part->sums[0] -= weight * power(fmax(1.0 - p, 0.0), gamma) * log_p;
            part->sums[1] += weight;
            view->gradient[j] = (float)slope;
            pull += slope;
        }
        for (int64_t k = 0, j = at; k < view->channels; k++, j += view->positions)
            view->gradient[j] -= (float)(pull * exp((double)view->logits[j] - log_sum));
    }
}

static double total(const fv_loss_view *view, int64_t which)
{
    double sum = 0.0;
    for (int64_t i = 0; i < view->images * view->chunks; i++) sum += view->sums[i * view->width + which];
    return sum;
}

fv_status fv_loss_cross_entropy(double *value, fv_tensor **gradient, const fv_tensor *logits,
                                const fv_tensor *target, const fv_cross_entropy *spec, fv_error *err)
{
    fv_status status;
    fv_loss_view view = {.softmax = spec->softmax, .weight = spec->weight, .spec = spec};
    *gradient = NULL;
    if (!(spec->gamma >= 0.0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "loss: gamma must be at least 0, not %g", spec->gamma);
    FV_TRY_GOTO(fv_loss_open(&view, gradient, logits, target, 2, err));
    fv_loss_run(&view, spec->softmax ? softmax_entropy : sigmoid_entropy);
    double size = spec->softmax ? total(&view, 1) : (double)logits->count;
    *value = size != 0.0 ? total(&view, 0) / size : 0.0;
    float scale = (float)(size != 0.0 ? 1.0 / size : 0.0);
    for (size_t i = 0; spec->softmax && i < logits->count; i++) (*gradient)->data[i] *= scale;
done:
    fv_loss_close(&view);
    return status;
}
