#include "io/file.h"
#include "io/onnx.h"

#include <string.h>

/* The parser may use this multiple of the file's size, so that a small file cannot ask for much. */
enum { BUDGET_FACTOR = 24, BUDGET_BASE = 1 << 20 };

typedef struct budget {
    size_t left;
    int exhausted;
} budget;

static void *budget_alloc(void *context, size_t size)
{
    budget *b = context;
    void *block = NULL;
    if (size <= b->left && fv_calloc(&block, size, 1, NULL) == FV_OK) b->left -= size;
    if (!block) b->exhausted = 1;
    return block;
}

static void budget_free(void *context, void *block)
{
    (void)context;
    fv_free(block);
}

static void model_free(Onnx__ModelProto *model)
{
    ProtobufCAllocator allocator = {budget_alloc, budget_free, NULL};
    if (model) onnx__model_proto__free_unpacked(model, &allocator);
}

static fv_status wire_error(fv_wire problem, const uint8_t *bytes, size_t size, fv_error *err)
{
    if (size == 0) return fv_fail(err, FV_STATUS_FORMAT, "empty file");
    if (problem == FV_WIRE_DEEP)
        return fv_fail(err, FV_STATUS_FORMAT, "messages are nested deeper than any ONNX model needs");
    /* Every writer starts with the IR version: field 1, a number. */
    if (bytes[0] != 0x08) return fv_fail(err, FV_STATUS_FORMAT, "not an ONNX file");
    if (problem == FV_WIRE_TRUNCATED)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated file: it ends after %zu bytes, inside a field",
                       size);
    return fv_fail(err, FV_STATUS_FORMAT, "not an ONNX file, or a damaged one");
}

static fv_status unpack(Onnx__ModelProto **out, const uint8_t *bytes, size_t size, fv_error *err)
{
    budget left = {BUDGET_BASE, 0};
    size_t scaled;
    fv_wire problem = size ? fv_onnx_wire_check(bytes, size) : FV_WIRE_TRUNCATED;
    if (problem != FV_WIRE_OK) return wire_error(problem, bytes, size, err);
    if (fv_mul_size(size, BUDGET_FACTOR, &scaled) && scaled < SIZE_MAX - BUDGET_BASE) left.left += scaled;
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &left};
    *out = onnx__model_proto__unpack(&allocator, size, bytes);
    if (*out) return FV_OK;
    if (left.exhausted) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory to unpack the model");
    return fv_fail(err, FV_STATUS_FORMAT, "not an ONNX file, or a damaged one");
}

fv_status fv_onnx_read_memory(fv_onnx **out, const void *bytes, size_t size, fv_error *err)
{
    fv_status status;
    fv_onnx *onnx = NULL;
    *out = NULL;
    FV_TRY_GOTO(fv_calloc(&onnx, 1, sizeof *onnx, err));
    FV_TRY_GOTO(unpack(&onnx->model, bytes, size, err));
    FV_TRY_GOTO(fv_onnx_check(onnx->model, err));
    *out = onnx;
    onnx = NULL;
done:
    fv_onnx_free(onnx);
    return status;
}

static fv_status set_folder(fv_onnx *onnx, const char *path, fv_error *err)
{
    const char *slash = strrchr(path, '/');
    FV_TRY(fv_strdup(&onnx->folder, slash ? path : ".", err));
    if (slash) onnx->folder[slash == path ? 1 : slash - path] = '\0';
    return FV_OK;
}

fv_status fv_onnx_read_file(fv_onnx **out, const char *path, fv_error *err)
{
    fv_status status;
    fv_file file = {0};
    *out = NULL;
    FV_TRY(fv_file_read(&file, path, 0, err));
    FV_TRY_GOTO(fv_onnx_read_memory(out, file.data, file.size, err));
    FV_TRY_GOTO(set_folder(*out, path, err));
done:
    fv_file_close(&file);
    if (status != FV_OK) {
        fv_onnx_free(*out);
        *out = NULL;
        fv_file_prefix(err, path, status);
    }
    return status;
}

void fv_onnx_free(fv_onnx *onnx)
{
    if (!onnx) return;
    model_free(onnx->model);
    fv_free(onnx->folder);
    fv_free(onnx);
}
