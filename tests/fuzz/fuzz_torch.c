/* Any bytes are a set of tensors that can be read, no larger than the file allows, or a clean error. */
#include "io/torch.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_torch *torch;
    size_t total = 0;
    if (fv_torch_parse(&torch, bytes, size, &err) != FV_OK) return 0;
    for (size_t i = 0; i < torch->tensor_count; i++) {
        fv_tensor *t = NULL;
        total += torch->tensors[i].count;
        if (total > (1u << 24) + 4 * size) __builtin_trap();
        fv_status status = fv_torch_read(&t, torch, &torch->tensors[i], &err);
        /* The checksums of archives are compared only now. */
        if (status != FV_OK && !torch->zip) __builtin_trap();
        fv_tensor_release(t);
    }
    fv_torch_close(torch);
    return 0;
}
