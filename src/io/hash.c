#include "io/hash.h"

#include "io/file.h"
#include <stdio.h>
#include <xxhash.h>

enum { PIECE = 1 << 22 }; /* bytes of a file that are looked at together */

static void write_digits(char text[FV_HASH_TEXT], XXH128_hash_t hash)
{
    snprintf(text, FV_HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

void fv_hash_bytes(char text[FV_HASH_TEXT], const void *data, size_t size)
{
    write_digits(text, XXH3_128bits(data, size));
}

/* Piece by piece, so that a big file does not take its size in memory. */
fv_status fv_hash_file(char text[FV_HASH_TEXT], const char *path, fv_error *err)
{
    fv_file file;
    FV_TRY(fv_file_map(&file, path, 0, err));
    XXH3_state_t *state = XXH3_createState();
    fv_status status = state ? FV_OK : fv_fail(err, FV_STATUS_MEMORY, "not enough memory for a hash");
    if (state) XXH3_128bits_reset(state);
    for (size_t at = 0; at < file.size && state; at += PIECE) {
        size_t size = file.size - at < PIECE ? file.size - at : PIECE;
        XXH3_128bits_update(state, file.data + at, size);
        fv_file_forget(&file, at, size);
    }
    if (state) write_digits(text, XXH3_128bits_digest(state));
    XXH3_freeState(state);
    fv_file_close(&file);
    return status;
}
