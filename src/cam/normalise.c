#include "cam/normalise.h"

#include <math.h>
#include <stdlib.h>

typedef struct range {
    double min, max, positive_sum; /* positive_sum: of max(R, 0) */
    int finite;
} range;

/* A normaliser as out = clip((R - shift) / scale, low, high), and 1 - that when flip is set. */
typedef struct rule {
    double shift, scale, low, high;
    int flip;
} rule;

static range measure(const fv_tensor *map)
{
    range r = {.finite = 1};
    for (size_t i = 0; i < map->count; i++) {
        double v = map->data[i];
        r.finite &= isfinite(v) != 0;
        if (i == 0 || v < r.min) r.min = v;
        if (i == 0 || v > r.max) r.max = v;
        if (v > 0) r.positive_sum += v;
    }
    return r;
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The magnitude at which the cumulative sum of the sorted |R| reaches (100 - p) % of the total. */
static fv_status clip_value(double *value, const fv_tensor *map, double p, fv_error *err)
{
    float *sorted;
    double total = 0, sum = 0;
    *value = 0;
    FV_TRY(fv_calloc(&sorted, map->count, sizeof *sorted, err));
    for (size_t i = 0; i < map->count; i++) sorted[i] = fabsf(map->data[i]);
    qsort(sorted, map->count, sizeof *sorted, ascending);
    for (size_t i = 0; i < map->count; i++) total += sorted[i];
    /* Summed in the same order, so that p = 0 ends exactly at the maximum. */
    for (size_t i = 0; i < map->count && (i == 0 || sum < total * (1 - p / 100)); i++) {
        *value = sorted[i];
        sum += sorted[i];
    }
    fv_free(sorted);
    return FV_OK;
}

/* Fills the rule; a scale of 0 marks a degenerate map. */
static fv_status choose(rule *out, const fv_tensor *map, const range *r, fv_normaliser kind, double parameter,
                        fv_error *err)
{
    *out = (rule){0, 0, -INFINITY, INFINITY, 0};
    switch (kind) {
    case FV_NORMALISE_NONE:
        out->scale = 1;
        break;
    case FV_NORMALISE_RELU_MAX:
    case FV_NORMALISE_SUM:
        out->low = 0;
        out->scale = r->max <= 0 ? 0 : kind == FV_NORMALISE_SUM ? r->positive_sum : r->max;
        break;
    case FV_NORMALISE_MINMAX:
    case FV_NORMALISE_MINMAX_FLIPPED:
        out->shift = r->min;
        out->scale = r->max - r->min;
        out->flip = kind == FV_NORMALISE_MINMAX_FLIPPED;
        break;
    case FV_NORMALISE_ABSMAX:
        out->scale = fmax(-r->min, r->max);
        break;
    case FV_NORMALISE_PERCENTILE:
        if (!(parameter >= 0 && parameter < 100))
            return fv_fail(err, FV_STATUS_ARGUMENT, "normalise: percentile %g is not in 0..100", parameter);
        out->low = -1;
        out->high = 1;
        return clip_value(&out->scale, map, parameter, err);
    case FV_NORMALISE_COHORT:
        if (!(parameter >= 0 && isfinite(parameter)))
            return fv_fail(err, FV_STATUS_ARGUMENT, "normalise: scale %g is not a number >= 0", parameter);
        out->scale = parameter;
        break;
    }
    return FV_OK;
}

static void apply(fv_tensor *out, const fv_tensor *map, const rule *r)
{
    for (size_t i = 0; i < map->count; i++) {
        double v = (map->data[i] - r->shift) / r->scale;
        v = v < r->low ? r->low : v > r->high ? r->high : v;
        out->data[i] = (float)(r->flip ? 1 - v : v);
    }
}

fv_status fv_cam_normalise(fv_tensor **out, const fv_tensor *map, fv_normaliser kind, double parameter,
                           fv_map_status *map_status, fv_error *err)
{
    rule chosen = {0};
    range r = measure(map);
    *out = NULL;
    *map_status = r.finite ? FV_MAP_OK : FV_MAP_NONFINITE;
    if (kind == FV_NORMALISE_NONE) return fv_tensor_copy(out, map, err);
    if (r.finite) FV_TRY(choose(&chosen, map, &r, kind, parameter, err));
    if (r.finite && chosen.scale == 0) {
        int positive_only = kind == FV_NORMALISE_RELU_MAX || kind == FV_NORMALISE_SUM;
        *map_status = positive_only ? FV_MAP_ALL_NONPOSITIVE : FV_MAP_CONSTANT;
    }
    FV_TRY(fv_tensor_full(out, &map->shape, 0, err));
    if (*map_status == FV_MAP_OK) apply(*out, map, &chosen);
    return FV_OK;
}
