/* What the two files of the TIFF reader share: the header (tiff.c) and the pixels (tiff_pixels.c). */
#ifndef FV_IO_TIFF_H
#define FV_IO_TIFF_H

#include "io/image.h"
#include <tiffio.h>

typedef struct fv_tiff {
    const uint8_t *data;
    size_t size, at;
    TIFF *tif;
    const fv_image_options *options;
    fv_image_info *info;
    char reason[160]; /* libtiff's first complaint */

    /* of the page */
    uint32_t width, height;
    uint16_t bits, samples, kind, photometric; /* kind: SAMPLEFORMAT_* */
    int separate;                              /* a plane per sample */
    uint16_t *map[3];                          /* palette; libtiff's */
} fv_tiff;

/* "damaged TIFF (...)" in libtiff's words. */
fv_status fv_tiff_failure(const fv_tiff *t, fv_error *err);

/* Tensor of the page whose header has been read: info->channels x height x width. */
fv_status fv_tiff_pixels(fv_tensor **out, fv_tiff *t, fv_error *err);

#endif
