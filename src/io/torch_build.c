/* What the pickle of a PyTorch file may ask for: tensors over storages, and a few names that stand for
 * nothing. */
#include "base/alloc.h"
#include "io/shown.h"
#include "io/torch.h"

#include <string.h>

/* --- names --- */

enum { ORDERED_DICT = 1, REBUILD_TENSOR, REBUILD_PARAMETER, SIZE, STORAGE };

static const struct {
    const char *module, *name;
    int type;       /* 0: known, but not built */
    fv_dtype dtype; /* of storages */
} names[] = {
    {"collections", "OrderedDict", ORDERED_DICT, 0},
    {"torch._utils", "_rebuild_tensor_v2", REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_tensor", REBUILD_TENSOR, 0},
    {"torch._utils", "_rebuild_parameter", REBUILD_PARAMETER, 0},
    {"torch", "Size", SIZE, 0},
    {"torch", "FloatStorage", STORAGE, FV_DTYPE_F32},
    {"torch", "DoubleStorage", STORAGE, FV_DTYPE_F64},
    {"torch", "HalfStorage", STORAGE, FV_DTYPE_F16},
    {"torch", "BFloat16Storage", STORAGE, FV_DTYPE_BF16},
    {"torch", "LongStorage", STORAGE, FV_DTYPE_I64},
    {"torch", "IntStorage", STORAGE, FV_DTYPE_I32},
    {"torch", "ShortStorage", STORAGE, FV_DTYPE_I16},
    {"torch", "CharStorage", STORAGE, FV_DTYPE_I8},
    {"torch", "ByteStorage", STORAGE, FV_DTYPE_U8},
    {"torch", "BoolStorage", STORAGE, FV_DTYPE_BOOL},
    /* beside the weights in checkpoints */
    {"torch", "device", 0, 0},
    {"numpy.core.multiarray", "scalar", 0, 0},
    {"numpy._core.multiarray", "scalar", 0, 0},
    {"numpy", "dtype", 0, 0},
    {"_codecs", "encode", 0, 0},
};

static int same(const char *text, const char *bytes, size_t size)
{
    return strlen(text) == size && memcmp(text, bytes, size) == 0;
}

static fv_status answer_global(void *context, fv_pickle_value *result, const char *module, size_t module_size,
                               const char *name, size_t name_size, fv_error *err)
{
    char a[FV_SHOWN_TEXT], b[FV_SHOWN_TEXT];
    (void)context;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!same(names[i].module, module, module_size) || !same(names[i].name, name, name_size)) continue;
        result->kind = names[i].type ? FV_PICKLE_GLOBAL : FV_PICKLE_OPAQUE;
        result->as.object.type = names[i].type;
        result->as.object.index = names[i].dtype;
        return FV_OK;
    }
    return fv_fail(
        err, FV_STATUS_UNSUPPORTED,
        "asks Python for '%s.%s', which is refused: tensors, numbers, texts, lists and dictionaries "
        "are read (in Python: torch.save(model.state_dict(), FILE))",
        fv_shown(a, module, module_size), fv_shown(b, name, name_size));
}

/* --- arguments --- */

static fv_status damaged(fv_error *err, const char *what)
{
    return fv_fail(err, FV_STATUS_FORMAT, "damaged PyTorch file (%s)", what);
}

static const fv_pickle_value *argument(const fv_pickle *pickle, const fv_pickle_value *arguments, size_t i,
                                       fv_pickle_kind kind)
{
    if (arguments->kind != FV_PICKLE_TUPLE || i >= arguments->as.items.count) return NULL;
    const fv_pickle_value *value = fv_pickle_item(pickle, arguments, i);
    return value->kind == kind ? value : NULL;
}

/* A whole number that is not negative. */
static int whole(const fv_pickle_value *value, size_t *out)
{
    if (!value || value->kind != FV_PICKLE_INT || value->as.integer < 0) return 0;
    *out = (size_t)value->as.integer;
    return 1;
}

/* --- storages --- */

/* ('storage', type, key, device, count) and, in the stream, None or (key, first, count) of a part. */
static fv_status read_reference(fv_torch_storage *storage, const fv_pickle *p,
                                const fv_pickle_value *reference, fv_error *err)
{
    const fv_pickle_value *tag = argument(p, reference, 0, FV_PICKLE_STRING);
    const fv_pickle_value *type = argument(p, reference, 1, FV_PICKLE_GLOBAL);
    const fv_pickle_value *key = argument(p, reference, 2, FV_PICKLE_STRING);
    const fv_pickle_value *part = argument(p, reference, 5, FV_PICKLE_TUPLE);
    if (!tag || !fv_pickle_is_text(tag, "storage") || !type || type->as.object.type != STORAGE || !key ||
        !whole(argument(p, reference, 4, FV_PICKLE_INT), &storage->count))
        return damaged(err, "a reference to a storage is not understood");
    storage->key = key->as.text.bytes;
    storage->key_size = key->as.text.size;
    storage->dtype = (fv_dtype)type->as.object.index;
    storage->first = 0;
    storage->span = storage->count;
    if (!part) return FV_OK;
    if (!whole(argument(p, part, 1, FV_PICKLE_INT), &storage->first) ||
        !whole(argument(p, part, 2, FV_PICKLE_INT), &storage->span) || storage->first > storage->count ||
        storage->span > storage->count - storage->first)
        return damaged(err, "a part of a storage lies outside of it");
    return FV_OK;
}

/* Room for one more item of an array. */
static fv_status grow(void *array, size_t count, size_t *room, size_t size, fv_error *err)
{
    if (count < *room) return FV_OK;
    size_t more = *room ? 2 * *room : 64;
    FV_TRY(fv_realloc(array, more, size, err));
    *room = more;
    return FV_OK;
}

static fv_status answer_persistent(void *context, const fv_pickle *pickle, fv_pickle_value *result,
                                   const fv_pickle_value *reference, fv_error *err)
{
    fv_torch *t = context;
    fv_torch_storage storage = {0};
    FV_TRY(read_reference(&storage, pickle, reference, err));
    FV_TRY(grow(&t->storages, t->storage_count, &t->storage_room, sizeof storage, err));
    t->storages[t->storage_count] = storage;
    result->kind = FV_PICKLE_OBJECT;
    result->as.object.type = FV_TORCH_STORAGE;
    result->as.object.index = t->storage_count++;
    return FV_OK;
}

/* --- tensors --- */

static fv_status read_shape(fv_torch_tensor *tensor, const fv_pickle *p, const fv_pickle_value *size,
                            const fv_pickle_value *stride, fv_error *err)
{
    size_t rank = size->as.items.count, n;
    if (rank != stride->as.items.count) return damaged(err, "a tensor has other strides than dimensions");
    if (rank > FV_MAX_RANK)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "a tensor has %zu dimensions; at most %d are supported",
                       rank, FV_MAX_RANK);
    tensor->shape.rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        if (!whole(fv_pickle_item(p, size, i), &n)) return damaged(err, "a dimension is no whole number");
        tensor->shape.dim[i] = (int64_t)n;
        if (!whole(fv_pickle_item(p, stride, i), &n)) return damaged(err, "a stride is no whole number");
        tensor->stride[i] = (int64_t)n;
    }
    return fv_shape_count(&tensor->shape, &tensor->count, NULL) ? damaged(err, "a shape is too large")
                                                                : FV_OK;
}

/* The last element lies in the storage. */
static fv_status check_extent(const fv_torch_tensor *tensor, const fv_torch_storage *storage, fv_error *err)
{
    size_t last = tensor->offset, step;
    if (!tensor->count) return FV_OK;
    for (int i = 0; i < tensor->shape.rank; i++) {
        if (!fv_mul_size((size_t)tensor->shape.dim[i] - 1, (size_t)tensor->stride[i], &step) ||
            step > SIZE_MAX - last)
            return damaged(err, "a tensor reaches out of its storage");
        last += step;
    }
    return last < storage->span ? FV_OK : damaged(err, "a tensor reaches out of its storage");
}

/* (storage, offset, size, stride, ...) */
static fv_status build_tensor(fv_torch *t, const fv_pickle *p, fv_pickle_value *result,
                              const fv_pickle_value *arguments, fv_error *err)
{
    fv_torch_tensor tensor = {0};
    const fv_pickle_value *storage = argument(p, arguments, 0, FV_PICKLE_OBJECT);
    const fv_pickle_value *size = argument(p, arguments, 2, FV_PICKLE_TUPLE);
    const fv_pickle_value *stride = argument(p, arguments, 3, FV_PICKLE_TUPLE);
    if (!storage || storage->as.object.type != FV_TORCH_STORAGE || !size || !stride ||
        !whole(argument(p, arguments, 1, FV_PICKLE_INT), &tensor.offset))
        return damaged(err, "a tensor without storage, offset, size or stride");
    tensor.storage = storage->as.object.index;
    FV_TRY(read_shape(&tensor, p, size, stride, err));
    FV_TRY(check_extent(&tensor, &t->storages[tensor.storage], err));
    t->elements += tensor.count <= t->elements_most ? tensor.count : t->elements_most;
    if (t->elements >= t->elements_most)
        return fv_fail(err, FV_STATUS_MEMORY, "tensors with more elements than a file of this size can hold");
    FV_TRY(grow(&t->tensors, t->tensor_count, &t->tensor_room, sizeof tensor, err));
    t->tensors[t->tensor_count] = tensor;
    result->kind = FV_PICKLE_OBJECT;
    result->as.object.type = FV_TORCH_TENSOR;
    result->as.object.index = t->tensor_count++;
    return FV_OK;
}

/* OrderedDict() or, as Python 2 wrote it, OrderedDict([[key, value], ...]) */
static fv_status build_dict(const fv_pickle *p, fv_pickle_value *result, const fv_pickle_value *arguments,
                            fv_error *err)
{
    const fv_pickle_value *pairs = argument(p, arguments, 0, FV_PICKLE_LIST);
    if (arguments->as.items.count != (pairs ? 1u : 0u)) return damaged(err, "OrderedDict of what is no list");
    result->kind = FV_PICKLE_DICT;
    if (!pairs) return FV_OK;
    for (size_t i = 0; i < pairs->as.items.count; i++) {
        const fv_pickle_value *pair = fv_pickle_item(p, pairs, i);
        if ((pair->kind != FV_PICKLE_LIST && pair->kind != FV_PICKLE_TUPLE) || pair->as.items.count != 2)
            return damaged(err, "OrderedDict of what are no pairs");
        FV_TRY(fv_pickle_append(result, pair->as.items.ids[0], err));
        FV_TRY(fv_pickle_append(result, pair->as.items.ids[1], err));
    }
    return FV_OK;
}

static fv_status build_size(const fv_pickle *p, fv_pickle_value *result, const fv_pickle_value *arguments,
                            fv_error *err)
{
    const fv_pickle_value *size = argument(p, arguments, 0, FV_PICKLE_TUPLE);
    if (!size) return damaged(err, "torch.Size of what is no tuple");
    result->kind = FV_PICKLE_TUPLE;
    return fv_pickle_set_items(result, size->as.items.ids, size->as.items.count, err);
}

static fv_status answer_reduce(void *context, const fv_pickle *pickle, fv_pickle_value *result,
                               const fv_pickle_value *function, const fv_pickle_value *arguments,
                               fv_error *err)
{
    const fv_pickle_value *data;
    switch (function->as.object.type) {
    case ORDERED_DICT:
        return build_dict(pickle, result, arguments, err);
    case REBUILD_TENSOR:
        return build_tensor(context, pickle, result, arguments, err);
    case SIZE:
        return build_size(pickle, result, arguments, err);
    case REBUILD_PARAMETER:
        data = argument(pickle, arguments, 0, FV_PICKLE_OBJECT);
        if (!data || data->as.object.type != FV_TORCH_TENSOR)
            return damaged(err, "a parameter without a tensor");
        result->kind = FV_PICKLE_OBJECT;
        result->as.object = data->as.object;
        return FV_OK;
    default:
        return damaged(err, "a call of what cannot be called");
    }
}

const fv_pickle_caller fv_torch_caller = {NULL, answer_global, answer_reduce, answer_persistent};
