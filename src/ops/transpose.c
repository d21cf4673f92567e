/* transpose: dst[i] = src[j] where axis k of dst is axis permutation[k] of src. */
#include "ops/strided.h"

#include <limits.h>
#include <string.h>

typedef struct transpose_attrs {
    fv_ints permutation;
} transpose_attrs;

static const fv_attr rows[] = {{"permutation", FV_ATTR_AXES, offsetof(transpose_attrs, permutation),
                                FV_ATTR_REQUIRED, "axes of src in the order of dst", NULL},
                               {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    const transpose_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char text[FV_SHAPE_TEXT];
    unsigned seen = 0;
    if (a->permutation.count != src->rank)
        return fv_fail(err, FV_STATUS_SHAPE, "permutation has %d entries, src is %s", a->permutation.count,
                       fv_shape_text(src, text));
    node->shape.rank = src->rank;
    for (int i = 0; i < src->rank; i++) {
        int axis;
        FV_TRY(fv_op_axis(a->permutation.value[i], src->rank, &axis, err));
        if (seen & 1u << axis)
            return fv_fail(err, FV_STATUS_ARGUMENT, "permutation names axis %d twice", axis + 1);
        seen |= 1u << axis;
        node->shape.dim[i] = src->dim[axis];
    }
    return FV_OK;
}

static fv_strided view(const fv_node *node, const fv_value *src, const fv_value *dst)
{
    const transpose_attrs *a = node->attrs;
    fv_strided s = {.rank = node->shape.rank};
    int64_t stride[FV_MAX_RANK];
    fv_value_strides(src, stride);
    fv_value_strides(dst, s.to);
    for (int i = 0; i < s.rank; i++) {
        int64_t axis = a->permutation.value[i];
        s.dim[i] = node->shape.dim[i];
        s.from[i] = stride[axis < 0 ? axis + s.rank : axis];
    }
    return s;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_strided s = view(node, fv_src(emit, 0), fv_dst(emit));
    return fv_emit_strided(emit, "transpose:own", &s, fv_src(emit, 0), fv_dst(emit), err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_strided s = fv_strided_reverse(view(node, fv_diff_src(emit, 0), fv_diff_dst(emit)));
    return fv_emit_strided(emit, "transpose:own", &s, fv_diff_dst(emit), fv_diff_src(emit, 0), err);
}

const fv_op fv_op_transpose = {.name = "transpose",
                               .doc = "the axes in another order",
                               .src_min = 1,
                               .src_max = 1,
                               .parameters_from = INT_MAX,
                               .attrs_size = sizeof(transpose_attrs),
                               .attrs = rows,
                               .layout = FV_OP_ANY,
                               .shape = shape,
                               .forward = forward,
                               .backward_data = backward_data};
