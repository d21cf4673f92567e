/* What the emission files of convolutions share. */
#ifndef FV_OPS_CONV_WORK_H
#define FV_OPS_CONV_WORK_H

#include "ops/conv.h"

/* What every primitive needs; the descriptors are owned. */
typedef struct fv_conv_work {
    fv_conv_view view;
    int part;
    fv_conv_params params;
    fv_post_ops post;
    fv_shape shape;                   /* of the weights as oneDNN sees them: [groups] O I k... */
    int64_t first;                    /* element at which the weights of the part begin */
    int is_turned;                    /* their taps in reverse order */
    fv_md *raw, *any, *chosen, *bias; /* weights as given, free, as the primitive wants them; bias or NULL */
} fv_conv_work;

/* For one part of a node, without post-ops. To be closed, also on failure. */
fv_status fv_conv_open(fv_conv_work *work, const fv_node *node, int part, int transposed, fv_error *err);
void fv_conv_close(fv_conv_work *work);

/* Packs the weights for a primitive: sets work->chosen. */
fv_status fv_conv_pack(fv_conv_work *work, fv_emit *emit, const fv_prim *prim, fv_value **out, fv_error *err);

/* oneDNN's name of the activation; 0 for none. */
dnnl_alg_kind_t fv_conv_activation(const fv_node *node);

/* What the backward pass finds: the bits of conv_signs.h or NULL, the gradient before the activation, and the
 * forward primitives of the parts, which those of the backward pass take as hints. */
typedef struct fv_conv_state {
    fv_value *signs, *diff;
    const fv_prim *forward[];
} fv_conv_state;

fv_status fv_conv_state_of(const fv_node *node, fv_emit *emit, fv_conv_state **out, fv_error *err);

/* Gradient of what the convolution gave: that of the result, taken through the activation. */
fv_status fv_conv_open_diff(const fv_node *node, fv_emit *emit, fv_value **out, fv_error *err);

#endif
