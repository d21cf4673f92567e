/* Big blocks straight from the system: what is given back is really gone, or kept for the next block of the
 * same size. (The C library keeps blocks of this size in its heap once one has been freed, and the heap
 * cannot shrink below its last block.) */
#ifndef FV_BASE_PAGES_H
#define FV_BASE_PAGES_H

#include <stddef.h>

enum { FV_PAGES_LEAST = 1 << 20 }; /* bytes from which a block is big */

/* Page-aligned block of at least FV_PAGES_LEAST bytes, elements undefined; NULL when there is no memory. */
void *fv_pages_new(size_t bytes);

/* Gives a block back; bytes as it was asked for. */
void fv_pages_free(void *block, size_t bytes);

#endif
