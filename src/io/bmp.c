/* BMP in, through Leptonica: uncompressed pictures of 1 to 32 bits. */
#include "io/image.h"
#include "io/leptonica.h"
#include <leptonica/allheaders.h>
#include <string.h>

/* Places in the headers. */
enum { HEADER_SIZE = 14, WIDTH = 18, HEIGHT = 22, PLANES = 26, BITS = 28, COMPRESSION = 30, HEADER_END = 54 };

int fv_bmp_detect(const uint8_t *data, size_t size)
{
    return size >= HEADER_SIZE && memcmp(data, "BM", 2) == 0;
}

static int64_t little_endian(const uint8_t *p, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes; i-- > 0;) value = value << 8 | p[i];
    return (int32_t)value;
}

static fv_status check_header(fv_image_info *info, const uint8_t *data, size_t size,
                              const fv_image_options *options, fv_error *err)
{
    if (size < HEADER_END)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated BMP (the file ends after %zu bytes)", size);
    int64_t header = little_endian(data + HEADER_SIZE, 4), bits = little_endian(data + BITS, 2);
    if (header < 40 || little_endian(data + PLANES, 2) != 1)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "BMP of a kind older than Windows 3 is not supported");
    if (little_endian(data + COMPRESSION, 4) != 0)
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "compressed BMP is not supported: save it uncompressed, or as PNG");
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged BMP (%lld bits a pixel)", (long long)bits);
    int64_t width = little_endian(data + WIDTH, 4), height = little_endian(data + HEIGHT, 4);
    if (height < 0) height = -height; /* rows from the top */
    FV_TRY(fv_image_check_size(width, height, options, err));
    if ((width * bits + 31) / 32 * 4 * height > (int64_t)size)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated BMP (%zu bytes cannot hold %lldx%lld pixels)", size,
                       (long long)width, (long long)height);
    *info = (fv_image_info){.format = FV_IMAGE_BMP, .bit_depth = bits < 16 ? (int)bits : 8, .orientation = 1};
    return FV_OK;
}

fv_status fv_bmp_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err)
{
    *out = NULL;
    FV_TRY(check_header(info, data, size, options, err));
    fv_leptonica_quiet();
    PIX *pix = pixReadMemBmp(data, size);
    if (!pix) return fv_fail(err, FV_STATUS_FORMAT, "damaged BMP (or not enough memory for it)");
    return fv_leptonica_tensor(out, info, pix, err);
}
