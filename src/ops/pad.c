/* pad: more (or, with negative counts, fewer) elements at the ends of the axes:
 *   constant  the value        edge  the nearest element        reflect  mirrored at the outermost element,
 * which is not repeated (again at the other end, and so on, when the padding is longer than the axis)
 * Cropping comes first: only what is left is mirrored or repeated. */
#include "ops/axis_map.h"

#include <limits.h>

typedef struct pad_attrs {
    fv_ints before, after;
    int mode;
    double value;
} pad_attrs;

enum { MODE_CONSTANT, MODE_REFLECT, MODE_EDGE };
static const char *const modes[] = {"constant", "reflect", "edge", NULL};

static const fv_attr rows[] = {
    {"before", FV_ATTR_INTS, offsetof(pad_attrs, before), FV_ATTR_EMPTY,
     "elements added before each axis; default: none", NULL},
    {"after", FV_ATTR_INTS, offsetof(pad_attrs, after), FV_ATTR_EMPTY,
     "elements added after each axis; default: none", NULL},
    {"mode", FV_ATTR_CHOICE, offsetof(pad_attrs, mode), MODE_CONSTANT, "what is added", modes},
    {"value", FV_ATTR_FLOAT, offsetof(pad_attrs, value), 0, "of mode constant", NULL},
    {0}};

static int64_t entry(const fv_ints *list, int axis)
{
    return list->count ? list->value[axis] : 0;
}

/* Elements of an axis that stay. */
static int64_t kept(const fv_node *node, int axis)
{
    const pad_attrs *a = node->attrs;
    int64_t before = entry(&a->before, axis), after = entry(&a->after, axis);
    return node->src[0]->shape.dim[axis] + (before < 0 ? before : 0) + (after < 0 ? after : 0);
}

static fv_status check_list(const fv_ints *list, const char *name, const fv_shape *src, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    if (list->count && list->count != src->rank)
        return fv_fail(err, FV_STATUS_SHAPE, "%s has %d entries, src is %s", name, list->count,
                       fv_shape_text(src, text));
    for (int i = 0; i < list->count; i++)
        if (list->value[i] > INT32_MAX || list->value[i] < -INT32_MAX)
            return fv_fail(err, FV_STATUS_ARGUMENT, "%s: no padding by %lld", name,
                           (long long)list->value[i]);
    return FV_OK;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const pad_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    node->shape = node->src[0]->shape;
    FV_TRY(check_list(&a->before, "before", &node->shape, err));
    FV_TRY(check_list(&a->after, "after", &node->shape, err));
    for (int i = 0; i < node->shape.rank; i++) {
        int64_t before = entry(&a->before, i), after = entry(&a->after, i);
        node->shape.dim[i] += before + after;
        int from_nothing = a->mode != MODE_CONSTANT && (before > 0 || after > 0) && kept(node, i) < 1;
        if (node->shape.dim[i] < 1 || kept(node, i) < 0 || from_nothing)
            return fv_fail(
                err, FV_STATUS_SHAPE, "src is %s: %lld before and %lld after leave nothing of axis %d",
                fv_shape_text(&node->src[0]->shape, text), (long long)before, (long long)after, i + 1);
    }
    return FV_OK;
}

/* Which of n elements stands at position i, which may be outside; -1: none. */
static int64_t source_of(int64_t i, int64_t n, int mode)
{
    if (i >= 0 && i < n) return i;
    if (mode == MODE_CONSTANT) return -1;
    if (mode == MODE_EDGE) return i < 0 ? 0 : n - 1;
    if (n == 1) return 0;
    int64_t period = 2 * (n - 1), at = i % period;
    if (at < 0) at += period;
    return at < n ? at : period - at;
}

static fv_status make_map(const fv_node *node, int axis, fv_axis_map *map, fv_error *err)
{
    const pad_attrs *a = node->attrs;
    int64_t before = entry(&a->before, axis), after = entry(&a->after, axis), n = kept(node, axis);
    int64_t cropped = before < 0 ? -before : 0;
    if (!before && !after) return FV_OK;
    FV_TRY(fv_axis_map_new(map, node->src[0]->shape.dim[axis], node->shape.dim[axis], 1, err));
    for (int64_t d = 0; d < map->to; d++) {
        int64_t at = source_of(d - (before > 0 ? before : 0), n, a->mode);
        if (at >= 0) fv_axis_map_add(map, d, cropped + at, 1.0);
    }
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    const pad_attrs *a = node->attrs;
    return fv_emit_axis_forward(node, emit, "pad:own", make_map, (float)a->value, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_emit_axis_backward(node, emit, "pad:own", make_map, err);
}

const fv_op fv_op_pad = {.name = "pad",
                         .doc = "more or fewer elements at the ends of the axes",
                         .src_min = 1,
                         .src_max = 1,
                         .parameters_from = INT_MAX,
                         .attrs_size = sizeof(pad_attrs),
                         .attrs = rows,
                         .layout = FV_OP_ANY,
                         .shape = shape,
                         .forward = forward,
                         .backward_data = backward_data};
