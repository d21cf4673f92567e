/* Descriptors of bfloat16: the upper half of a float32. */
#include "dnn/internal.h"

#include <string.h>

fv_status fv_md_bfloat(fv_md **out, const fv_shape *shape, const int64_t *strides, fv_error *err)
{
    dnnl_dims_t dims, steps;
    dnnl_status_t made;
    for (int i = 0; i < shape->rank; i++) {
        dims[i] = shape->dim[i];
        steps[i] = strides ? strides[i] : 0;
    }
    FV_TRY(fv_calloc(out, 1, sizeof **out, err));
#if FV_DNN_V3
    if (strides)
        made = dnnl_memory_desc_create_with_strides(&(*out)->desc, shape->rank, dims, dnnl_bf16, steps);
    else
        made = dnnl_memory_desc_create_with_tag(&(*out)->desc, shape->rank, dims, dnnl_bf16,
                                                dnnl_format_tag_any);
#else
    if (strides)
        made = dnnl_memory_desc_init_by_strides(&(*out)->desc, shape->rank, dims, dnnl_bf16, steps);
    else
        made = dnnl_memory_desc_init_by_tag(&(*out)->desc, shape->rank, dims, dnnl_bf16, dnnl_format_tag_any);
#endif
    if (made == dnnl_success) return FV_OK;
    fv_free(*out);
    *out = NULL;
    return fv_dnn_check(made, "bfloat16 memory descriptor", err);
}

/* Whether a convolution that could not be simpler has more than a reference implementation. */
static fv_status try_convolution(int *is_fast, fv_error *err)
{
    fv_status status;
    fv_md *src = NULL, *weights = NULL, *dst = NULL;
    fv_prim *prim = NULL;
    const fv_conv_params params = {
        .stride = {1, 1}, .dilation = {0, 0}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
    fv_shape image = fv_shape_of(4, 1, 32, 16, 16), kernels = fv_shape_of(4, 32, 32, 3, 3);
    int64_t strides[FV_MAX_RANK];
    fv_shape_strides_channels_last(&image, strides);
    FV_TRY_GOTO(fv_md_bfloat(&src, &image, strides, err));
    FV_TRY_GOTO(fv_md_bfloat(&weights, &kernels, NULL, err));
    FV_TRY_GOTO(fv_md_channels_last(&dst, &image, err));
    FV_TRY_GOTO(fv_prim_conv_forward(&prim, &params, src, weights, NULL, dst, err));
    *is_fast = !strstr(fv_prim_implementation(prim), "ref");
done:
    fv_prim_free(prim);
    fv_md_free(dst);
    fv_md_free(weights);
    fv_md_free(src);
    return status;
}

int fv_dnn_has_bfloat(void)
{
    fv_error ignored;
    int is_fast = 0;
    return try_convolution(&is_fast, &ignored) == FV_OK && is_fast;
}
