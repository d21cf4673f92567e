/* Content hashes: 128 bits (XXH3) as 32 hexadecimal digits. They tell files apart; they are no protection
 * against forgery. */
#ifndef FV_IO_HASH_H
#define FV_IO_HASH_H

#include "base/status.h"
#include <stddef.h>

enum { FV_HASH_TEXT = 33 }; /* digits and the final zero */

/* Hash of a block of memory; the same as that of a file with these bytes. */
void fv_hash_bytes(char text[FV_HASH_TEXT], const void *data, size_t size);

/* Hash of a file. Errors as fv_file_map. */
fv_status fv_hash_file(char text[FV_HASH_TEXT], const char *path, fv_error *err);

#endif
