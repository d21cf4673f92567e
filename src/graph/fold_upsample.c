/* Transposed convolutions whose stride is their kernel, the usual way up: each position of the source makes a
 * block of the result of its own. So they are 1x1 convolutions with a channel for each place in the block,
 * which run at twice the speed, followed by a move. */
#include "graph/fold_internal.h"

#include <string.h>

/* Whether a list that has one entry per axis, or one for all, or none, is made of this value. */
static int all_are(const fv_node *node, const char *name, int64_t value)
{
    fv_ints list = fv_op_get_list(node->op, node->attrs, name);
    for (int i = 0; i < list.count; i++)
        if (list.value[i] != value) return 0;
    return 1;
}

fv_ints fv_fold_kernel(const fv_node *conv)
{
    const fv_shape *w = &conv->src[1]->shape;
    fv_ints kernel = {.count = w->rank - 2};
    for (int i = 0; i < kernel.count; i++) kernel.value[i] = w->dim[i + 2];
    return kernel;
}

int fv_fold_is_upsample(const fv_fold_chain *chain)
{
    const fv_node *conv = chain->conv;
    if (!fv_node_is(conv, "conv_transpose") || !fv_fold_has_fixed_weights(conv)) return 0;
    if (fv_fold_has_activation(conv)) return 0;
    fv_ints stride = fv_op_get_list(conv->op, conv->attrs, "stride"), kernel = fv_fold_kernel(conv);
    for (int i = 0; i < kernel.count; i++)
        if (fv_spatial(&stride, i, 1) != kernel.value[i]) return 0;
    return fv_op_get(conv->op, conv->attrs, "groups") == 1 && all_are(conv, "dilation", 1) &&
           all_are(conv, "pad", 0) && all_are(conv, "pad_end", 0) && all_are(conv, "output_pad", 0);
}

enum { LINE = 16 }; /* rows that are moved together: they fill a cache line */

/* Rows of a matrix I x (O k...) become columns of (k... O) x I. */
static void turn_rows(const float *from, float *to, size_t first, size_t in, size_t channels, size_t taps)
{
    size_t count = in - first < LINE ? in - first : LINE;
    from += first * channels * taps;
    for (size_t o = 0; o < channels; o++)
        for (size_t k = 0; k < taps; k++)
            for (size_t i = 0; i < count; i++)
                to[(k * channels + o) * in + first + i] = from[(i * channels + o) * taps + k];
}

/* I x O x k... becomes (k... O) x I x 1... */
fv_status fv_fold_block_weights(const fv_tensor *from, int dry, fv_tensor **out, fv_error *err)
{
    size_t in = (size_t)from->shape.dim[0], channels = (size_t)from->shape.dim[1];
    size_t taps = from->count ? from->count / (in * channels) : 0;
    fv_shape shape = {.rank = from->shape.rank, .dim = {(int64_t)(taps * channels), (int64_t)in}};
    for (int i = 2; i < shape.rank; i++) shape.dim[i] = 1;
    FV_TRY(fv_tensor_new(out, &shape, err));
    size_t rows = dry ? 0 : in;
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < rows; i += LINE) turn_rows(from->data, (*out)->data, i, in, channels, taps);
    return FV_OK;
}

fv_status fv_fold_block_bias(const fv_tensor *from, int64_t taps, fv_tensor **out, fv_error *err)
{
    fv_shape shape = {.rank = 1, .dim = {taps * from->shape.dim[0]}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    for (int64_t k = 0; k < taps; k++)
        memcpy((*out)->data + (size_t)k * from->count, from->data, from->count * sizeof(float));
    return FV_OK;
}
