/* Any bytes are an array or a clean error. */
#include "io/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_tensor *t;
    fv_dtype dtype;
    if (fv_npy_decode(&t, &dtype, bytes, size, &err) != FV_OK) return 0;
    if (t->count * fv_dtype_size(dtype) > size) __builtin_trap();
    fv_tensor_release(t);
    return 0;
}
