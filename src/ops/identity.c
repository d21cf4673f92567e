/* identity: dst = src, in the same memory. */
#include "graph/emit.h"

static fv_status shape(fv_node *node, fv_error *err)
{
    (void)err;
    node->shape = node->src[0]->shape;
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

const fv_op fv_op_identity = {.name = "identity",
                              .doc = "src itself",
                              .src_min = 1,
                              .src_max = 1,
                              .parameters_from = 1,
                              .layout = FV_OP_ANY,
                              .shape = shape,
                              .forward = forward,
                              .backward_data = backward_data,
                              .keeps_sums = 1};
