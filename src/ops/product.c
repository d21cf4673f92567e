#include "ops/product.h"

#include <string.h>

fv_factor fv_factor_of(fv_value *value, const fv_shape *shape)
{
    fv_factor factor = {.value = value, .shape = *shape};
    fv_shape_strides(shape, factor.stride);
    return factor;
}

fv_factor fv_factor_transposed(fv_factor factor)
{
    fv_factor out = factor;
    int last = factor.shape.rank - 1;
    out.shape.dim[last] = factor.shape.dim[last - 1];
    out.shape.dim[last - 1] = factor.shape.dim[last];
    out.stride[last] = factor.stride[last - 1];
    out.stride[last - 1] = factor.stride[last];
    return out;
}

/* Owned descriptors of one product. */
typedef struct product_work {
    fv_md *a, *b, *bias, *dst, *chosen;
} product_work;

static void close_work(product_work *work)
{
    fv_md_free(work->a);
    fv_md_free(work->b);
    fv_md_free(work->bias);
    fv_md_free(work->dst);
    fv_md_free(work->chosen);
}

static fv_status open_work(product_work *work, const fv_factor *a, const fv_factor *b, const fv_factor *dst,
                           fv_error *err)
{
    memset(work, 0, sizeof *work);
    FV_TRY(fv_md_strided(&work->a, &a->shape, a->stride, err));
    FV_TRY(fv_md_strided(&work->b, &b->shape, b->stride, err));
    return fv_md_strided(&work->dst, &dst->shape, dst->stride, err);
}

fv_status fv_emit_product(fv_emit *emit, const fv_factor *a, const fv_factor *b, const fv_factor *dst,
                          fv_error *err)
{
    fv_status status;
    product_work work;
    fv_prim *prim;
    FV_TRY_GOTO(open_work(&work, a, b, dst, err));
    FV_TRY_GOTO(fv_prim_matmul(&prim, work.a, work.b, NULL, work.dst, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    const fv_emit_arg args[] = {{DNNL_ARG_SRC, a->value, 0, work.a},
                                {DNNL_ARG_WEIGHTS, b->value, 0, work.b},
                                {DNNL_ARG_DST, dst->value, 1, work.dst}};
    status = fv_emit_primitive(emit, prim, 3, args, err);
done:
    close_work(&work);
    return status;
}

fv_status fv_emit_product_packed(fv_emit *emit, const fv_factor *a, int source, const fv_factor *b,
                                 fv_value *bias, const fv_factor *dst, fv_error *err)
{
    fv_status status;
    product_work work;
    fv_prim *prim;
    fv_md *any = NULL;
    fv_value *packed;
    fv_shape row = fv_shape_of(2, (int64_t)1, dst->shape.dim[1]);
    FV_TRY_GOTO(open_work(&work, a, b, dst, err));
    if (bias) FV_TRY_GOTO(fv_md_plain(&work.bias, &row, err));
    FV_TRY_GOTO(fv_md_any(&any, &b->shape, err));
    FV_TRY_GOTO(fv_prim_matmul(&prim, work.a, any, work.bias, work.dst, err));
    FV_TRY_GOTO(fv_emit_keep(emit, prim, err));
    FV_TRY_GOTO(fv_prim_md(&work.chosen, prim, dnnl_query_weights_md, err));
    FV_TRY_GOTO(fv_emit_packed(emit, source, work.b, work.chosen, &packed, err));
    const fv_emit_arg args[] = {{DNNL_ARG_SRC, a->value, 0, work.a},
                                {DNNL_ARG_WEIGHTS, packed, 0, work.chosen},
                                {DNNL_ARG_DST, dst->value, 1, work.dst},
                                {DNNL_ARG_BIAS, bias, 0, work.bias}};
    status = fv_emit_primitive(emit, prim, bias ? 4 : 3, args, err);
done:
    fv_md_free(any);
    close_work(&work);
    return status;
}
