#include "graph/op.h"

#include <math.h>
#include <string.h>

#define X(name) extern const fv_op fv_op_##name;
#include "ops/op_list.h"
#undef X

static const fv_op *const op_table[] = {
#define X(name) &fv_op_##name,
#include "ops/op_list.h"
#undef X
    NULL};

const fv_op *fv_op_at(int index)
{
    return index >= 0 && (size_t)index < sizeof op_table / sizeof *op_table ? op_table[index] : NULL;
}

const fv_op *fv_op_find(const char *name)
{
    for (int i = 0; op_table[i]; i++)
        if (strcmp(op_table[i]->name, name) == 0) return op_table[i];
    return NULL;
}

/* A value that is not finite leaves a list empty. */
static void set_number(const fv_attr *row, void *field, double value)
{
    switch (row->kind) {
    case FV_ATTR_INT:
    case FV_ATTR_AXIS:
    case FV_ATTR_INDEX:
        *(int64_t *)field = (int64_t)value;
        break;
    case FV_ATTR_FLOAT:
        *(double *)field = value;
        break;
    case FV_ATTR_BOOL:
    case FV_ATTR_CHOICE:
        *(int *)field = (int)value;
        break;
    case FV_ATTR_SPATIAL:
    case FV_ATTR_INTS:
    case FV_ATTR_AXES:
        if (isfinite(value)) *(fv_ints *)field = (fv_ints){1, {(int64_t)value}};
        break;
    case FV_ATTR_SPATIAL_FLOATS:
        if (isfinite(value)) *(fv_floats *)field = (fv_floats){1, {value}};
        break;
    }
}

void fv_op_defaults(const fv_op *op, void *attrs)
{
    if (op->attrs_size) memset(attrs, 0, op->attrs_size);
    for (const fv_attr *row = op->attrs; row && row->name; row++)
        if (!isnan(row->initial)) set_number(row, (char *)attrs + row->offset, row->initial);
}

static const fv_attr *find_attr(const fv_op *op, const char *name)
{
    for (const fv_attr *row = op->attrs; row && row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

fv_status fv_op_set(const fv_op *op, void *attrs, const char *name, double value, fv_error *err)
{
    const fv_attr *row = find_attr(op, name);
    if (!row) return fv_fail(err, FV_STATUS_ARGUMENT, "%s has no option '%s'", op->name, name);
    set_number(row, (char *)attrs + row->offset, value);
    return FV_OK;
}

fv_status fv_op_set_choice(const fv_op *op, void *attrs, const char *name, const char *choice, fv_error *err)
{
    const fv_attr *row = find_attr(op, name);
    for (int i = 0; row && row->choices && row->choices[i]; i++)
        if (strcmp(row->choices[i], choice) == 0) return fv_op_set(op, attrs, name, i, err);
    return fv_fail(err, FV_STATUS_ARGUMENT, "%s has no option '%s' with '%s'", op->name, name, choice);
}

double fv_op_get(const fv_op *op, const void *attrs, const char *name)
{
    const fv_attr *row = find_attr(op, name);
    if (!row) return 0.0;
    const void *field = (const char *)attrs + row->offset;
    switch (row->kind) {
    case FV_ATTR_FLOAT:
        return *(const double *)field;
    case FV_ATTR_INT:
    case FV_ATTR_AXIS:
    case FV_ATTR_INDEX:
        return (double)*(const int64_t *)field;
    case FV_ATTR_BOOL:
    case FV_ATTR_CHOICE:
        return *(const int *)field;
    default:
        return 0.0;
    }
}

static int is_list(const fv_attr *row)
{
    return row && (row->kind == FV_ATTR_SPATIAL || row->kind == FV_ATTR_INTS || row->kind == FV_ATTR_AXES);
}

fv_ints fv_op_get_list(const fv_op *op, const void *attrs, const char *name)
{
    const fv_attr *row = find_attr(op, name);
    return is_list(row) ? *(const fv_ints *)(const void *)((const char *)attrs + row->offset) : (fv_ints){0};
}

fv_status fv_op_set_list(const fv_op *op, void *attrs, const char *name, const fv_ints *list, fv_error *err)
{
    const fv_attr *row = find_attr(op, name);
    if (!is_list(row)) return fv_fail(err, FV_STATUS_ARGUMENT, "%s has no list '%s'", op->name, name);
    *(fv_ints *)(void *)((char *)attrs + row->offset) = *list;
    return FV_OK;
}

int fv_parameters_from(const fv_node *node)
{
    int from = node->op->parameters_from;
    return from < 0 ? node->src_count + from : from;
}

int64_t fv_spatial(const fv_ints *list, int i, int64_t fallback)
{
    if (list->count == 0) return fallback;
    return list->value[list->count == 1 ? 0 : i];
}

fv_status fv_check_spatial(const fv_ints *list, const char *name, int spatial, int64_t least, fv_error *err)
{
    if (list->count > 1 && list->count != spatial)
        return fv_fail(err, FV_STATUS_ARGUMENT, "%s has %d entries, src has %d spatial axes", name,
                       list->count, spatial);
    for (int i = 0; i < list->count; i++)
        if (list->value[i] < least)
            return fv_fail(err, FV_STATUS_ARGUMENT, "%s must be at least %lld, not %lld", name,
                           (long long)least, (long long)list->value[i]);
    return FV_OK;
}

fv_status fv_op_axis(int64_t axis, int rank, int *out, fv_error *err)
{
    int64_t resolved = axis < 0 ? axis + rank : axis;
    if (resolved < 0 || resolved >= rank)
        return fv_fail(err, FV_STATUS_ARGUMENT, "axis %lld does not exist in %d dimensions",
                       (long long)(axis < 0 ? axis : axis + 1), rank);
    *out = (int)resolved;
    return FV_OK;
}
