/* expand: repeats axes of size 1 up to a shape, aligned at the right (NumPy's broadcasting). The gradient is
 * the sum over the repetitions. */
#include "ops/axis_map.h"
#include "ops/strided.h"

#include <limits.h>

typedef struct expand_attrs {
    fv_ints shape;
} expand_attrs;

static const fv_attr rows[] = {{"shape", FV_ATTR_INTS, offsetof(expand_attrs, shape), FV_ATTR_REQUIRED,
                                "shape of dst; axes of src that are not 1 keep their size", NULL},
                               {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    const expand_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char from[FV_SHAPE_TEXT], to[FV_SHAPE_TEXT];
    int added = a->shape.count - src->rank, fits = added >= 0;
    node->shape.rank = a->shape.count;
    for (int i = 0; i < a->shape.count; i++) {
        node->shape.dim[i] = a->shape.value[i];
        fits = fits && a->shape.value[i] >= 0 &&
               (i < added || src->dim[i - added] == 1 || src->dim[i - added] == a->shape.value[i]);
    }
    if (fits) return FV_OK;
    return fv_fail(err, FV_STATUS_SHAPE, "src is %s, it does not stretch to %s", fv_shape_text(src, from),
                   fv_shape_text(&node->shape, to));
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_value *src = fv_src(emit, 0);
    const fv_shape *small = fv_value_shape(src);
    fv_strided s = {.rank = node->shape.rank};
    int64_t stride[FV_MAX_RANK];
    int added = s.rank - small->rank;
    fv_value_strides(src, stride);
    fv_value_strides(fv_dst(emit), s.to);
    for (int i = 0; i < s.rank; i++) {
        s.dim[i] = node->shape.dim[i];
        if (i >= added && small->dim[i - added] > 1) s.from[i] = stride[i - added];
    }
    return fv_emit_strided(emit, "expand:own", &s, src, fv_dst(emit), err);
}

/* target has the rank and layout of dst. */
static fv_status sum_repetitions(const fv_node *node, fv_emit *emit, fv_value *target, fv_error *err)
{
    fv_axis_map maps[FV_MAX_RANK] = {{0}};
    fv_status status = FV_OK;
    for (int i = 0; i < node->shape.rank && status == FV_OK; i++) {
        int64_t n = node->shape.dim[i];
        if (fv_value_shape(target)->dim[i] == n) continue;
        status = fv_axis_map_new(&maps[i], n, 1, n, err);
        for (int64_t k = 0; k < n && status == FV_OK; k++) fv_axis_map_add(&maps[i], 0, k, 1.0);
    }
    if (status == FV_OK)
        status = fv_emit_axis_maps(emit, "expand:own", maps, 0.0f, fv_diff_dst(emit), target, err);
    for (int i = 0; i < FV_MAX_RANK; i++) fv_axis_map_free(&maps[i]);
    return status;
}

/* When axes were put in front, the sum has them too; they go by looking at it as the shape of src. */
static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    fv_value *diff_src = fv_diff_src(emit, 0), *sum, *same;
    const fv_shape *small = fv_value_shape(diff_src);
    fv_shape aligned = {.rank = node->shape.rank};
    int added = aligned.rank - small->rank;
    if (!added) return sum_repetitions(node, emit, diff_src, err);
    for (int i = 0; i < aligned.rank; i++) aligned.dim[i] = i < added ? 1 : small->dim[i - added];
    FV_TRY(fv_emit_value(emit, &aligned, &sum, err));
    FV_TRY(sum_repetitions(node, emit, sum, err));
    FV_TRY(fv_emit_value(emit, small, &same, err));
    FV_TRY(fv_emit_alias(emit, same, sum, err));
    return fv_emit_copy(emit, same, NULL, diff_src, NULL, err);
}

const fv_op fv_op_expand = {.name = "expand",
                            .doc = "repeats axes of size 1 up to a shape",
                            .src_min = 1,
                            .src_max = 1,
                            .parameters_from = INT_MAX,
                            .attrs_size = sizeof(expand_attrs),
                            .attrs = rows,
                            .layout = FV_OP_ANY,
                            .shape = shape,
                            .forward = forward,
                            .backward_data = backward_data};
