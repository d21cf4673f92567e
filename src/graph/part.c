/* Boxes of the values that a plan is given: set from outside between runs, while the rest stays as it was. */
#include "graph/plan_internal.h"

#include <string.h>

/* A box of one batch item: where it begins in both tensors (spatial axes, padded to three with leading ones),
 * its size, and the steps between elements. */
typedef struct box {
    int64_t channels, size[3];
    int64_t to_channel, to_step[3], from_channel, from_step[3];
    float *to;
    const float *from;
} box;

/* Elements of a row that are moved at a time, so that both sides stay in the first cache. */
enum { RUN = 16 };

static void copy_row(const box *b, float *to, const float *from)
{
    int64_t width = b->size[2], to_step = b->to_step[2], from_step = b->from_step[2];
    for (int64_t x0 = 0; x0 < width; x0 += RUN) {
        int64_t end = x0 + RUN < width ? x0 + RUN : width;
        for (int64_t c = 0; c < b->channels; c++)
            for (int64_t x = x0; x < end; x++)
                to[c * b->to_channel + x * to_step] = from[c * b->from_channel + x * from_step];
    }
}

static void copy_box(const box *b)
{
    int64_t rows = b->size[0] * b->size[1];
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        int64_t z = row / b->size[1], y = row % b->size[1];
        copy_row(b, b->to + z * b->to_step[0] + y * b->to_step[1],
                 b->from + z * b->from_step[0] + y * b->from_step[1]);
    }
}

static int is_inside(const fv_shape *shape, int64_t item, const fv_ints *at, const fv_ints *size)
{
    if (item < 0 || item >= shape->dim[0]) return 0;
    for (int i = 0; i < size->count; i++)
        if (at->value[i] < 0 || size->value[i] < 0 || at->value[i] > shape->dim[i + 2] - size->value[i])
            return 0;
    return 1;
}

static fv_status check(const fv_plan_part *part, const fv_node *node, fv_error *err)
{
    char text[FV_SHAPE_TEXT], other[FV_SHAPE_TEXT];
    const fv_shape *to = &node->shape, *from = &part->tensor->shape;
    if (to->rank < 3 || to->rank > 5 || from->rank != to->rank || from->dim[1] != to->dim[1])
        return fv_fail(err, FV_STATUS_SHAPE, "set_part: node '%s' is %s, the tensor is %s", node->name,
                       fv_shape_text(to, text), fv_shape_text(from, other));
    int spatial = to->rank - 2;
    if (part->size.count != spatial || part->at.count != spatial || part->from.count != spatial)
        return fv_fail(err, FV_STATUS_ARGUMENT, "set_part: node '%s' has %d spatial axes", node->name,
                       spatial);
    if (!is_inside(to, part->item, &part->at, &part->size) ||
        !is_inside(from, part->from_item, &part->from, &part->size))
        return fv_fail(err, FV_STATUS_SHAPE,
                       "set_part: the box does not fit: node '%s' is %s, the tensor is %s", node->name,
                       fv_shape_text(to, text), fv_shape_text(from, other));
    return FV_OK;
}

static void set_part(const fv_value *value, const fv_plan_part *part)
{
    int64_t to[FV_MAX_RANK], from[FV_MAX_RANK];
    int spatial = value->shape.rank - 2;
    fv_value_strides(value, to);
    fv_shape_strides(&part->tensor->shape, from);
    box b = {
        .channels = value->shape.dim[1], .size = {1, 1, 1}, .to_channel = to[1], .from_channel = from[1]};
    b.to = value->storage->data + part->item * to[0];
    b.from = part->tensor->data + part->from_item * from[0];
    for (int i = 0; i < spatial; i++) {
        int axis = i + 3 - spatial;
        b.size[axis] = part->size.value[i];
        b.to_step[axis] = to[i + 2];
        b.from_step[axis] = from[i + 2];
        b.to += part->at.value[i] * to[i + 2];
        b.from += part->from.value[i] * from[i + 2];
    }
    copy_box(&b);
}

fv_status fv_plan_set_part(fv_plan *plan, const fv_node *node, const fv_plan_part *part, fv_error *err)
{
    fv_value *value;
    FV_TRY(fv_plan_input_value(plan, node, "set_part", &value, err));
    FV_TRY(check(part, node, err));
    set_part(value, part);
    return FV_OK;
}

void fv_plan_copy_in(const fv_value *value, const fv_tensor *tensor)
{
    if (!value->channels_last) {
        if (tensor->count) memcpy(value->storage->data, tensor->data, tensor->count * sizeof(float));
        return;
    }
    fv_plan_part part = {.tensor = tensor, .size = {.count = value->shape.rank - 2}};
    part.at.count = part.from.count = part.size.count;
    for (int i = 0; i < part.size.count; i++) part.size.value[i] = value->shape.dim[i + 2];
    for (part.item = 0; part.item < value->shape.dim[0]; part.item++) {
        part.from_item = part.item;
        set_part(value, &part);
    }
}
