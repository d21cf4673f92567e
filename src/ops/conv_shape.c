/* Shape rule and cost of conv and conv_transpose. */
#include "ops/conv.h"

fv_conv_view fv_conv_view_of(const fv_node *node)
{
    int weights = fv_parameters_from(node);
    const fv_conv_attrs *a = node->attrs;
    fv_conv_view view = {weights, -1, -1, weights, weights + 1 < node->src_count ? weights + 1 : -1};
    if (a->behind) view.behind = view.parts -= 2;
    if (a->addend) view.addend = --view.parts;
    return view;
}

int64_t fv_conv_first_channel(const fv_node *node, int part)
{
    int64_t first = 0;
    for (int k = 0; k < part; k++) first += node->src[k]->shape.dim[1];
    return first;
}

int64_t fv_conv_taps(const fv_node *node)
{
    const fv_shape *w = &node->src[fv_parameters_from(node)]->shape;
    int64_t taps = 1;
    for (int i = 2; i < w->rank; i++) taps *= w->dim[i];
    return taps;
}

/* The parts of conv_sum differ in their channels alone. */
static fv_status check_parts(const fv_node *node, fv_error *err)
{
    fv_conv_view view = fv_conv_view_of(node);
    const fv_shape *first = &node->src[0]->shape;
    char ta[FV_SHAPE_TEXT], tb[FV_SHAPE_TEXT];
    if (view.parts < 1) return fv_fail(err, FV_STATUS_ARGUMENT, "there is nothing to convolve");
    if (view.parts > 1 && ((const fv_conv_attrs *)node->attrs)->groups != 1)
        return fv_fail(err, FV_STATUS_ARGUMENT, "several sources have no groups");
    for (int k = 1; k < view.parts; k++) {
        fv_shape other = node->src[k]->shape;
        if (other.rank > 1 && first->rank > 1) other.dim[1] = first->dim[1];
        if (!fv_shape_equal(&other, first))
            return fv_fail(err, FV_STATUS_SHAPE,
                           "source 1 is %s, source %d is %s: they differ outside axis 2",
                           fv_shape_text(first, ta), k + 1, fv_shape_text(&node->src[k]->shape, tb));
    }
    return FV_OK;
}

static fv_status check_addend(const fv_node *node, fv_error *err)
{
    fv_conv_view view = fv_conv_view_of(node);
    char ta[FV_SHAPE_TEXT], tb[FV_SHAPE_TEXT];
    if (view.addend < 0 || fv_shape_equal(&node->src[view.addend]->shape, &node->shape)) return FV_OK;
    return fv_fail(err, FV_STATUS_SHAPE, "the addend is %s, the convolution gives %s",
                   fv_shape_text(&node->src[view.addend]->shape, ta), fv_shape_text(&node->shape, tb));
}

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
    fv_conv_view view = fv_conv_view_of(node);
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[view.weights]->shape;
    int64_t channels = fv_conv_first_channel(node, view.parts);
    int64_t in = transposed ? weights->dim[0] : weights->dim[1] * a->groups;
    int64_t out = transposed ? weights->dim[1] * a->groups : weights->dim[0];
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    if (in != channels || in % a->groups || out % a->groups)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s with %lld channels, weights are %s with %lld groups",
                       fv_shape_text(src, ts), (long long)channels, fv_shape_text(weights, tw),
                       (long long)a->groups);
    if (view.bias >= 0) {
        const fv_shape *bias = &node->src[view.bias]->shape;
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
    int64_t extent =
        fv_spatial(&a->dilation, i, 1) * (node->src[fv_parameters_from(node)]->shape.dim[i + 2] - 1) + 1;
    int64_t stride = fv_spatial(&a->stride, i, 1), size = node->src[0]->shape.dim[i + 2];
    if (transposed) return (size - 1) * stride - pads + extent + fv_spatial(&a->output_pad, i, 0);
    return size + pads < extent ? 0 : (size + pads - extent) / stride + 1;
}

/* The part is twice as large as what lies behind it. */
static fv_status check_behind(const fv_node *node, fv_error *err)
{
    fv_conv_view view = fv_conv_view_of(node);
    int64_t part = ((const fv_conv_attrs *)node->attrs)->behind;
    char ta[FV_SHAPE_TEXT], tb[FV_SHAPE_TEXT];
    if (view.behind < 0) return FV_OK;
    if (part < 1 || part > view.parts)
        return fv_fail(err, FV_STATUS_ARGUMENT, "behind is %lld, of %d sources", (long long)part, view.parts);
    const fv_shape *to = &node->src[part - 1]->shape, *from = &node->src[view.behind]->shape;
    const fv_shape *weights = &node->src[view.behind + 1]->shape;
    fv_shape twice = *from, wanted = fv_shape_of(2, 16 * node->shape.dim[1], from->dim[1]);
    twice.dim[1] = to->dim[1];
    for (int i = 2; i < twice.rank; i++) twice.dim[i] *= 2;
    if (from->rank != 4 || !fv_shape_equal(&twice, to) || node->shape.dim[2] != to->dim[2] ||
        node->shape.dim[3] != to->dim[3])
        return fv_fail(err, FV_STATUS_SHAPE,
                       "source %lld is %s, behind it is %s: not half of it and the result", (long long)part,
                       fv_shape_text(to, ta), fv_shape_text(from, tb));
    if (!fv_shape_equal(weights, &wanted))
        return fv_fail(err, FV_STATUS_SHAPE, "weights of what is behind are %s, not %s",
                       fv_shape_text(weights, ta), fv_shape_text(&wanted, tb));
    return FV_OK;
}

fv_status fv_conv_shape(fv_node *node, int transposed, fv_error *err)
{
    const fv_shape *src = &node->src[0]->shape, *weights = &node->src[fv_parameters_from(node)]->shape;
    char ts[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    FV_TRY(check_parts(node, err));
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
    FV_TRY(check_behind(node, err));
    return check_addend(node, err);
}

double fv_conv_macs(const fv_node *node, const fv_shape *over)
{
    const fv_shape *w = &node->src[fv_parameters_from(node)]->shape;
    double n = (double)over->dim[0] * (double)w->dim[0] * (double)w->dim[1];
    for (int i = 2; i < w->rank; i++) n *= (double)w->dim[i] * (double)over->dim[i];
    return n;
}
