#include "cam/combine.h"

/* A feature tensor taken apart: items x channels x positions. */
typedef struct extent {
    size_t items, channels, positions;
} extent;

enum { BLOCK = 512 }; /* positions summed at a time: the double accumulators stay in the first cache level */

static fv_status measure(extent *out, const fv_tensor *t, const char *what, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    if (t->shape.rank < 3 || t->count == 0)
        return fv_fail(err, FV_STATUS_SHAPE,
                       "%s: wants N x C x spatial axes with at least one element, not %s", what,
                       fv_shape_text(&t->shape, text));
    out->items = (size_t)t->shape.dim[0];
    out->channels = (size_t)t->shape.dim[1];
    out->positions = t->count / out->items / out->channels;
    return FV_OK;
}

static fv_shape with_channels(const fv_tensor *t, int keep_channels, int keep_positions)
{
    fv_shape shape = t->shape;
    if (!keep_channels) shape.dim[1] = 1;
    for (int i = 2; i < shape.rank && !keep_positions; i++) shape.dim[i] = 1;
    return shape;
}

fv_status fv_cam_channel_weights(fv_tensor **alpha, const fv_tensor *gradient, fv_error *err)
{
    extent e;
    *alpha = NULL;
    FV_TRY(measure(&e, gradient, "channel weights", err));
    fv_shape shape = with_channels(gradient, 1, 0);
    FV_TRY(fv_tensor_new(alpha, &shape, err));
    float *out = (*alpha)->data;
#pragma omp parallel for schedule(static)
    for (size_t row = 0; row < e.items * e.channels; row++) {
        const float *g = gradient->data + row * e.positions;
        double sum = 0;
        for (size_t j = 0; j < e.positions; j++) sum += g[j];
        out[row] = (float)(sum / (double)e.positions);
    }
    return FV_OK;
}

/* Positions first .. first + n of one item. g is per channel (alpha) when g_step is 1 and g_next 0, and per
 * element otherwise: g_step and g_next are its strides over channels and positions. */
static void combine_block(float *map, const float *a, const float *g, const extent *e, size_t n,
                          size_t g_step, size_t g_next)
{
    double sum[BLOCK] = {0};
    for (size_t k = 0; k < e->channels; k++) {
        const float *ak = a + k * e->positions, *gk = g + k * g_step;
        if (g_next)
            for (size_t j = 0; j < n; j++) sum[j] += (double)ak[j] * gk[j];
        else
            for (size_t j = 0; j < n; j++) sum[j] += (double)ak[j] * *gk;
    }
    for (size_t j = 0; j < n; j++) map[j] = (float)sum[j];
}

static fv_status combine(fv_tensor **map, const fv_tensor *a, const fv_tensor *g, int per_element,
                         const extent *e, fv_error *err)
{
    fv_shape shape = with_channels(a, 0, 1);
    FV_TRY(fv_tensor_new(map, &shape, err));
    float *out = (*map)->data;
    size_t blocks = (e->positions + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < e->items * blocks; i++) {
        size_t item = i / blocks, first = i % blocks * BLOCK;
        size_t n = e->positions - first < BLOCK ? e->positions - first : BLOCK;
        const float *ai = a->data + item * e->channels * e->positions + first;
        const float *gi = g->data + (per_element ? (size_t)(ai - a->data) : item * e->channels);
        combine_block(out + item * e->positions + first, ai, gi, e, n, per_element ? e->positions : 1,
                      per_element ? 1 : 0);
    }
    return FV_OK;
}

fv_status fv_cam_combine_channels(fv_tensor **map, const fv_tensor *activation, const fv_tensor *alpha,
                                  fv_error *err)
{
    extent e;
    char ta[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    *map = NULL;
    FV_TRY(measure(&e, activation, "channel combination", err));
    if (alpha->count != e.items * e.channels)
        return fv_fail(err, FV_STATUS_SHAPE, "channel combination: weights %s do not fit the activation %s",
                       fv_shape_text(&alpha->shape, tw), fv_shape_text(&activation->shape, ta));
    return combine(map, activation, alpha, 0, &e, err);
}

fv_status fv_cam_combine_elements(fv_tensor **map, const fv_tensor *activation, const fv_tensor *gradient,
                                  fv_error *err)
{
    extent e;
    char ta[FV_SHAPE_TEXT], tg[FV_SHAPE_TEXT];
    *map = NULL;
    FV_TRY(measure(&e, activation, "element-wise combination", err));
    if (!fv_shape_equal(&activation->shape, &gradient->shape))
        return fv_fail(err, FV_STATUS_SHAPE,
                       "element-wise combination: gradient %s does not fit the activation %s",
                       fv_shape_text(&gradient->shape, tg), fv_shape_text(&activation->shape, ta));
    return combine(map, activation, gradient, 1, &e, err);
}
