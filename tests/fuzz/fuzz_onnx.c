/* Any bytes are an ONNX model or a clean error; so are all of its initialisers. */
#include "io/onnx.h"

#include <stddef.h>
#include <stdint.h>

static void read_tensor(const fv_onnx *onnx, const Onnx__TensorProto *tensor)
{
    fv_error err;
    fv_onnx_info info;
    if (fv_onnx_tensor_info(&info, tensor, "initialiser", &err) != FV_OK) return;
    if (fv_onnx_is_float(info.dtype)) {
        fv_tensor *floats;
        if (fv_onnx_floats(&floats, onnx, tensor, "initialiser", &err) == FV_OK) fv_tensor_release(floats);
    } else {
        int64_t *integers;
        size_t count;
        if (fv_onnx_integers(&integers, &count, onnx, tensor, "initialiser", &err) == FV_OK)
            fv_free(integers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_onnx *onnx;
    if (fv_onnx_read_memory(&onnx, bytes, size, &err) != FV_OK) return 0;
    for (size_t i = 0; i < onnx->model->graph->n_initializer; i++)
        read_tensor(onnx, onnx->model->graph->initializer[i]);
    fv_onnx_free(onnx);
    return 0;
}
