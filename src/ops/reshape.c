/* reshape: the same elements in row-major order under another shape; no step unless the layout changes. */
#include "graph/emit.h"

#include <limits.h>

typedef struct reshape_attrs {
    fv_ints shape;
} reshape_attrs;

static const fv_attr rows[] = {{"shape", FV_ATTR_INTS, offsetof(reshape_attrs, shape), FV_ATTR_REQUIRED,
                                "new shape; one entry may be -1: what is left", NULL},
                               {0}};

static fv_status refuse(const fv_node *node, const fv_shape *wanted, fv_error *err)
{
    char from[FV_SHAPE_TEXT], to[FV_SHAPE_TEXT];
    return fv_fail(err, FV_STATUS_SHAPE, "src is %s, it cannot become %s",
                   fv_shape_text(&node->src[0]->shape, from), fv_shape_text(wanted, to));
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const reshape_attrs *a = node->attrs;
    size_t count, known = 1;
    int open = -1;
    FV_TRY(fv_shape_count(&node->src[0]->shape, &count, err));
    node->shape.rank = a->shape.count;
    for (int i = 0; i < a->shape.count; i++) node->shape.dim[i] = a->shape.value[i];
    for (int i = 0; i < a->shape.count; i++) {
        int64_t size = a->shape.value[i];
        if (size < -1 || (size == -1 && open >= 0)) return refuse(node, &node->shape, err);
        if (size == -1)
            open = i;
        else if (__builtin_mul_overflow(known, (size_t)size, &known))
            return refuse(node, &node->shape, err);
    }
    if (open >= 0 ? known == 0 || count % known != 0 : known != count) return refuse(node, &node->shape, err);
    if (open >= 0) node->shape.dim[open] = (int64_t)(count / known);
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    (void)node;
    return fv_emit_alias(emit, fv_dst(emit), fv_src(emit, 0), err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    (void)node;
    return fv_emit_alias(emit, fv_diff_src(emit, 0), fv_diff_dst(emit), err);
}

const fv_op fv_op_reshape = {.name = "reshape",
                             .doc = "the same elements in row-major order under another shape",
                             .src_min = 1,
                             .src_max = 1,
                             .parameters_from = INT_MAX,
                             .attrs_size = sizeof(reshape_attrs),
                             .attrs = rows,
                             .layout = FV_OP_PLAIN,
                             .shape = shape,
                             .forward = forward,
                             .backward_data = backward_data};
