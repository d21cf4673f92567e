/* concat: the sources one after the other along an axis. Each is copied by its own step; oneDNN's concat
 * knows no backward pass and falls to a reference implementation on some channel counts. */
#include "ops/strided.h"

#include <limits.h>
#include <string.h>

typedef struct concat_attrs {
    int64_t axis;
} concat_attrs;

static const fv_attr rows[] = {
    {"axis", FV_ATTR_AXIS, offsetof(concat_attrs, axis), 1, "axis along which the sources are joined", NULL},
    {0}};

static int axis_of(const fv_node *node)
{
    const concat_attrs *a = node->attrs;
    return (int)(a->axis < 0 ? a->axis + node->shape.rank : a->axis);
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const concat_attrs *a = node->attrs;
    char first[FV_SHAPE_TEXT], text[FV_SHAPE_TEXT];
    int axis;
    node->shape = node->src[0]->shape;
    FV_TRY(fv_op_axis(a->axis, node->shape.rank, &axis, err));
    for (int k = 1; k < node->src_count; k++) {
        fv_shape other = node->src[k]->shape;
        int64_t size = other.rank > axis ? other.dim[axis] : 0;
        if (other.rank > axis) other.dim[axis] = node->shape.dim[axis];
        if (!fv_shape_equal(&other, &node->shape))
            return fv_fail(err, FV_STATUS_SHAPE,
                           "source 1 is %s, source %d is %s: they differ outside axis %d",
                           fv_shape_text(&node->src[0]->shape, first), k + 1,
                           fv_shape_text(&node->src[k]->shape, text), axis + 1);
        node->shape.dim[axis] += size;
    }
    return FV_OK;
}

/* The part of dst that belongs to a source, which begins at `start` along the axis; `from` is the source. */
static fv_strided part(const fv_node *node, int k, int64_t start, const fv_value *src, const fv_value *dst)
{
    const fv_shape *shape_of_part = &node->src[k]->shape;
    fv_strided s = {.rank = shape_of_part->rank};
    memcpy(s.dim, shape_of_part->dim, sizeof shape_of_part->dim);
    fv_value_strides(src, s.from);
    fv_value_strides(dst, s.to);
    s.to_offset = start * s.to[axis_of(node)];
    return s;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    int64_t start = 0;
    for (int k = 0; k < node->src_count; k++) {
        fv_strided s = part(node, k, start, fv_src(emit, k), fv_dst(emit));
        FV_TRY(fv_emit_strided(emit, "concat:own", &s, fv_src(emit, k), fv_dst(emit), err));
        start += node->src[k]->shape.dim[axis_of(node)];
    }
    return FV_OK;
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    int64_t start = 0;
    for (int k = 0; k < node->src_count; k++) {
        fv_value *diff_src = fv_diff_src(emit, k);
        if (diff_src) {
            fv_strided s = fv_strided_reverse(part(node, k, start, diff_src, fv_diff_dst(emit)));
            FV_TRY(fv_emit_strided(emit, "concat:own", &s, fv_diff_dst(emit), diff_src, err));
        }
        start += node->src[k]->shape.dim[axis_of(node)];
    }
    return FV_OK;
}

const fv_op fv_op_concat = {.name = "concat",
                            .doc = "the sources one after the other along an axis",
                            .src_min = 1,
                            .src_max = INT_MAX,
                            .parameters_from = INT_MAX,
                            .attrs_size = sizeof(concat_attrs),
                            .attrs = rows,
                            .layout = FV_OP_ANY,
                            .shape = shape,
                            .forward = forward,
                            .backward_data = backward_data};
