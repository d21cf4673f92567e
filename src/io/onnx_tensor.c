#include "io/onnx.h"

#include <string.h>

/* Which field holds the elements when raw_data is absent. */
typedef enum field { FIELD_NONE, FIELD_FLOAT, FIELD_DOUBLE, FIELD_INT32, FIELD_INT64, FIELD_UINT64 } field;

/* Indexed by TensorProto.DataType. */
static const struct {
    const char *name;
    fv_dtype dtype;
    field field;
} type_table[] = {
    {"undefined", 0, FIELD_NONE},
    {"float32", FV_DTYPE_F32, FIELD_FLOAT},
    {"uint8", FV_DTYPE_U8, FIELD_INT32},
    {"int8", FV_DTYPE_I8, FIELD_INT32},
    {"uint16", FV_DTYPE_U16, FIELD_INT32},
    {"int16", FV_DTYPE_I16, FIELD_INT32},
    {"int32", FV_DTYPE_I32, FIELD_INT32},
    {"int64", FV_DTYPE_I64, FIELD_INT64},
    {"string", 0, FIELD_NONE},
    {"bool", FV_DTYPE_BOOL, FIELD_INT32},
    {"float16", FV_DTYPE_F16, FIELD_INT32},
    {"float64", FV_DTYPE_F64, FIELD_DOUBLE},
    {"uint32", FV_DTYPE_U32, FIELD_UINT64},
    {"uint64", FV_DTYPE_U64, FIELD_UINT64},
    {"complex64", 0, FIELD_NONE},
    {"complex128", 0, FIELD_NONE},
    {"bfloat16", FV_DTYPE_BF16, FIELD_INT32},
};

enum { TYPE_COUNT = sizeof type_table / sizeof *type_table };

int fv_onnx_is_float(fv_dtype dtype)
{
    return dtype == FV_DTYPE_F32 || dtype == FV_DTYPE_F64 || dtype == FV_DTYPE_F16 || dtype == FV_DTYPE_BF16;
}

static size_t field_count(const Onnx__TensorProto *t)
{
    switch (type_table[t->data_type].field) {
    case FIELD_FLOAT:
        return t->n_float_data;
    case FIELD_DOUBLE:
        return t->n_double_data;
    case FIELD_INT32:
        return t->n_int32_data;
    case FIELD_INT64:
        return t->n_int64_data;
    case FIELD_UINT64:
        return t->n_uint64_data;
    default:
        return 0;
    }
}

static fv_status read_type(fv_onnx_info *info, const Onnx__TensorProto *t, const char *what, fv_error *err)
{
    if (t->data_type < 0 || t->data_type >= TYPE_COUNT)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "%s has the unknown data type %d", what,
                       (int)t->data_type);
    if (type_table[t->data_type].field == FIELD_NONE)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "%s has data type %s, which is not supported", what,
                       type_table[t->data_type].name);
    info->dtype = type_table[t->data_type].dtype;
    return FV_OK;
}

static fv_status read_dims(fv_onnx_info *info, const Onnx__TensorProto *t, const char *what, fv_error *err)
{
    size_t bytes;
    if (t->n_dims > FV_MAX_RANK)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "%s has %zu dimensions; at most %d are supported", what,
                       t->n_dims, FV_MAX_RANK);
    info->shape.rank = (int)t->n_dims;
    for (size_t i = 0; i < t->n_dims; i++) {
        if (t->dims[i] < 0)
            return fv_fail(err, FV_STATUS_FORMAT, "%s has the negative dimension %lld", what,
                           (long long)t->dims[i]);
        info->shape.dim[i] = t->dims[i];
    }
    fv_error inner;
    if (fv_shape_count(&info->shape, &info->count, &inner) != FV_OK || !fv_mul_size(info->count, 8, &bytes))
        return fv_fail(err, FV_STATUS_FORMAT, "the dimensions of %s overflow", what);
    return FV_OK;
}

static fv_status check_amount(const fv_onnx_info *info, const Onnx__TensorProto *t, const char *what,
                              fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    size_t needed = info->count * fv_dtype_size(info->dtype);
    fv_shape_text(&info->shape, text);
    if (t->has_raw_data && t->raw_data.len != needed)
        return fv_fail(err, FV_STATUS_FORMAT, "%s has %zu bytes, its shape %s needs %zu", what,
                       t->raw_data.len, text, needed);
    if (!t->has_raw_data && field_count(t) != info->count)
        return fv_fail(err, FV_STATUS_FORMAT, "%s has %zu elements, its shape %s needs %zu", what,
                       field_count(t), text, info->count);
    return FV_OK;
}

fv_status fv_onnx_tensor_info(fv_onnx_info *info, const Onnx__TensorProto *tensor, const char *what,
                              fv_error *err)
{
    *info = (fv_onnx_info){.external = tensor->data_location == 1};
    FV_TRY(read_type(info, tensor, what, err));
    FV_TRY(read_dims(info, tensor, what, err));
    return info->external ? FV_OK : check_amount(info, tensor, what, err);
}

/* The little-endian bytes of a tensor whose elements are raw or external. */
static fv_status raw_bytes(const uint8_t **bytes, uint8_t **owned, const fv_onnx *onnx,
                           const Onnx__TensorProto *t, const fv_onnx_info *info, fv_error *err)
{
    *bytes = t->raw_data.data;
    if (!info->external) return FV_OK;
    if (!onnx->folder)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "external data needs a model that was read from a file");
    FV_TRY(fv_onnx_external(owned, info->count * fv_dtype_size(info->dtype), onnx->folder, t, err));
    *bytes = *owned;
    return FV_OK;
}

static float float_of_bits(fv_dtype dtype, int32_t bits)
{
    return dtype == FV_DTYPE_F16 ? fv_f16_to_f32((uint16_t)bits) : fv_bf16_to_f32((uint16_t)bits);
}

static void typed_floats(float *dst, const Onnx__TensorProto *t, const fv_onnx_info *info)
{
    for (size_t i = 0; i < info->count; i++) {
        if (info->dtype == FV_DTYPE_F32)
            dst[i] = t->float_data[i];
        else if (info->dtype == FV_DTYPE_F64)
            dst[i] = (float)t->double_data[i];
        else
            dst[i] = float_of_bits(info->dtype, t->int32_data[i]);
    }
}

fv_status fv_onnx_floats(fv_tensor **out, const fv_onnx *onnx, const Onnx__TensorProto *tensor,
                         const char *what, fv_error *err)
{
    fv_status status;
    fv_onnx_info info;
    const uint8_t *bytes;
    uint8_t *owned = NULL;
    fv_tensor *result = NULL;
    *out = NULL;
    FV_TRY_GOTO(fv_onnx_tensor_info(&info, tensor, what, err));
    FV_TRY_GOTO(raw_bytes(&bytes, &owned, onnx, tensor, &info, err));
    FV_TRY_GOTO(fv_tensor_new(&result, &info.shape, err));
    if (owned || tensor->has_raw_data)
        fv_dtype_to_f32(result->data, info.dtype, bytes, info.count);
    else
        typed_floats(result->data, tensor, &info);
    *out = result;
done:
    fv_free(owned);
    return status;
}

/* One integer from little-endian bytes. */
static int64_t raw_integer(fv_dtype dtype, const uint8_t *bytes)
{
    size_t size = fv_dtype_size(dtype);
    uint64_t bits = 0;
    for (size_t i = 0; i < size; i++) bits |= (uint64_t)bytes[i] << (8 * i);
    switch (dtype) {
    case FV_DTYPE_I8:
        return (int8_t)bits;
    case FV_DTYPE_I16:
        return (int16_t)bits;
    case FV_DTYPE_I32:
        return (int32_t)bits;
    case FV_DTYPE_BOOL:
        return bits != 0;
    default:
        return (int64_t)bits;
    }
}

static int64_t typed_integer(const Onnx__TensorProto *t, size_t i)
{
    switch (type_table[t->data_type].field) {
    case FIELD_INT64:
        return t->int64_data[i];
    case FIELD_UINT64:
        return (int64_t)t->uint64_data[i];
    default:
        return t->int32_data[i];
    }
}

fv_status fv_onnx_integers(int64_t **out, size_t *count, const fv_onnx *onnx, const Onnx__TensorProto *tensor,
                           const char *what, fv_error *err)
{
    fv_status status;
    fv_onnx_info info;
    const uint8_t *bytes;
    uint8_t *owned = NULL;
    *out = NULL;
    *count = 0;
    FV_TRY_GOTO(fv_onnx_tensor_info(&info, tensor, what, err));
    FV_TRY_GOTO(raw_bytes(&bytes, &owned, onnx, tensor, &info, err));
    FV_TRY_GOTO(fv_calloc(out, info.count, sizeof **out, err));
    for (size_t i = 0; i < info.count; i++)
        (*out)[i] = owned || tensor->has_raw_data
                        ? raw_integer(info.dtype, bytes + i * fv_dtype_size(info.dtype))
                        : typed_integer(tensor, i);
    *count = info.count;
done:
    fv_free(owned);
    return status;
}
