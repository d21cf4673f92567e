/* The pixels of a PNG, filtered and compressed: by all threads, in strips of a fixed size, so that the bytes
 * do not depend on their number. */
#ifndef FV_IO_PNG_ROWS_H
#define FV_IO_PNG_ROWS_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

/* Writes the bytes of row y. */
typedef void (*fv_png_row)(const void *context, int64_t y, uint8_t *to);

typedef struct fv_png_rows {
    int64_t height;
    size_t row_bytes, pixel_bytes;
    fv_png_row row;
    const void *context;
} fv_png_rows;

typedef struct fv_png_strip {
    uint8_t *data;
    size_t size;
    size_t raw_size; /* before compression */
    unsigned long check;
} fv_png_strip;

/* One after the other they make a zlib stream. To be freed, also on failure. */
typedef struct fv_png_strips {
    int64_t count;
    fv_png_strip *strip;
} fv_png_strips;

fv_status fv_png_compress(fv_png_strips *out, const fv_png_rows *rows, fv_error *err);
void fv_png_strips_free(fv_png_strips *strips);

#endif
