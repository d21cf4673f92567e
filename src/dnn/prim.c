/* Creation of primitives: one function per kind, hiding the two-step API of oneDNN 2.x (operation descriptor,
 * then primitive descriptor) behind the one-step API of 3.x. */
#include "dnn/internal.h"

/* Finishes a creation function: `attr` is destroyed, then `desc` becomes *out. */
static fv_status made(fv_prim **out, dnnl_status_t status, dnnl_primitive_desc_t desc,
                      dnnl_primitive_attr_t attr, const char *what, fv_error *err)
{
    if (attr) dnnl_primitive_attr_destroy(attr);
    *out = NULL;
    FV_TRY(fv_dnn_check(status, what, err));
    return fv_prim_from_desc(out, desc, err);
}

/* Opens every creation function: engine, attributes, hint. */
#define BEGIN(post, hint)                                                                                    \
    dnnl_engine_t engine;                                                                                    \
    dnnl_primitive_attr_t attr = NULL;                                                                       \
    dnnl_primitive_desc_t pd = NULL;                                                                         \
    const_dnnl_primitive_desc_t hint_desc = (hint) ? ((const fv_prim *)(hint))->desc : NULL;                 \
    (void)hint_desc;                                                                                         \
    *out = NULL;                                                                                             \
    FV_TRY(fv_dnn_context(&engine, NULL, err));                                                              \
    FV_TRY(fv_dnn_attributes(&attr, post, err))

/* Creates pd: V3 takes (function, arguments between engine and attr), V2 (descriptor type, init function,
 * arguments). */
#if FV_DNN_V3
#    define CREATE(kind, v2type, v2init, v2args, v3args)                                                     \
        dnnl_status_t s = dnnl_##kind##_primitive_desc_create v3args;                                        \
        ((void)0)
#else
#    define CREATE(kind, v2type, v2init, v2args, v3args)                                                     \
        v2type od;                                                                                           \
        dnnl_status_t s = v2init v2args;                                                                     \
        if (s == dnnl_success) s = dnnl_primitive_desc_create(&pd, &od, attr, engine, hint_desc)
#endif

#define END(what) return made(out, s, pd, attr, what, err)

fv_status fv_prim_conv_forward(fv_prim **out, const fv_conv_params *p, const fv_md *src, const fv_md *weights,
                               const fv_md *bias, const fv_md *dst, fv_error *err)
{
    BEGIN(p->post, NULL);
    if (p->transposed) {
        CREATE(deconvolution_forward, dnnl_deconvolution_desc_t, dnnl_dilated_deconvolution_forward_desc_init,
               (&od, dnnl_forward_training, dnnl_deconvolution_direct, fv_desc(src), fv_desc(weights),
                fv_desc(bias), fv_desc(dst), p->stride, p->dilation, p->pad_begin, p->pad_end),
               (&pd, engine, dnnl_forward_training, dnnl_deconvolution_direct, fv_desc(src), fv_desc(weights),
                fv_desc(bias), fv_desc(dst), p->stride, p->dilation, p->pad_begin, p->pad_end, attr));
        END("transposed convolution");
    }
    CREATE(convolution_forward, dnnl_convolution_desc_t, dnnl_dilated_convolution_forward_desc_init,
           (&od, dnnl_forward_training, dnnl_convolution_direct, fv_desc(src), fv_desc(weights),
            fv_desc(bias), fv_desc(dst), p->stride, p->dilation, p->pad_begin, p->pad_end),
           (&pd, engine, dnnl_forward_training, dnnl_convolution_direct, fv_desc(src), fv_desc(weights),
            fv_desc(bias), fv_desc(dst), p->stride, p->dilation, p->pad_begin, p->pad_end, attr));
    END("convolution");
}

fv_status fv_prim_conv_backward_data(fv_prim **out, const fv_conv_params *p, const fv_md *diff_src,
                                     const fv_md *weights, const fv_md *diff_dst, const fv_prim *hint,
                                     fv_error *err)
{
    BEGIN(NULL, hint);
    if (p->transposed) {
        CREATE(deconvolution_backward_data, dnnl_deconvolution_desc_t,
               dnnl_dilated_deconvolution_backward_data_desc_init,
               (&od, dnnl_deconvolution_direct, fv_desc(diff_src), fv_desc(weights), fv_desc(diff_dst),
                p->stride, p->dilation, p->pad_begin, p->pad_end),
               (&pd, engine, dnnl_deconvolution_direct, fv_desc(diff_src), fv_desc(weights),
                fv_desc(diff_dst), p->stride, p->dilation, p->pad_begin, p->pad_end, hint_desc, attr));
        END("transposed convolution, backward data");
    }
    CREATE(convolution_backward_data, dnnl_convolution_desc_t,
           dnnl_dilated_convolution_backward_data_desc_init,
           (&od, dnnl_convolution_direct, fv_desc(diff_src), fv_desc(weights), fv_desc(diff_dst), p->stride,
            p->dilation, p->pad_begin, p->pad_end),
           (&pd, engine, dnnl_convolution_direct, fv_desc(diff_src), fv_desc(weights), fv_desc(diff_dst),
            p->stride, p->dilation, p->pad_begin, p->pad_end, hint_desc, attr));
    END("convolution, backward data");
}

fv_status fv_prim_conv_backward_weights(fv_prim **out, const fv_conv_params *p, const fv_md *src,
                                        const fv_md *diff_weights, const fv_md *diff_bias,
                                        const fv_md *diff_dst, const fv_prim *hint, fv_error *err)
{
    BEGIN(NULL, hint);
    if (p->transposed) {
        CREATE(deconvolution_backward_weights, dnnl_deconvolution_desc_t,
               dnnl_dilated_deconvolution_backward_weights_desc_init,
               (&od, dnnl_deconvolution_direct, fv_desc(src), fv_desc(diff_weights), fv_desc(diff_bias),
                fv_desc(diff_dst), p->stride, p->dilation, p->pad_begin, p->pad_end),
               (&pd, engine, dnnl_deconvolution_direct, fv_desc(src), fv_desc(diff_weights),
                fv_desc(diff_bias), fv_desc(diff_dst), p->stride, p->dilation, p->pad_begin, p->pad_end,
                hint_desc, attr));
        END("transposed convolution, backward weights");
    }
    CREATE(convolution_backward_weights, dnnl_convolution_desc_t,
           dnnl_dilated_convolution_backward_weights_desc_init,
           (&od, dnnl_convolution_direct, fv_desc(src), fv_desc(diff_weights), fv_desc(diff_bias),
            fv_desc(diff_dst), p->stride, p->dilation, p->pad_begin, p->pad_end),
           (&pd, engine, dnnl_convolution_direct, fv_desc(src), fv_desc(diff_weights), fv_desc(diff_bias),
            fv_desc(diff_dst), p->stride, p->dilation, p->pad_begin, p->pad_end, hint_desc, attr));
    END("convolution, backward weights");
}

fv_status fv_prim_pool_forward(fv_prim **out, const fv_pool_params *p, const fv_md *src, const fv_md *dst,
                               fv_error *err)
{
    dnnl_prop_kind_t prop = p->training ? dnnl_forward_training : dnnl_forward_inference;
    BEGIN(NULL, NULL);
    CREATE(pooling_forward, dnnl_pooling_v2_desc_t, dnnl_pooling_v2_forward_desc_init,
           (&od, prop, p->algorithm, fv_desc(src), fv_desc(dst), p->stride, p->kernel, p->dilation,
            p->pad_begin, p->pad_end),
           (&pd, engine, prop, p->algorithm, fv_desc(src), fv_desc(dst), p->stride, p->kernel, p->dilation,
            p->pad_begin, p->pad_end, attr));
    END("pooling");
}

fv_status fv_prim_pool_backward(fv_prim **out, const fv_pool_params *p, const fv_md *diff_src,
                                const fv_md *diff_dst, const fv_prim *hint, fv_error *err)
{
    BEGIN(NULL, hint);
    CREATE(pooling_backward, dnnl_pooling_v2_desc_t, dnnl_pooling_v2_backward_desc_init,
           (&od, p->algorithm, fv_desc(diff_src), fv_desc(diff_dst), p->stride, p->kernel, p->dilation,
            p->pad_begin, p->pad_end),
           (&pd, engine, p->algorithm, fv_desc(diff_src), fv_desc(diff_dst), p->stride, p->kernel,
            p->dilation, p->pad_begin, p->pad_end, hint_desc, attr));
    END("pooling, backward");
}

fv_status fv_prim_eltwise_forward(fv_prim **out, dnnl_alg_kind_t algorithm, float alpha, float beta,
                                  const fv_md *data, fv_error *err)
{
    BEGIN(NULL, NULL);
    CREATE(eltwise_forward, dnnl_eltwise_desc_t, dnnl_eltwise_forward_desc_init,
           (&od, dnnl_forward_training, algorithm, fv_desc(data), alpha, beta),
           (&pd, engine, dnnl_forward_training, algorithm, fv_desc(data), fv_desc(data), alpha, beta, attr));
    END("eltwise");
}

fv_status fv_prim_eltwise_backward(fv_prim **out, dnnl_alg_kind_t algorithm, float alpha, float beta,
                                   const fv_md *diff, const fv_md *data, const fv_prim *hint, fv_error *err)
{
    BEGIN(NULL, hint);
    CREATE(
        eltwise_backward, dnnl_eltwise_desc_t, dnnl_eltwise_backward_desc_init,
        (&od, algorithm, fv_desc(diff), fv_desc(data), alpha, beta),
        (&pd, engine, algorithm, fv_desc(diff), fv_desc(diff), fv_desc(data), alpha, beta, hint_desc, attr));
    END("eltwise, backward");
}

fv_status fv_prim_softmax_forward(fv_prim **out, int logarithm, int axis, const fv_md *data, fv_error *err)
{
    dnnl_alg_kind_t algorithm = logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
    BEGIN(NULL, NULL);
    CREATE(softmax_forward, dnnl_softmax_v2_desc_t, dnnl_softmax_v2_forward_desc_init,
           (&od, dnnl_forward_training, algorithm, fv_desc(data), fv_desc(data), axis),
           (&pd, engine, dnnl_forward_training, algorithm, fv_desc(data), fv_desc(data), axis, attr));
    END("softmax");
}

fv_status fv_prim_softmax_backward(fv_prim **out, int logarithm, int axis, const fv_md *data,
                                   const fv_prim *hint, fv_error *err)
{
    dnnl_alg_kind_t algorithm = logarithm ? dnnl_softmax_log : dnnl_softmax_accurate;
    BEGIN(NULL, hint);
    CREATE(softmax_backward, dnnl_softmax_v2_desc_t, dnnl_softmax_v2_backward_desc_init,
           (&od, algorithm, fv_desc(data), fv_desc(data), fv_desc(data), axis),
           (&pd, engine, algorithm, fv_desc(data), fv_desc(data), fv_desc(data), axis, hint_desc, attr));
    END("softmax, backward");
}

fv_status fv_prim_matmul(fv_prim **out, const fv_md *src, const fv_md *weights, const fv_md *bias,
                         const fv_md *dst, fv_error *err)
{
    BEGIN(NULL, NULL);
    CREATE(matmul, dnnl_matmul_desc_t, dnnl_matmul_desc_init,
           (&od, fv_desc(src), fv_desc(weights), fv_desc(bias), fv_desc(dst)),
           (&pd, engine, fv_desc(src), fv_desc(weights), fv_desc(bias), fv_desc(dst), attr));
    END("matrix product");
}

fv_status fv_prim_binary(fv_prim **out, dnnl_alg_kind_t algorithm, const fv_md *src0, const fv_md *src1,
                         const fv_md *dst, fv_error *err)
{
    BEGIN(NULL, NULL);
    CREATE(binary, dnnl_binary_desc_t, dnnl_binary_desc_init,
           (&od, algorithm, fv_desc(src0), fv_desc(src1), fv_desc(dst)),
           (&pd, engine, algorithm, fv_desc(src0), fv_desc(src1), fv_desc(dst), attr));
    END("binary");
}

fv_status fv_prim_reorder(fv_prim **out, const fv_md *src, const fv_md *dst, fv_error *err)
{
    BEGIN(NULL, NULL);
    dnnl_status_t s =
        dnnl_reorder_primitive_desc_create(&pd, fv_desc(src), engine, fv_desc(dst), engine, attr);
    END("reorder");
}
