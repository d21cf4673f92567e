#include "tensor/loss.h"
#include "tensor/loss_view.h"

#include <math.h>

/* Per set and channel: dL/dp = on_target t + anywhere. */
typedef struct slopes {
    double on_target, anywhere;
} slopes;

typedef struct overlap_work {
    const fv_overlap *spec;
    slopes *slope; /* sets x channels */
} overlap_work;

static double probability(const fv_loss_view *view, int64_t at, double log_sum)
{
    double z = (double)view->logits[at];
    return view->softmax ? exp(z - log_sum) : fv_loss_sigmoid_of(z).p;
}

/* sums, for each channel: p t, p, t. */
static void overlap_sums(const fv_loss_view *view, const fv_loss_part *part)
{
    for (int64_t at = part->first; at < part->first + part->count; at++) {
        double log_sum = view->softmax ? fv_loss_log_sum(view, at) : 0.0;
        for (int64_t k = 0, j = at; k < view->channels; k++, j += view->positions) {
            double p = probability(view, j, log_sum), t = (double)view->target[j];
            part->sums[3 * k] += p * t;
            part->sums[3 * k + 1] += p;
            part->sums[3 * k + 2] += t;
        }
    }
}

static void overlap_gradient(const fv_loss_view *view, const fv_loss_part *part)
{
    const overlap_work *work = view->spec;
    const slopes *slope = work->slope + (work->spec->per_image ? part->image * view->channels : 0);
    for (int64_t at = part->first; at < part->first + part->count; at++) {
        double log_sum = view->softmax ? fv_loss_log_sum(view, at) : 0.0, mean = 0.0;
        for (int64_t k = 0, j = at; view->softmax && k < view->channels; k++, j += view->positions)
            mean += probability(view, j, log_sum) *
                    (slope[k].on_target * (double)view->target[j] + slope[k].anywhere);
        for (int64_t k = 0, j = at; k < view->channels; k++, j += view->positions) {
            double p = probability(view, j, log_sum);
            double u = slope[k].on_target * (double)view->target[j] + slope[k].anywhere;
            view->gradient[j] = (float)(view->softmax ? p * (u - mean) : p * (1.0 - p) * u);
        }
    }
}

/* Loss of one set and channel from its sums, and the slopes. */
static double set_loss(const fv_overlap *spec, const double sums[3], slopes *slope)
{
    double hit = sums[0] + spec->smooth, a = spec->alpha, b = spec->beta;
    double all = hit + a * (sums[1] - sums[0]) + b * (sums[2] - sums[0]);
    *slope = (slopes){0.0, 0.0};
    if (!(all > 0.0)) return all == 0.0 ? 0.0 : NAN;
    slope->on_target = -(all - hit * (1.0 - a - b)) / (all * all);
    slope->anywhere = hit * a / (all * all);
    return 1.0 - hit / all;
}

/* Mean loss over sets and channels; fills the slopes. */
static double close_sets(const fv_loss_view *view, const overlap_work *work)
{
    int64_t sets = work->spec->per_image ? view->images : 1, inner = view->images / sets;
    double loss = 0.0, weights = 0.0;
    for (int64_t k = 0; k < view->channels; k++) weights += fv_loss_weight(view, k);
    double scale = weights > 0.0 ? 1.0 / (weights * (double)sets) : 0.0;
    for (int64_t i = 0; i < sets * view->channels; i++) {
        int64_t set = i / view->channels, k = i % view->channels;
        double sums[3] = {0.0, 0.0, 0.0}, share = fv_loss_weight(view, k) * scale;
        for (int64_t c = 0; c < inner * view->chunks; c++)
            for (int s = 0; s < 3; s++) sums[s] += fv_loss_sums(view, set * inner, c)[3 * k + s];
        loss += share * set_loss(work->spec, sums, &work->slope[i]);
        work->slope[i].on_target *= share;
        work->slope[i].anywhere *= share;
    }
    return loss;
}

fv_status fv_loss_overlap(double *value, fv_tensor **gradient, const fv_tensor *logits,
                          const fv_tensor *target, const fv_overlap *spec, fv_error *err)
{
    fv_status status;
    overlap_work work = {.spec = spec};
    fv_loss_view view = {.softmax = spec->softmax, .weight = spec->weight, .spec = &work};
    int64_t channels = logits->shape.rank > 1 ? logits->shape.dim[1] : 0;
    *gradient = NULL;
    if (!(spec->alpha >= 0.0 && spec->beta >= 0.0 && spec->smooth >= 0.0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "loss: alpha, beta and smooth must be at least 0");
    FV_TRY_GOTO(fv_loss_open(&view, gradient, logits, target, 3 * channels, err));
    FV_TRY_GOTO(fv_calloc(&work.slope, (size_t)(view.images * channels), sizeof *work.slope, err));
    fv_loss_run(&view, overlap_sums);
    *value = close_sets(&view, &work);
    fv_loss_run(&view, overlap_gradient);
done:
    fv_loss_close(&view);
    fv_free(work.slope);
    return status;
}
