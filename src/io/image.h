/* Pictures: PNG, JPEG, TIFF, GIF, BMP and PNM files to tensors of channel x height x width, and tensors to
 * PNG. Values are those of the file, not scaled to 0..1: 0..255, or 0..65535 for 16 bits. Gamma and colour
 * profiles are ignored. */
#ifndef FV_IO_IMAGE_H
#define FV_IO_IMAGE_H

#include "base/status.h"
#include "tensor/tensor.h"
#include <stddef.h>
#include <stdint.h>

typedef enum fv_image_format {
    FV_IMAGE_PNG,
    FV_IMAGE_JPEG,
    FV_IMAGE_TIFF,
    FV_IMAGE_GIF,
    FV_IMAGE_BMP,
    FV_IMAGE_PNM
} fv_image_format;

typedef struct fv_image_info {
    fv_image_format format; /* what the bytes are, whatever the name says */
    int64_t width, height;  /* of the tensor: after the orientation */
    int channels;           /* of the tensor: grey 1, grey and alpha 2, RGB 3, RGBA 4 */
    int bit_depth;          /* of the file: 1, 2, 4, 8, 16 or 32 (bits of a sample or palette index) */
    int white; /* value of full intensity in the tensor: 255, or 65535 for 16 bits; signed numbers
                * and 32 bits: the largest of their kind, at most 2^31 - 1; floating point: 1 */
    int has_alpha;
    int palette;     /* the file held palette indices */
    int orientation; /* EXIF or TIFF orientation of the file, 1 to 8; 1 when there is none */
    int pages;       /* of a TIFF file; 1 for the others */
} fv_image_info;

/* Zero gives the defaults. */
typedef struct fv_image_options {
    int64_t max_pixels;     /* FV_IMAGE_MAX_PIXELS: larger pictures are refused from their header */
    int ignore_orientation; /* leave the pixels as they are stored */
    int page;               /* of a TIFF file, from 0 */
} fv_image_options;

#define FV_IMAGE_MAX_PIXELS ((int64_t)1 << 28)

/* Tensor C x H x W of a picture in memory; the kind is found from the first bytes. Below 8 bits, grey values
 * are stretched to 0..255; palettes become RGB (grey in GIF and BMP, which know no other, where all of a
 * palette is grey); transparent colours become an alpha channel; the orientation of a JPEG or TIFF is
 * applied. Of a GIF, the first frame is read. Errors: FV_STATUS_FORMAT (not a picture, damaged, truncated),
 * FV_STATUS_UNSUPPORTED (CMYK,
 * ...), FV_STATUS_MISMATCH (no such page), FV_STATUS_MEMORY (over the pixel budget, found before anything is
 * allocated). options may be NULL. */
fv_status fv_image_decode(fv_tensor **out, fv_image_info *info, const void *data, size_t size,
                          const fv_image_options *options, fv_error *err);

/* The same for a file; messages start with its path. */
fv_status fv_image_read(fv_tensor **out, fv_image_info *info, const char *path,
                        const fv_image_options *options, fv_error *err);

/* --- PNG out --- */

typedef struct fv_image_text {
    const char *key;   /* 1 to 79 printable ASCII characters, no leading, trailing or double spaces */
    const char *value; /* UTF-8 */
} fv_image_text;

/* Zero gives the defaults. */
typedef struct fv_png_options {
    int bit_depth; /* 8 (default) or 16 */
    const fv_image_text *text;
    size_t text_count;
} fv_png_options;

/* PNG bytes of a tensor H x W or C x H x W with 1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGBA) channels.
 * Values are rounded to the nearest integer, halves up, and clamped to 0..255 or 0..65535; NaN becomes 0. The
 * same tensor always gives the same bytes. Free *data with fv_free. */
fv_status fv_png_encode(uint8_t **data, size_t *size, const fv_tensor *image, const fv_png_options *options,
                        fv_error *err);

/* The same to a file, which is replaced as a whole or not at all. */
fv_status fv_png_write(const char *path, const fv_tensor *image, const fv_png_options *options,
                       fv_error *err);

/* --- for the readers of the formats --- */

/* Refuses empty pictures and those over the pixel budget. */
fv_status fv_image_check_size(int64_t width, int64_t height, const fv_image_options *options, fv_error *err);

/* The most pixels that options allow. */
int64_t fv_image_limit(const fv_image_options *options);

/* Turns a picture as stored into one as seen (EXIF orientation 1 to 8), replacing *image; sets width and
 * height. */
fv_status fv_image_orient(fv_tensor **image, fv_image_info *info, int orientation, fv_error *err);

/* Colours of a palette picture: index i of the height x width pixels becomes three channels, or one when no
 * colour of the palette is anything but grey; index `transparent` (-1: none) adds an alpha channel. */
fv_status fv_image_colour(fv_tensor **image, fv_image_info *info, const uint8_t *indices,
                          const uint8_t (*colours)[3], int count, int transparent, fv_error *err);

#define FV_IMAGE_FORMATS(X) X(png) X(jpeg) X(tiff) X(gif) X(bmp) X(pnm)

#define X(name)                                                                                              \
    int fv_##name##_detect(const uint8_t *data, size_t size);                                                \
    fv_status fv_##name##_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,     \
                                 const fv_image_options *options, fv_error *err);
FV_IMAGE_FORMATS(X)
#undef X

#endif
