#include "tensor/detect.h"
#include "tensor/order.h"

#include <math.h>

static int counts(const fv_tensor *within, size_t i)
{
    return !within || within->data[i] != 0;
}

/* Scores of the members of the mask (or of the others) in ascending order. */
static fv_status sorted_scores(fv_tensor **out, const fv_tensor *scores, const fv_tensor *mask,
                               const fv_tensor *within, int members, size_t count, fv_error *err)
{
    fv_shape shape = {.rank = 1, .dim = {(int64_t)count}};
    fv_tensor *picked;
    size_t n = 0;
    FV_TRY(fv_tensor_new(&picked, &shape, err));
    for (size_t i = 0; i < scores->count; i++)
        if (counts(within, i) && (mask->data[i] != 0) == members) picked->data[n++] = scores->data[i];
    fv_status status = fv_tensor_sort(out, picked, err);
    fv_tensor_release(picked);
    return status;
}

/* Walks the thresholds from the highest score down; both lists ascend. */
static void walk(fv_detection *d, const fv_tensor *inside, const fv_tensor *outside)
{
    size_t p = d->positives, n = d->negatives; /* left below the threshold */
    double wins = 0, precision = 0;
    while (p) {
        float cut = inside->data[p - 1];
        size_t p_before = p, n_above = n;
        while (n && outside->data[n - 1] > cut) n--;
        n_above = n;
        while (p && inside->data[p - 1] == cut) p--;
        while (n && outside->data[n - 1] == cut) n--;
        double here = (double)(p_before - p), taken = (double)(d->positives - p);
        wins += here * ((double)n + 0.5 * (double)(n_above - n));
        precision += here * taken / (taken + (double)(d->negatives - n));
    }
    if (d->positives && d->negatives) d->roc = wins / ((double)d->positives * (double)d->negatives);
    if (d->positives) d->precision = precision / (double)d->positives;
}

static int last_is_nan(const fv_tensor *t)
{
    return t->count && isnan(t->data[t->count - 1]);
}

static fv_status check_counts(const fv_tensor *scores, const fv_tensor *other, fv_error *err)
{
    char a[FV_SHAPE_TEXT], b[FV_SHAPE_TEXT];
    if (!other || other->count == scores->count) return FV_OK;
    return fv_fail(err, FV_STATUS_SHAPE, "detection: scores are %s, the mask is %s",
                   fv_shape_text(&scores->shape, a), fv_shape_text(&other->shape, b));
}

fv_status fv_tensor_detection(fv_detection *out, const fv_tensor *scores, const fv_tensor *mask,
                              const fv_tensor *within, fv_error *err)
{
    fv_status status;
    fv_tensor *inside = NULL, *outside = NULL;
    *out = (fv_detection){.roc = NAN, .precision = NAN};
    FV_TRY(check_counts(scores, mask, err));
    FV_TRY(check_counts(scores, within, err));
    for (size_t i = 0; i < scores->count; i++) {
        out->positives += counts(within, i) && mask->data[i] != 0;
        out->negatives += counts(within, i) && mask->data[i] == 0;
    }
    FV_TRY_GOTO(sorted_scores(&inside, scores, mask, within, 1, out->positives, err));
    FV_TRY_GOTO(sorted_scores(&outside, scores, mask, within, 0, out->negatives, err));
    if (!last_is_nan(inside) && !last_is_nan(outside)) walk(out, inside, outside);
done:
    fv_tensor_release(inside);
    fv_tensor_release(outside);
    return status;
}
