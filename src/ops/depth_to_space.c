/* depth_to_space: blocks of channels become blocks of pixels, in 1 to 3 spatial dimensions;
 * space_to_depth: its inverse, and so its backward pass. A channel of the deep side is (block position,
 * channel) in order "dcr", (channel, block position) in order "crd" (PyTorch's pixel shuffle). */
#include "ops/strided.h"

#include <limits.h>

typedef struct block_attrs {
    fv_ints block;
    int order;
} block_attrs;

enum { ORDER_DCR, ORDER_CRD };
static const char *const orders[] = {"dcr", "crd", NULL};

static const fv_attr rows[] = {{"block", FV_ATTR_SPATIAL, offsetof(block_attrs, block), FV_ATTR_REQUIRED,
                                "pixels of a block along an axis", NULL},
                               {"order", FV_ATTR_CHOICE, offsetof(block_attrs, order), ORDER_DCR,
                                "of the channels: block position first or last", orders},
                               {0}};

/* Pixels of a block in all spatial axes; 0 when that is more than any channel count. */
static int64_t block_size(const fv_node *node)
{
    const block_attrs *a = node->attrs;
    int64_t size = 1;
    for (int i = 2; i < node->src[0]->shape.rank; i++)
        if (__builtin_mul_overflow(size, fv_spatial(&a->block, i - 2, 1), &size)) return 0;
    return size;
}

static fv_status check(fv_node *node, fv_error *err)
{
    const block_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    node->shape = node->src[0]->shape;
    if (node->shape.rank < 3 || node->shape.rank > 5)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: it needs 3 to 5 dimensions",
                       fv_shape_text(&node->shape, text));
    FV_TRY(fv_check_spatial(&a->block, "block", node->shape.rank - 2, 1, err));
    if (!block_size(node))
        return fv_fail(err, FV_STATUS_ARGUMENT, "block is %lld for src %s", (long long)a->block.value[0],
                       fv_shape_text(&node->shape, text));
    return FV_OK;
}

static fv_status to_space_shape(fv_node *node, fv_error *err)
{
    const block_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    FV_TRY(check(node, err));
    if (node->shape.dim[1] % block_size(node))
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: blocks of %lld do not divide its channels",
                       fv_shape_text(&node->shape, text), (long long)block_size(node));
    node->shape.dim[1] /= block_size(node);
    for (int i = 2; i < node->shape.rank; i++) node->shape.dim[i] *= fv_spatial(&a->block, i - 2, 1);
    return FV_OK;
}

static fv_status to_depth_shape(fv_node *node, fv_error *err)
{
    const block_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    FV_TRY(check(node, err));
    for (int i = 2; i < node->shape.rank; i++) {
        int64_t block = fv_spatial(&a->block, i - 2, 1);
        if (node->shape.dim[i] % block)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s: blocks of %lld do not divide axis %d",
                           fv_shape_text(&node->src[0]->shape, text), (long long)block, i + 1);
        node->shape.dim[i] /= block;
    }
    node->shape.dim[1] *= block_size(node);
    return FV_OK;
}

/* From the deep to the wide side: axes N, C, then (position, position in the block) per spatial axis. */
static fv_strided view(const fv_node *node, const fv_value *deep, const fv_value *wide)
{
    const block_attrs *a = node->attrs;
    const fv_shape *small = fv_value_shape(deep), *large = fv_value_shape(wide);
    fv_strided s = {.rank = 2 * small->rank - 2, .dim = {small->dim[0], large->dim[1]}};
    int64_t from[FV_MAX_RANK], to[FV_MAX_RANK], step;
    fv_value_strides(deep, from);
    fv_value_strides(wide, to);
    s.from[0] = from[0];
    s.from[1] = a->order == ORDER_CRD ? block_size(node) * from[1] : from[1];
    s.to[0] = to[0];
    s.to[1] = to[1];
    step = a->order == ORDER_CRD ? from[1] : large->dim[1] * from[1];
    for (int i = small->rank - 1; i >= 2; i--) {
        int at = 2 * i - 2;
        int64_t block = fv_spatial(&a->block, i - 2, 1);
        s.dim[at] = small->dim[i];
        s.from[at] = from[i];
        s.to[at] = to[i] * block;
        s.dim[at + 1] = block;
        s.from[at + 1] = step;
        s.to[at + 1] = to[i];
        step *= block;
    }
    return s;
}

static fv_status spread(const fv_node *node, fv_emit *emit, fv_value *deep, fv_value *wide, fv_error *err)
{
    fv_strided s = view(node, deep, wide);
    return fv_emit_strided(emit, "depth_to_space:own", &s, deep, wide, err);
}

static fv_status gather(const fv_node *node, fv_emit *emit, fv_value *wide, fv_value *deep, fv_error *err)
{
    fv_strided s = fv_strided_reverse(view(node, deep, wide));
    return fv_emit_strided(emit, "space_to_depth:own", &s, wide, deep, err);
}

static fv_status to_space_forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return spread(node, emit, fv_src(emit, 0), fv_dst(emit), err);
}

static fv_status to_space_backward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return gather(node, emit, fv_diff_dst(emit), fv_diff_src(emit, 0), err);
}

static fv_status to_depth_forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return gather(node, emit, fv_src(emit, 0), fv_dst(emit), err);
}

static fv_status to_depth_backward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return spread(node, emit, fv_diff_dst(emit), fv_diff_src(emit, 0), err);
}

const fv_op fv_op_depth_to_space = {.name = "depth_to_space",
                                    .doc = "blocks of channels become blocks of pixels",
                                    .src_min = 1,
                                    .src_max = 1,
                                    .parameters_from = INT_MAX,
                                    .attrs_size = sizeof(block_attrs),
                                    .attrs = rows,
                                    .layout = FV_OP_ANY,
                                    .shape = to_space_shape,
                                    .forward = to_space_forward,
                                    .backward_data = to_space_backward};

const fv_op fv_op_space_to_depth = {.name = "space_to_depth",
                                    .doc = "blocks of pixels become blocks of channels",
                                    .src_min = 1,
                                    .src_max = 1,
                                    .parameters_from = INT_MAX,
                                    .attrs_size = sizeof(block_attrs),
                                    .attrs = rows,
                                    .layout = FV_OP_ANY,
                                    .shape = to_depth_shape,
                                    .forward = to_depth_forward,
                                    .backward_data = to_depth_backward};
