/* Any bytes are a set of tensors, each of which is found by name and can be read, or a clean error. */
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_safetensors *reader;
    size_t total = 0;
    if (fv_safetensors_parse(&reader, bytes, size, &err) != FV_OK) return 0;
    for (size_t i = 0; i < reader->count; i++) {
        const fv_safetensors_entry *entry = &reader->entries[i];
        fv_tensor *t;
        if (fv_safetensors_find(reader, entry->name) != entry) __builtin_trap();
        if (fv_safetensors_read(&t, reader, entry, &err) != FV_OK) __builtin_trap();
        total += t->count * fv_dtype_size(entry->dtype);
        fv_tensor_release(t);
    }
    if (total > size) __builtin_trap();
    fv_safetensors_close(reader);
    return 0;
}
