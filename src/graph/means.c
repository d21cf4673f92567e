/* Means of a gradient over the positions of a map: all that Grad-CAM wants of it. They are taken where the
 * gradient lies, which then need not stay. */
#include "graph/plan_internal.h"

#include "base/parallel.h"
#include "base/simd.h"

#include <math.h>

enum { LANES = 16, PIXELS = 32 }; /* channels, and positions, that are summed up together */

typedef struct means_call {
    int64_t items, channels, positions, next_channel, next_position;
} means_call;

/* Sums in the order of the positions, in double. */
FV_CLONES static void add_lanes(const float *g, int64_t step, int64_t n, double *sums, double *sizes)
{
    double sum[LANES], size[LANES];
    for (int c = 0; c < LANES; c++) sum[c] = sums[c], size[c] = sizes[c];
    for (int64_t i = 0; i < n; i++, g += step) {
#pragma omp simd
        for (int c = 0; c < LANES; c++) {
            double x = (double)g[c];
            sum[c] += x;
            size[c] += fabs(x);
        }
    }
    for (int c = 0; c < LANES; c++) sums[c] = sum[c], sizes[c] = size[c];
}

static void add_some(const float *g, int64_t step, int64_t n, int64_t next, int64_t lanes, double *sums,
                     double *sizes)
{
    for (int64_t c = 0; c < lanes; c++)
        for (int64_t i = 0; i < n; i++) {
            float x = g[i * step + c * next];
            sums[c] += (double)x;
            sizes[c] += (double)fabsf(x);
        }
}

/* Channels first to end of an item. */
static void channel_means(const means_call *call, const float *from, float *means, int64_t item,
                          int64_t first, int64_t end)
{
    double sums[4 * LANES] = {0}, sizes[4 * LANES] = {0};
    int64_t size = call->channels * call->positions;
    const float *g = from + item * size + first * call->next_channel;
    for (int64_t p = 0; p < call->positions; p += PIXELS) {
        int64_t n = call->positions - p < PIXELS ? call->positions - p : PIXELS;
        for (int64_t c = 0; c < end - first; c += LANES) {
            const float *at = g + p * call->next_position + c * call->next_channel;
            if (call->next_channel == 1 && end - first - c >= LANES)
                add_lanes(at, call->next_position, n, sums + c, sizes + c);
            else
                add_some(at, call->next_position, n, call->next_channel,
                         end - first - c < LANES ? end - first - c : LANES, sums + c, sizes + c);
        }
    }
    float *to = means + item * call->channels + first, *sizes_to = to + call->items * call->channels;
    for (int64_t c = 0; c < end - first; c++) {
        to[c] = (float)(sums[c] / (double)call->positions);
        sizes_to[c] = (float)(sizes[c] / (double)call->positions);
    }
}

/* Each thread takes whole channels, so their sums do not depend on how many there are. */
static void kernel(const void *context, float *const *data)
{
    const means_call *call = context;
    int64_t share = (call->channels * call->items + fv_threads() - 1) / fv_threads();
    int64_t chunk = share >= 4 * LANES ? 4 * LANES : share / LANES * LANES + LANES;
    int64_t chunks = (call->channels + chunk - 1) / chunk;
#pragma omp parallel for schedule(static)
    for (int64_t task = 0; task < call->items * chunks; task++) {
        int64_t first = task % chunks * chunk, end = first + chunk;
        channel_means(call, data[0], data[1], task / chunks, first,
                      end < call->channels ? end : call->channels);
    }
}

fv_status fv_plan_emit_means(fv_emit *emit, fv_error *err)
{
    fv_node_plan *own = &emit->plan->nodes[emit->node->id];
    const fv_shape *shape = &emit->node->shape;
    int64_t strides[FV_MAX_RANK];
    fv_shape size = fv_shape_of(3, (int64_t)2, shape->dim[0], shape->dim[1]);
    fv_value_strides(own->gradient, strides);
    means_call call = {.items = shape->dim[0],
                       .channels = shape->dim[1],
                       .positions = 1,
                       .next_channel = strides[1],
                       .next_position = strides[shape->rank - 1]};
    for (int i = 2; i < shape->rank; i++) call.positions *= shape->dim[i];
    FV_TRY(fv_plan_value_new(emit->plan, &size, 0, &own->means, err));
    emit->pass = "means";
    fv_emit_kernel k = {"means:own", kernel, &call, sizeof call, 1, 1, {own->gradient, own->means}};
    return fv_emit_call(emit, &k, err);
}
