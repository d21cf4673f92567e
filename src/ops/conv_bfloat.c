#include "ops/conv_bfloat.h"

enum { LEAST = 64 }; /* products of a source element from which on rounding it pays */

int fv_conv_is_bfloat(const fv_node *node, const fv_emit *emit)
{
    const fv_conv_attrs *a = node->attrs;
    if (!fv_emit_is_bfloat(emit) || a->groups != 1) return 0;
    return fv_conv_taps(node) * node->shape.dim[1] >= LEAST && node->src[0]->shape.dim[1] >= 16;
}

fv_status fv_conv_round_weights(fv_conv_work *work, const fv_node *node, const fv_emit *emit, fv_error *err)
{
    if (!fv_conv_is_bfloat(node, emit)) return FV_OK;
    fv_md_free(work->any);
    work->any = NULL;
    return fv_md_bfloat(&work->any, &work->shape, NULL, err);
}

fv_status fv_conv_round_source(const fv_node *node, fv_emit *emit, fv_value *from, fv_value **out,
                               fv_error *err)
{
    int64_t strides[FV_MAX_RANK];
    fv_md *md;
    *out = from;
    if (!fv_conv_is_bfloat(node, emit)) return FV_OK;
    fv_value_strides(from, strides);
    FV_TRY(fv_md_bfloat(&md, fv_value_shape(from), strides, err));
    fv_status status = fv_emit_value_md(emit, md, out, err);
    fv_md_free(md);
    return status == FV_OK ? fv_emit_copy(emit, from, NULL, *out, NULL, err) : status;
}
