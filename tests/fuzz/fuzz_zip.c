/* Any bytes are an archive whose entries are found by name and have the size they claim, or a clean error. */
#include "base/alloc.h"
#include "io/zip.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_zip *zip;
    size_t total = 0;
    if (fv_zip_parse(&zip, bytes, size, &err) != FV_OK) return 0;
    for (size_t i = 0; i < zip->count; i++) {
        const fv_zip_entry *entry = &zip->entries[i];
        uint8_t *content;
        if (fv_zip_find(zip, entry->name) != entry) __builtin_trap();
        total += entry->size;
        if (total > (1u << 26) + 64 * size) __builtin_trap();
        if (fv_calloc(&content, entry->size, 1, &err) != FV_OK) continue;
        fv_zip_read(content, zip, entry, &err);
        fv_free(content);
    }
    fv_zip_close(zip);
    return 0;
}
