#include "io/hash.h"

#include "io/file.h"
#include <stdio.h>
#include <xxhash.h>

void fv_hash_bytes(char text[FV_HASH_TEXT], const void *data, size_t size)
{
    XXH128_hash_t hash = XXH3_128bits(data, size);
    snprintf(text, FV_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

fv_status fv_hash_file(char text[FV_HASH_TEXT], const char *path, fv_error *err)
{
    fv_file file;
    FV_TRY(fv_file_map(&file, path, 0, err));
    fv_hash_bytes(text, file.data, file.size);
    fv_file_close(&file);
    return FV_OK;
}
