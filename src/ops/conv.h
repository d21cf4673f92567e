/* What conv, conv_sum and conv_transpose share: attributes, checks, and the emission. */
#ifndef FV_OPS_CONV_H
#define FV_OPS_CONV_H

#include "graph/emit.h"

typedef struct fv_conv_attrs {
    fv_ints stride, dilation, pad, pad_end, output_pad;
    int64_t groups;
    int activation;
    double alpha, beta;
    int addend;     /* of conv_sum */
    int64_t behind; /* of conv_sum: the part, from 1, whose gradient goes to what lies behind it; 0: none */
} fv_conv_attrs;

/* Activations that can be done in the same step; their gradient follows from dst. */
extern const char *const fv_conv_activations[];

/* clang-format off */
#define FV_CONV_ROW(name, kind, initial, doc) {#name, kind, offsetof(fv_conv_attrs, name), initial, doc, NULL}

#define FV_CONV_ROWS                                                                                         \
    FV_CONV_ROW(stride, FV_ATTR_SPATIAL, 1, "step of the kernel"),                                           \
    FV_CONV_ROW(dilation, FV_ATTR_SPATIAL, 1, "distance of taps"),                                           \
    FV_CONV_ROW(pad, FV_ATTR_SPATIAL, 0, "zeros before each axis"),                                          \
    FV_CONV_ROW(pad_end, FV_ATTR_SPATIAL, FV_ATTR_EMPTY, "zeros after each axis; default: pad"),             \
    FV_CONV_ROW(groups, FV_ATTR_INT, 1, "independent channel groups"),                                       \
    {"activation", FV_ATTR_CHOICE, offsetof(fv_conv_attrs, activation), 0, "done in the same step",          \
     fv_conv_activations},                                                                                   \
    FV_CONV_ROW(alpha, FV_ATTR_FLOAT, 0, "of the activation: slope below 0, or min of clip"),                \
    FV_CONV_ROW(beta, FV_ATTR_FLOAT, 0, "max of clip")
/* clang-format on */

/* Where the sources of a node are. conv and conv_transpose have one part; conv_sum convolves the first
 * `parts` sources with successive ranges of the weights' channels, as if they were one. */
typedef struct fv_conv_view {
    int parts;
    int addend; /* source that is added before the activation; -1: none */
    int behind; /* source that gets the gradient of a part that doubles it, by the weights after it; -1: none
                 */
    int weights;
    int bias; /* -1: none */
} fv_conv_view;

fv_conv_view fv_conv_view_of(const fv_node *node);

/* Position of a part's first channel in the weights. */
int64_t fv_conv_first_channel(const fv_node *node, int part);

/* Multiplications per weight pair of channels. */
int64_t fv_conv_taps(const fv_node *node);

/* Shape rule; `transposed` tells which of the two ops it is. */
fv_status fv_conv_shape(fv_node *node, int transposed, fv_error *err);

fv_status fv_conv_forward(const fv_node *node, fv_emit *emit, int transposed, fv_error *err);
fv_status fv_conv_backward_data(const fv_node *node, fv_emit *emit, int transposed, fv_error *err);
fv_status fv_conv_backward_weights(const fv_node *node, fv_emit *emit, int transposed, fv_error *err);

/* Not of transposed ones. */
fv_status fv_conv_backward_sums(const fv_node *node, fv_emit *emit, fv_error *err);
int fv_conv_has_sums(const fv_node *node, int source);

/* The same by Winograd's method (ops/winograd.h), where that is allowed and pays in the forward or the
 * backward pass. diff is the gradient of the result before the activation, or NULL: it is then taken through
 * the activation on the way (fv_conv_gate_of). */
int fv_conv_is_winograd(const fv_node *node, const fv_emit *emit, int transposed, int backward);
fv_status fv_conv_winograd_forward(const fv_node *node, fv_emit *emit, fv_error *err);
fv_status fv_conv_winograd_backward(const fv_node *node, fv_emit *emit, fv_value *diff, fv_error *err);

/* That of the source behind a part. */
fv_status fv_conv_winograd_behind(const fv_node *node, fv_emit *emit, fv_value *diff, fv_error *err);

/* Each weight meets each position of `over` once. */
double fv_conv_macs(const fv_node *node, const fv_shape *over);

#endif
