/* oneDNN as the rest of the project sees it: descriptors, primitives, and the process-wide engine. The API
 * differences of 2.6 (Debian 12) and 3.x (Debian 13) end here; argument order and names follow 3.x.
 *
 * A descriptor (fv_md) says shape and physical layout. A primitive (fv_prim) is created from descriptors and
 * run with pointers. Scratchpads are given by the caller (fv_prim_scratchpad_bytes). */
#ifndef FV_DNN_DNN_H
#define FV_DNN_DNN_H

#include "base/status.h"
#include "tensor/tensor.h"
#include <oneapi/dnnl/dnnl_types.h>

/* --- descriptors --- */

typedef struct fv_md fv_md;

/* Row-major. */
fv_status fv_md_plain(fv_md **out, const fv_shape *shape, fv_error *err);

/* Channels last: N C D H W stored as N D H W C. The same as plain for fewer than three dimensions. */
fv_status fv_md_channels_last(fv_md **out, const fv_shape *shape, fv_error *err);

/* Any strides, in elements. */
fv_status fv_md_strided(fv_md **out, const fv_shape *shape, const int64_t *strides, fv_error *err);

/* Lets the primitive choose; ask it afterwards with fv_prim_md. */
fv_status fv_md_any(fv_md **out, const fv_shape *shape, fv_error *err);

/* Of bfloat16, with strides in elements, or NULL: as fv_md_any. All others are of float32. */
fv_status fv_md_bfloat(fv_md **out, const fv_shape *shape, const int64_t *strides, fv_error *err);

/* Whether convolutions of bfloat16 are there for this processor. */
int fv_dnn_has_bfloat(void);

fv_status fv_md_copy(fv_md **out, const fv_md *src, fv_error *err);
void fv_md_free(fv_md *md); /* accepts NULL */
int fv_md_equal(const fv_md *a, const fv_md *b);
size_t fv_md_bytes(const fv_md *md);

/* --- primitives --- */

typedef struct fv_prim fv_prim;

/* What the primitive should do right after its own work on dst (forward only), in order. */
typedef struct fv_post_op {
    enum { FV_POST_SUM, FV_POST_ELTWISE, FV_POST_ADD } kind;
    dnnl_alg_kind_t algorithm; /* of FV_POST_ELTWISE */
    float alpha, beta;
    const fv_md *md; /* of the tensor that FV_POST_ADD adds: argument FV_POST_ARG(position) */
} fv_post_op;

typedef struct fv_post_ops {
    int count;
    fv_post_op op[4];
} fv_post_ops;

#define FV_POST_ARG(position) (DNNL_ARG_ATTR_MULTIPLE_POST_OP(position) | DNNL_ARG_SRC_1)

/* Whether a convolution of that many taps adds another tensor (FV_POST_ADD) about as fast as it goes without;
 * otherwise it should add to what is in dst (FV_POST_SUM). */
int fv_dnn_adds_fast(int64_t taps);

/* Convolution and transposed convolution: weights are O I k... (I O k... transposed), with a leading group
 * axis when groups > 1. bias may be NULL. dilation counts as oneDNN does: 0 = dense. */
typedef struct fv_conv_params {
    int transposed;
    dnnl_dims_t stride, dilation, pad_begin, pad_end;
    const fv_post_ops *post; /* may be NULL */
} fv_conv_params;

fv_status fv_prim_conv_forward(fv_prim **out, const fv_conv_params *p, const fv_md *src, const fv_md *weights,
                               const fv_md *bias, const fv_md *dst, fv_error *err);
fv_status fv_prim_conv_backward_data(fv_prim **out, const fv_conv_params *p, const fv_md *diff_src,
                                     const fv_md *weights, const fv_md *diff_dst, const fv_prim *hint,
                                     fv_error *err);
fv_status fv_prim_conv_backward_weights(fv_prim **out, const fv_conv_params *p, const fv_md *src,
                                        const fv_md *diff_weights, const fv_md *diff_bias,
                                        const fv_md *diff_dst, const fv_prim *hint, fv_error *err);

/* algorithm: dnnl_pooling_max, dnnl_pooling_avg_include_padding or dnnl_pooling_avg_exclude_padding. A max
 * pool that a backward pass follows is made with training = 1 and has a workspace. */
typedef struct fv_pool_params {
    dnnl_alg_kind_t algorithm;
    int training;
    dnnl_dims_t kernel, stride, dilation, pad_begin, pad_end;
} fv_pool_params;

fv_status fv_prim_pool_forward(fv_prim **out, const fv_pool_params *p, const fv_md *src, const fv_md *dst,
                               fv_error *err);
fv_status fv_prim_pool_backward(fv_prim **out, const fv_pool_params *p, const fv_md *diff_src,
                                const fv_md *diff_dst, const fv_prim *hint, fv_error *err);

fv_status fv_prim_eltwise_forward(fv_prim **out, dnnl_alg_kind_t algorithm, float alpha, float beta,
                                  const fv_md *data, fv_error *err);
/* data is src, or dst for the ..._use_dst_for_bwd algorithms. */
fv_status fv_prim_eltwise_backward(fv_prim **out, dnnl_alg_kind_t algorithm, float alpha, float beta,
                                   const fv_md *diff, const fv_md *data, const fv_prim *hint, fv_error *err);

/* axis counts from 0. */
fv_status fv_prim_softmax_forward(fv_prim **out, int logarithm, int axis, const fv_md *data, fv_error *err);
fv_status fv_prim_softmax_backward(fv_prim **out, int logarithm, int axis, const fv_md *data,
                                   const fv_prim *hint, fv_error *err);

/* dst = src x weights (+ bias, may be NULL); batch axes of size 1 broadcast. */
fv_status fv_prim_matmul(fv_prim **out, const fv_md *src, const fv_md *weights, const fv_md *bias,
                         const fv_md *dst, fv_error *err);

/* algorithm: dnnl_binary_add, ..._mul, ...; src1 broadcasts over axes of size 1. */
fv_status fv_prim_binary(fv_prim **out, dnnl_alg_kind_t algorithm, const fv_md *src0, const fv_md *src1,
                         const fv_md *dst, fv_error *err);

fv_status fv_prim_reorder(fv_prim **out, const fv_md *src, const fv_md *dst, fv_error *err);

void fv_prim_free(fv_prim *prim); /* accepts NULL */

/* oneDNN's name of the implementation ("brgconv:avx512_core"); ours to free never. "ref" in it is a bug. */
const char *fv_prim_implementation(const fv_prim *prim);

/* Copy of a descriptor the primitive uses: query is dnnl_query_weights_md, dnnl_query_workspace_md, ... An
 * argument the primitive does not have gives a descriptor of 0 bytes. */
fv_status fv_prim_md(fv_md **out, const fv_prim *prim, dnnl_query_t query, fv_error *err);
size_t fv_prim_scratchpad_bytes(const fv_prim *prim);

/* --- running --- */

/* One argument of a run: which (DNNL_ARG_SRC, ...), its descriptor as the primitive wants it, its memory. */
typedef struct fv_arg {
    int id;
    const fv_md *md;
} fv_arg;

/* A primitive bound to its arguments; the pointers are set before each run, in the order of args. */
typedef struct fv_call fv_call;

/* md may be NULL in an argument: its descriptor is then asked of the primitive. */
fv_status fv_call_new(fv_call **out, const fv_prim *prim, int count, const fv_arg *args, fv_error *err);
/* data has one pointer per argument; scratchpad holds at least fv_prim_scratchpad_bytes. */
fv_status fv_call_run(fv_call *call, void *const *data, void *scratchpad, fv_error *err);
void fv_call_free(fv_call *call); /* accepts NULL */

#endif
