/* What conv and conv_transpose share: attributes, checks, and the emission, which differs by one flag. */
#ifndef FV_OPS_CONV_H
#define FV_OPS_CONV_H

#include "graph/emit.h"

typedef struct fv_conv_attrs {
    fv_ints stride, dilation, pad, pad_end, output_pad;
    int64_t groups;
} fv_conv_attrs;

#define FV_CONV_ROWS                                                                                         \
    {"stride", FV_ATTR_SPATIAL, offsetof(fv_conv_attrs, stride), 1, "step of the kernel", NULL},             \
        {"dilation", FV_ATTR_SPATIAL, offsetof(fv_conv_attrs, dilation), 1, "distance of taps", NULL},       \
        {"pad", FV_ATTR_SPATIAL, offsetof(fv_conv_attrs, pad), 0, "zeros before each axis", NULL},           \
        {"pad_end",                                                                                          \
         FV_ATTR_SPATIAL,                                                                                    \
         offsetof(fv_conv_attrs, pad_end),                                                                   \
         FV_ATTR_EMPTY,                                                                                      \
         "zeros after each axis; default: pad",                                                              \
         NULL},                                                                                              \
    {                                                                                                        \
        "groups", FV_ATTR_INT, offsetof(fv_conv_attrs, groups), 1, "independent channel groups", NULL        \
    }

/* Shape rule; `transposed` tells which of the two ops it is. */
fv_status fv_conv_shape(fv_node *node, int transposed, fv_error *err);

fv_status fv_conv_forward(const fv_node *node, fv_emit *emit, int transposed, fv_error *err);
fv_status fv_conv_backward_data(const fv_node *node, fv_emit *emit, int transposed, fv_error *err);
fv_status fv_conv_backward_weights(const fv_node *node, fv_emit *emit, int transposed, fv_error *err);

/* Each weight meets each position of `over` once. */
double fv_conv_macs(const fv_node *node, const fv_shape *over);

#endif
