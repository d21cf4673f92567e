/* Any bytes are a set of tensors or a clean error, whatever they do to the process that parses them. */
#include "io/hdf5.h"

#include "base/alloc.h"
#include <string.h>

enum { SIGNATURE = 8 };

/* Half of the inputs get the signature, so that the reader program has something to do. */
static void sign(uint8_t *bytes, size_t size)
{
    if (size > 64 && bytes[size - 1] % 2 == 0) memcpy(bytes, "\x89HDF\r\n\x1a\n", SIGNATURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_safetensors *reader;
    uint8_t *copy;
    if (size == 0 || fv_calloc(&copy, size, 1, &err) != FV_OK) return 0;
    memcpy(copy, bytes, size);
    sign(copy, size);
    fv_status status = fv_hdf5_open_bytes(&reader, copy, size, "fuzz", &err);
    fv_free(copy);
    if (status != FV_OK) {
        int refused =
            status == FV_STATUS_FORMAT || status == FV_STATUS_UNSUPPORTED || status == FV_STATUS_MEMORY;
        if (!refused || strstr(err.text, "fovea-hdf5")) __builtin_trap();
        return 0;
    }
    for (size_t i = 0; i < reader->count; i++) {
        fv_tensor *t;
        if (fv_safetensors_read(&t, reader, &reader->entries[i], &err) != FV_OK) __builtin_trap();
        fv_tensor_release(t);
    }
    fv_safetensors_close(reader);
    return 0;
}
