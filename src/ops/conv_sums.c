/* Sums over all positions of the gradients of a convolution's sources: each weight times the sum of the
 * gradient of the result over the positions at which its tap lies inside of the source. So the gradient
 * itself need not be made. */
#include "base/simd.h"
#include "ops/conv_work.h"

#include <string.h>

enum {
    TAPS = 49,
    SHARE = 64,
    LANES = 16
}; /* most taps; channels that a thread sums at a time; sums side by side */

typedef struct sums_call {
    int64_t images, height, width, out_height, out_width, out_channels; /* of the source and the result */
    int64_t first, channels, weights_in;                                /* of the part in the weights */
    int64_t kernel[2], stride[2], dilation[2], pad[2];
    int factor; /* weights are to be multiplied by one for each result channel */
} sums_call;

/* Pixels of n channels; of one channel, LANES of them side by side. */
FV_CLONES static void add_pixels(double *to, const float *from, int64_t pixels, int64_t n)
{
    if (n == 1) {
        double lanes[LANES] = {0};
        for (; pixels >= LANES; pixels -= LANES, from += LANES) {
#pragma omp simd
            for (int i = 0; i < LANES; i++) lanes[i] += (double)from[i];
        }
        for (int i = 0; i < LANES; i++) *to += lanes[i];
    }
    for (; pixels > 0; pixels--, from += n) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to[i] += (double)from[i];
    }
}

FV_CLONES static void take_floats(double *from, const float *what, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) from[i] -= (double)what[i];
}

FV_CLONES static void add_doubles(double *to, const double *from, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

/* Channels that lie side by side, `taps` weights each. */
FV_CLONES static void add_products(double *to, const float *weights, const double *sums, int64_t taps,
                                   int64_t n)
{
    if (taps == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) to[i] += (double)weights[i] * sums[0];
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t k = 0; k < taps; k++) sum += (double)weights[i * taps + k] * sums[k];
        to[i] += sum;
    }
}

/* The results from *first to before *end, of which tap k meets the source. */
static void range_of(const sums_call *call, int axis, int64_t k, int64_t *first, int64_t *end)
{
    int64_t size = axis ? call->width : call->height, out = axis ? call->out_width : call->out_height;
    int64_t shift = call->pad[axis] - k * call->dilation[axis], stride = call->stride[axis];
    *first = shift > 0 ? (shift + stride - 1) / stride : 0;
    *end = size + shift > 0 ? (size - 1 + shift) / stride + 1 : 0;
    if (*end > out) *end = out;
}

/* For each column of taps the sum over its part of a row: that of the whole row without the rest. */
static void row_sums(const sums_call *call, const float *diff, double *rows)
{
    int64_t n = call->out_channels, across = call->kernel[1], first, end;
    double *whole = rows + across * n;
    memset(rows, 0, (size_t)((across + 1) * n) * sizeof *rows);
    add_pixels(whole, diff, call->out_width, n);
    for (int64_t v = 0; v < across; v++, rows += n) {
        range_of(call, 1, v, &first, &end);
        if (end <= first) continue;
        memcpy(rows, whole, (size_t)n * sizeof *rows);
        for (int64_t x = 0; x < first; x++) take_floats(rows, diff + x * n, n);
        for (int64_t x = end; x < call->out_width; x++) take_floats(rows, diff + x * n, n);
    }
}

/* One sum for each tap and channel; `rows` is room for those of a row. */
static void region_sums(const sums_call *call, const float *diff, double *rows, double *sums)
{
    int64_t n = call->out_channels, across = call->kernel[1], first, end;
    memset(sums, 0, (size_t)(call->kernel[0] * across * n) * sizeof *sums);
    for (int64_t y = 0; y < call->out_height; y++) {
        row_sums(call, diff + y * call->out_width * n, rows);
        for (int64_t u = 0; u < call->kernel[0]; u++) {
            range_of(call, 0, u, &first, &end);
            if (y >= first && y < end) add_doubles(sums + u * across * n, rows, across * n);
        }
    }
}

/* The factors are in the sums. */
static void channel_sums(const sums_call *call, const float *weights, const double *sums, int64_t first,
                         int64_t n, float *to)
{
    double total[SHARE] = {0}, at_tap[TAPS];
    int64_t taps = call->kernel[0] * call->kernel[1], out = call->out_channels;
    for (int64_t o = 0; o < out; o++) {
        for (int64_t k = 0; k < taps; k++) at_tap[k] = sums[k * out + o];
        add_products(total, weights + (o * call->weights_in + call->first + first) * taps, at_tap, taps, n);
    }
    for (int64_t i = 0; i < n; i++) to[i] = (float)total[i];
}

static void apply_factor(const sums_call *call, const float *factor, double *sums)
{
    for (int64_t k = 0; k < call->kernel[0] * call->kernel[1]; k++)
        for (int64_t o = 0; o < call->out_channels; o++) *sums++ *= (double)factor[o];
}

/* data: gradient of the result, weights, their factors; sums, scratch. Each channel is summed by one thread.
 */
static void kernel(const void *context, float *const *data)
{
    const sums_call *call = context;
    int64_t size = call->out_height * call->out_width * call->out_channels;
    const float *weights = data[1], *factor = call->factor ? data[2] : NULL;
    float *const *out = data + 2 + call->factor;
    double *sums = (double *)(void *)out[1];
    double *rows = sums + call->kernel[0] * call->kernel[1] * call->out_channels;
    for (int64_t image = 0; image < call->images; image++) {
        float *to = out[0] + image * call->channels;
        region_sums(call, data[0] + image * size, rows, sums);
        if (factor) apply_factor(call, factor, sums);
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < call->channels; i += SHARE)
            channel_sums(call, weights, sums, i, call->channels - i < SHARE ? call->channels - i : SHARE,
                         to + i);
    }
}

int fv_conv_has_sums(const fv_node *node, int source)
{
    const fv_conv_attrs *a = node->attrs;
    return node->shape.rank == 4 && a->groups == 1 && fv_conv_taps(node) <= TAPS &&
           source < fv_conv_view_of(node).parts;
}

static fv_status emit_part(const fv_node *node, fv_emit *emit, int part, fv_value *diff, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_shape *src = &node->src[part]->shape, *dst = &node->shape;
    int source = fv_conv_view_of(node).weights;
    const fv_shape *w = &node->src[source]->shape;
    fv_value *weights, *factor, *scratch;
    FV_TRY(fv_emit_unscaled(emit, source, &weights, &factor, err));
    sums_call call = {.images = src->dim[0],
                      .height = src->dim[2],
                      .width = src->dim[3],
                      .out_height = dst->dim[2],
                      .out_width = dst->dim[3],
                      .out_channels = dst->dim[1],
                      .first = fv_conv_first_channel(node, part),
                      .channels = src->dim[1],
                      .weights_in = w->dim[1],
                      .factor = factor != NULL};
    for (int i = 0; i < 2; i++) {
        call.kernel[i] = w->dim[i + 2];
        call.stride[i] = fv_spatial(&a->stride, i, 1);
        call.dilation[i] = fv_spatial(&a->dilation, i, 1);
        call.pad[i] = fv_spatial(&a->pad, i, 0);
    }
    int64_t doubles = ((call.kernel[0] + 1) * call.kernel[1] + 1) * call.out_channels;
    fv_shape size = fv_shape_of(1, 2 * doubles);
    FV_TRY(fv_emit_value(emit, &size, &scratch, err));
    fv_emit_kernel k = {"sums:own", kernel, &call, sizeof call, 2, 2, {diff, weights}};
    if (factor) k.value[k.read_count++] = factor;
    k.value[k.read_count] = fv_diff_sums(emit, part);
    k.value[k.read_count + 1] = scratch;
    return fv_emit_call(emit, &k, err);
}

fv_status fv_conv_backward_sums(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_value *diff;
    FV_TRY(fv_conv_open_diff(node, emit, &diff, err));
    for (int k = 0; k < fv_conv_view_of(node).parts; k++)
        if (fv_diff_sums(emit, k)) FV_TRY(emit_part(node, emit, k, diff, err));
    return FV_OK;
}
