/* slice: elements first, first + step, ... up to last along one axis. */
#include "ops/axis_map.h"

#include <limits.h>

typedef struct slice_attrs {
    int64_t axis, first, last, step;
} slice_attrs;

static const fv_attr rows[] = {
    {"axis", FV_ATTR_AXIS, offsetof(slice_attrs, axis), FV_ATTR_REQUIRED, "axis that is cut", NULL},
    {"first", FV_ATTR_INDEX, offsetof(slice_attrs, first), 0, "first position", NULL},
    {"last", FV_ATTR_INDEX, offsetof(slice_attrs, last), -1, "last position, included", NULL},
    {"step", FV_ATTR_INT, offsetof(slice_attrs, step), 1, "distance; negative runs backwards", NULL},
    {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    slice_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    int axis;
    node->shape = node->src[0]->shape;
    FV_TRY(fv_op_axis(a->axis, node->shape.rank, &axis, err));
    int64_t size = node->shape.dim[axis];
    int64_t first = a->first < 0 ? a->first + size : a->first, last = a->last < 0 ? a->last + size : a->last;
    if (a->step == 0) return fv_fail(err, FV_STATUS_ARGUMENT, "step must not be 0");
    if (first < 0 || first >= size || last < 0 || last >= size)
        return fv_fail(err, FV_STATUS_ARGUMENT, "positions %lld to %lld are not all on axis %d of src, %s",
                       (long long)(a->first < 0 ? a->first : a->first + 1),
                       (long long)(a->last < 0 ? a->last : a->last + 1), axis + 1,
                       fv_shape_text(&node->shape, text));
    if ((last < first && a->step > 0) || (last > first && a->step < 0))
        return fv_fail(err, FV_STATUS_ARGUMENT,
                       "positions %lld to %lld of axis %d of src, %s, in steps of %lld: "
                       "nothing is left",
                       (long long)first + 1, (long long)last + 1, axis + 1, fv_shape_text(&node->shape, text),
                       (long long)a->step);
    *a = (slice_attrs){axis, first, last, a->step};
    node->shape.dim[axis] = (last - first) / a->step + 1;
    return FV_OK;
}

static fv_status make_map(const fv_node *node, int axis, fv_axis_map *map, fv_error *err)
{
    const slice_attrs *a = node->attrs;
    if (axis != a->axis) return FV_OK;
    FV_TRY(fv_axis_map_new(map, node->src[0]->shape.dim[axis], node->shape.dim[axis], 1, err));
    for (int64_t d = 0; d < map->to; d++) fv_axis_map_add(map, d, a->first + d * a->step, 1.0);
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_emit_axis_forward(node, emit, "slice:own", make_map, 0.0f, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_emit_axis_backward(node, emit, "slice:own", make_map, err);
}

const fv_op fv_op_slice = {.name = "slice",
                           .doc = "a range of positions along one axis",
                           .src_min = 1,
                           .src_max = 1,
                           .parameters_from = INT_MAX,
                           .attrs_size = sizeof(slice_attrs),
                           .attrs = rows,
                           .layout = FV_OP_ANY,
                           .shape = shape,
                           .forward = forward,
                           .backward_data = backward_data};
