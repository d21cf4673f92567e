/* Shape rule and cost of conv and conv_transpose. */
#include "ops/conv.h"

static fv_status check_attrs(const fv_node *node, int spatial, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    FV_TRY(fv_check_spatial(&a->stride, "stride", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->dilation, "dilation", spatial, 1, err));
    FV_TRY(fv_check_spatial(&a->pad, "pad", spatial, 0, err));
    FV_TRY(fv_check_spatial(&a->pad_end, "pad_end", spatial, 0, err));
    FV_TRY(fv_check_spatial(&a->output_pad, "output_pad", spatial, 0, err));
    if (a->groups < 1)
        return fv_fail(err, FV_STATUS_ARGUMENT, "groups must be at least 1, not %lld", (long long)a->groups);
    return FV_OK;
}

/* Channel counts of src, weights and bias must agree; sets the channels of dst. */
static fv_status check_channels(fv_node *node, int transposed, fv_error *err)
{
    const fv_conv_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[1]->shape;
    int64_t in = transposed ? weights->dim[0] : weights->dim[1] * a->groups;
    int64_t out = transposed ? weights->dim[1] * a->groups : weights->dim[0];
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (in != src->dim[1] || in % a->groups || out % a->groups)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s with %lld channels, weights are %s with %lld groups",
                       fv_shape_text(src, ts), (long long)src->dim[1], fv_shape_text(weights, tw),
                       (long long)a->groups);
    if (node->src_count > 2) {
        const fv_shape *bias = &node->src[2]->shape;
        if (bias->rank != 1 || bias->dim[0] != out)
            return fv_fail(err, FV_STATUS_SHAPE, "bias is %s, weights are %s: it needs %lld entries",
                           fv_shape_text(bias, ts), fv_shape_text(weights, tw), (long long)out);
    }
    node->shape.dim[1] = out;
    return FV_OK;
}

/* Size of dst along spatial axis i. */
static int64_t dst_size(const fv_node *node, int transposed, int i)
{
    const fv_conv_attrs *a = node->attrs;
    int64_t pad = fv_spatial(&a->pad, i, 0);
    int64_t pads = pad + fv_spatial(&a->pad_end, i, pad);
    int64_t extent = fv_spatial(&a->dilation, i, 1) * (node->src[1]->shape.dim[i + 2] - 1) + 1;
    int64_t stride = fv_spatial(&a->stride, i, 1), size = node->src[0]->shape.dim[i + 2];
    if (transposed) return (size - 1) * stride - pads + extent + fv_spatial(&a->output_pad, i, 0);
    return size + pads < extent ? 0 : (size + pads - extent) / stride + 1;
}

fv_status fv_conv_shape(fv_node *node, int transposed, fv_error *err)
{
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[1]->shape;
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (src->rank < 3 || src->rank > 5 || weights->rank != src->rank)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s, weights are %s: both need 3 to 5 dimensions",
                       fv_shape_text(src, ts), fv_shape_text(weights, tw));
    FV_TRY(check_attrs(node, src->rank - 2, err));
    node->shape = *src;
    FV_TRY(check_channels(node, transposed, err));
    for (int i = 0; i < src->rank - 2; i++) {
        node->shape.dim[i + 2] = dst_size(node, transposed, i);
        if (node->shape.dim[i + 2] < 1)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s, weights are %s: nothing is left of axis %d",
                           fv_shape_text(src, ts), fv_shape_text(weights, tw), i + 3);
    }
    return FV_OK;
}

double fv_conv_macs(const fv_node *node, const fv_shape *over)
{
    const fv_shape *w = &node->src[1]->shape;
    double n = (double)over->dim[0] * (double)w->dim[0] * (double)w->dim[1];
    for (int i = 2; i < w->rank; i++) n *= (double)w->dim[i] * (double)over->dim[i];
    return n;
}
