/* Checked allocation. All heap memory of src/ goes through here, so that tests can make any allocation fail
 * and so that the bytes held are known. */
#ifndef FV_BASE_ALLOC_H
#define FV_BASE_ALLOC_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

enum { FV_ALIGNMENT = 64 }; /* of fv_alloc_aligned: a cache line, and the widest vector */

/* Zeroed array of count elements of size bytes; *out is NULL on failure. count * size is checked for
 * overflow. count may be 0 (one byte is then allocated). Free with fv_free. */
fv_status fv_calloc(void *out, size_t count, size_t size, fv_error *err);

/* Resizes *inout (may hold NULL) to count elements; new elements are not zeroed; *inout is unchanged on
 * failure. */
fv_status fv_realloc(void *inout, size_t count, size_t size, fv_error *err);

/* Copy of a string. */
fv_status fv_strdup(char **out, const char *text, fv_error *err);

/* Uninitialised block aligned to FV_ALIGNMENT. Free with fv_free_aligned, giving the same byte count. */
fv_status fv_alloc_aligned(void *out, size_t bytes, fv_error *err);

/* Both accept NULL. */
void fv_free(void *block);
void fv_free_aligned(void *block, size_t bytes);

/* Bytes held by fv_alloc_aligned blocks now: the big buffers (tensors, arenas, packed weights). */
size_t fv_alloc_bytes(void);

/* For tests: the n-th allocation from now fails (0: the next one); n < 0 switches failures off. */
void fv_alloc_fail_at(long n);

/* For tests: allocations asked for since the last call of fv_alloc_fail_at. */
long fv_alloc_count(void);

/* a * b with overflow check; returns 0 and leaves *out alone when it does not fit. */
int fv_mul_size(size_t a, size_t b, size_t *out);

#endif
