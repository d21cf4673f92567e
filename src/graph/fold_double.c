/* Gradients through what doubles a map and the 3x3 convolution behind it, the usual two steps up a decoder:
 * together they are a convolution with 4x4 kernels and stride 2, of which a fast method is known where the
 * gradient is wanted before both (halves in ops/winograd.h). Its weights are made here, once. */
#include "graph/fold_internal.h"
#include "graph/scaled.h"

#include "base/clones.h"
#include <math.h>
#include <string.h>

enum { LANES = 16, TAPS = 9, PLACES = 4 };

static int has_choice(const fv_node *node, const char *name, const char *choice)
{
    const fv_attr *attr = node->op->attrs;
    while (strcmp(attr->name, name) != 0) attr++;
    return strcmp(attr->choices[(int)fv_op_get(node->op, node->attrs, name)], choice) == 0;
}

/* Whether it has stride 1 and kernels of size x size that leave the map as large as it is. */
static int is_plain(const fv_node *conv, int64_t size)
{
    fv_ints stride = fv_op_get_list(conv->op, conv->attrs, "stride"), kernel = fv_fold_kernel(conv);
    fv_ints dilation = fv_op_get_list(conv->op, conv->attrs, "dilation");
    fv_ints pad = fv_op_get_list(conv->op, conv->attrs, "pad");
    fv_ints pad_end = fv_op_get_list(conv->op, conv->attrs, "pad_end");
    if (conv->shape.rank != 4 || fv_op_get(conv->op, conv->attrs, "groups") != 1) return 0;
    for (int i = 0; i < 2; i++) {
        int64_t before = fv_spatial(&pad, i, 0);
        if (kernel.value[i] != size || before != size / 2 || fv_spatial(&pad_end, i, before) != size / 2 ||
            fv_spatial(&stride, i, 1) != 1 || fv_spatial(&dilation, i, 1) != 1)
            return 0;
    }
    return 1;
}

/* Whether each pixel is written to a block of 2x2. */
static int repeats_pixels(const fv_node *node)
{
    if (!fv_node_is(node, "resample") || !has_choice(node, "mode", "nearest")) return 0;
    if (has_choice(node, "coordinates", "half_pixel"))
        return !has_choice(node, "rounding", "floor") && !has_choice(node, "rounding", "ceil");
    return has_choice(node, "coordinates", "asymmetric") &&
           (has_choice(node, "rounding", "floor") || has_choice(node, "rounding", "round_prefer_floor"));
}

int fv_fold_is_doubling(fv_node *node, int is_upsample, fv_fold_doubling *out)
{
    *out = (fv_fold_doubling){.to = node, .first = is_upsample ? node->src[0] : node};
    if (node->shape.rank != 4 || !node->op) return 0;
    if (is_upsample ? fv_fold_has_activation(out->first) : !repeats_pixels(node)) return 0;
    const fv_node *from = out->first->src[0];
    return node->shape.dim[2] == 2 * from->shape.dim[2] && node->shape.dim[3] == 2 * from->shape.dim[3];
}

int fv_fold_takes_doubling(const fv_node *conv)
{
    return fv_node_is(conv, "conv") && is_plain(conv, 3) && fv_fold_has_fixed_weights(conv);
}

static double tiles(const fv_node *node, double size)
{
    return ceil((double)node->shape.dim[2] / size) * ceil((double)node->shape.dim[3] / size);
}

/* Multiplications both ways, for one backward pass, with what making the weights of 16x16 kernels ready
 * takes (measured: as long as 425 for each, and as 600 for four of 2x2). */
int fv_fold_doubling_pays(const fv_fold_doubling *doubling, int64_t out_channels)
{
    const fv_node *from = doubling->first->src[0], *to = doubling->to;
    double images = (double)to->shape.dim[0], out = (double)out_channels, in = (double)from->shape.dim[1];
    double between = (double)to->shape.dim[1], pixels = images * tiles(to, 1);
    double apart = (images * tiles(to, 4) * 36 + 425) * out * between;
    double together = (images * tiles(from, 5) * 4 * 36 + 600) * out * in;
    if (doubling->first != to) {
        apart += pixels * between * in;
        together += PLACES * TAPS * out * between * in;
    }
    return together < apart;
}

/* Where the product of place k of a block of 2x2 and tap t of a 3x3 kernel goes: phase, and tap of that. */
static int target_of(int k, int t)
{
    int y = k / 2 - t / 3 + 2, x = k % 2 - t % 3 + 2;
    return ((y + 1) % 2 * 2 + (x + 1) % 2) * 4 + y / 2 * 2 + x / 2;
}

/* For each tap the sum over the channels between: of kernels, 9 taps each, times rows of LANES. */
FV_CLONES static void add_channels(float sum[TAPS][LANES], const float *kernel, const float *rows,
                                   size_t step, size_t count)
{
    float own[TAPS][LANES] = {{0}};
    for (size_t m = 0; m < count; m++, kernel += TAPS, rows += step)
        for (int t = 0; t < TAPS; t++) {
#pragma omp simd
            for (int i = 0; i < LANES; i++) own[t][i] += kernel[t] * rows[i];
        }
    memcpy(sum, own, sizeof own);
}

/* The same of fewer columns than that. */
static void add_few(float sum[TAPS][LANES], const float *kernel, const float *rows, size_t step, size_t count,
                    size_t columns)
{
    for (size_t m = 0; m < count; m++, kernel += TAPS, rows += step)
        for (int t = 0; t < TAPS; t++)
            for (size_t i = 0; i < columns; i++) sum[t][i] += kernel[t] * rows[i];
}

typedef struct composing {
    const float *kernels; /* out x all x 9, from the first channel between on */
    const double *factor; /* of each row of them, or NULL */
    const float *block;   /* 4 x between x in; NULL: pixels are repeated */
    size_t out, all, between, in;
    float *to; /* 16 x out x in */
} composing;

/* Columns `first` to first + n of one row, for one place in the block. */
static void compose_place(const composing *c, int place, size_t o, size_t first, size_t n)
{
    float sum[TAPS][LANES] = {{0}};
    const float *kernel = c->kernels + o * c->all * TAPS;
    const float *rows = c->block ? c->block + (size_t)place * c->between * c->in + first : NULL;
    float factor = c->factor ? (float)c->factor[o] : 1.0f;
    if (rows && n == LANES)
        add_channels(sum, kernel, rows, c->in, c->between);
    else if (rows)
        add_few(sum, kernel, rows, c->in, c->between, n);
    for (size_t i = 0; i < n && !rows; i++)
        for (int t = 0; t < TAPS; t++) sum[t][i] = kernel[(first + i) * TAPS + (size_t)t];
    for (int t = 0; t < TAPS; t++) {
        float *to = c->to + ((size_t)target_of(place, t) * c->out + o) * c->in + first;
        for (size_t i = 0; i < n; i++) to[i] += sum[t][i] * factor;
    }
}

fv_status fv_fold_compose(const fv_fold_doubling *doubling, const fv_node *weights, int64_t first_channel,
                          int dry, fv_tensor **out, fv_error *err)
{
    const fv_tensor *kernels = weights->scaled ? weights->scaled->from : weights->tensor;
    size_t in = (size_t)doubling->first->src[0]->shape.dim[1];
    composing c = {.factor = weights->scaled ? weights->scaled->exact : NULL,
                   .out = (size_t)weights->shape.dim[0],
                   .all = (size_t)weights->shape.dim[1],
                   .between = (size_t)doubling->to->shape.dim[1],
                   .in = in};
    fv_shape shape = fv_shape_of(2, (int64_t)(4 * PLACES * c.out), (int64_t)in);
    if (dry) return fv_tensor_new(out, &shape, err);
    FV_TRY(fv_tensor_full(out, &shape, 0.0f, err));
    c.kernels = kernels->data + (size_t)first_channel * TAPS;
    c.block = doubling->first == doubling->to ? NULL : doubling->first->src[1]->tensor->data;
    c.to = (*out)->data;
#pragma omp parallel for schedule(static)
    for (size_t first = 0; first < in; first += LANES)
        for (int place = 0; place < PLACES; place++)
            for (size_t o = 0; o < c.out; o++)
                compose_place(&c, place, o, first, in - first < LANES ? in - first : LANES);
    return FV_OK;
}
