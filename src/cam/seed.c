#include "cam/seed.h"

#include <math.h>
#include <string.h>

/* Element (position p, class k) of the logits lies at p / inner * classes * inner + k * inner + p % inner. */
typedef struct layout {
    size_t items, positions, classes, inner; /* positions per item; inner: elements after the class axis */
} layout;

static const double saturation_limit = 1e-3; /* of y (1 - y), definitions 8.2 */

static fv_status measure(layout *out, const fv_tensor *z, const fv_tensor *w, const fv_target *t,
                         fv_error *err)
{
    char tz[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (t->class_axis < 1 || t->class_axis >= z->shape.rank || z->count == 0)
        return fv_fail(err, FV_STATUS_SHAPE, "seed: the output %s has no class axis %d",
                       fv_shape_text(&z->shape, tz), t->class_axis + 1);
    out->classes = (size_t)z->shape.dim[t->class_axis];
    if (t->class_index < 0 || t->class_index >= (int64_t)out->classes)
        return fv_fail(err, FV_STATUS_ARGUMENT, "seed: class %lld does not exist, the output %s has %zu",
                       (long long)t->class_index + 1, fv_shape_text(&z->shape, tz), out->classes);
    if (t->kind == FV_SCORE_CONTRAST && out->classes < 2)
        return fv_fail(err, FV_STATUS_ARGUMENT,
                       "seed: a contrast needs two classes or more, the output %s has one",
                       fv_shape_text(&z->shape, tz));
    out->items = (size_t)z->shape.dim[0];
    out->positions = z->count / out->items / out->classes;
    out->inner = 1;
    for (int i = t->class_axis + 1; i < z->shape.rank; i++) out->inner *= (size_t)z->shape.dim[i];
    if (w->count != out->items * out->positions)
        return fv_fail(err, FV_STATUS_SHAPE, "seed: mask %s does not fit the output %s",
                       fv_shape_text(&w->shape, tw), fv_shape_text(&z->shape, tz));
    return FV_OK;
}

static size_t offset_of(const layout *l, size_t position)
{
    return position / l->inner * l->classes * l->inner + position % l->inner;
}

/* s(z) without overflow. */
static double sigmoid(double z)
{
    double e = exp(-fabs(z));
    return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/* log of the sum of exp(z_j - top) over the classes, and top. */
static double log_sum(const float *z, const layout *l, double *top)
{
    double sum = 0;
    *top = z[0];
    for (size_t k = 1; k < l->classes; k++) *top = z[k * l->inner] > *top ? z[k * l->inner] : *top;
    for (size_t k = 0; k < l->classes; k++) sum += exp(z[k * l->inner] - *top);
    return log(sum);
}

/* Softmax probability of class c, and of all the others together (summed, so that it does not cancel near 1).
 */
static double softmax_at(const float *z, const layout *l, size_t c, double *others)
{
    double top, total = log_sum(z, l, &top);
    *others = 0;
    for (size_t k = 0; k < l->classes; k++)
        if (k != c) *others += exp(z[k * l->inner] - top - total);
    return exp(z[c * l->inner] - top - total);
}

/* log of the sum of exp z_j over the classes but c; with out, also w * (-softmax among them) for each. */
static double log_sum_others(const float *z, const layout *l, size_t c, float *out, double w)
{
    double top = -INFINITY, sum = 0;
    for (size_t k = 0; k < l->classes; k++)
        if (k != c && z[k * l->inner] > top) top = z[k * l->inner];
    for (size_t k = 0; k < l->classes; k++)
        if (k != c) sum += exp(z[k * l->inner] - top);
    for (size_t k = 0; out && k < l->classes; k++)
        if (k != c) out[k * l->inner] = (float)(-w * exp(z[k * l->inner] - top) / sum);
    return top + log(sum);
}

/* v at one position, and y (1 - y) in *slope (1 for a logit). */
static double value_at(const float *z, const layout *l, const fv_target *t, double *slope)
{
    size_t c = (size_t)t->class_index;
    double zc = z[c * l->inner], y = zc, others;
    *slope = 1;
    if (t->kind == FV_SCORE_SIGMOID) {
        y = sigmoid(zc);
        *slope = y * sigmoid(-zc);
    } else if (t->kind == FV_SCORE_SOFTMAX) {
        y = softmax_at(z, l, c, &others);
        *slope = y * others;
    } else if (t->kind == FV_SCORE_CONTRAST) {
        y = zc - log_sum_others(z, l, c, NULL, 0);
    }
    return y;
}

static fv_score score_item(const float *logits, const float *w, size_t first, const layout *l,
                           const fv_target *t)
{
    fv_score s = {0};
    size_t saturated = 0;
    for (size_t p = first; p < first + l->positions; p++) {
        if (w[p] == 0) continue;
        double slope;
        s.value += w[p] * value_at(logits + offset_of(l, p), l, t, &slope);
        saturated += slope < saturation_limit;
        s.count++;
    }
    if (s.count) s.saturated = (double)saturated / (double)s.count;
    if (s.count && t->mean) s.value /= (double)s.count;
    return s;
}

fv_status fv_cam_score(fv_score *scores, const fv_tensor *logits, const fv_tensor *weights,
                       const fv_target *target, fv_error *err)
{
    layout l;
    FV_TRY(measure(&l, logits, weights, target, err));
    for (size_t i = 0; i < l.items; i++)
        scores[i] = score_item(logits->data, weights->data, i * l.positions, &l, target);
    return FV_OK;
}

/* Writes the seed of all classes at one position; w is the weight, already divided by the count for a mean.
 */
static void seed_at(float *seed, const float *z, const layout *l, const fv_target *t, double w)
{
    size_t c = (size_t)t->class_index;
    double slope, y = value_at(z, l, t, &slope);
    seed[c * l->inner] = (float)(w * slope);
    if (t->kind == FV_SCORE_CONTRAST) log_sum_others(z, l, c, seed, w);
    if (t->kind != FV_SCORE_SOFTMAX) return;
    double top, total = log_sum(z, l, &top);
    for (size_t k = 0; k < l->classes; k++)
        if (k != c) seed[k * l->inner] = (float)(-w * y * exp(z[k * l->inner] - top - total));
}

static void seed_item(float *seed, const float *logits, const float *w, size_t first, const layout *l,
                      const fv_target *t)
{
    size_t count = 0;
    for (size_t p = first; p < first + l->positions; p++) count += w[p] != 0;
    double scale = t->mean && count ? 1 / (double)count : 1;
    for (size_t p = first; p < first + l->positions; p++)
        if (w[p] != 0) seed_at(seed + offset_of(l, p), logits + offset_of(l, p), l, t, scale * w[p]);
}

fv_status fv_cam_seed(fv_tensor **seed, const fv_tensor *logits, const fv_tensor *weights,
                      const fv_target *target, fv_error *err)
{
    layout l;
    *seed = NULL;
    FV_TRY(measure(&l, logits, weights, target, err));
    FV_TRY(fv_tensor_full(seed, &logits->shape, 0, err));
    for (size_t i = 0; i < l.items; i++)
        seed_item((*seed)->data, logits->data, weights->data, i * l.positions, &l, target);
    return FV_OK;
}
