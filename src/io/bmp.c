/* BMP in, through Leptonica: uncompressed pictures of 1 to 32 bits. */
#include "io/image.h"
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
    *info = (fv_image_info){
        .format = FV_IMAGE_BMP, .bit_depth = bits < 16 ? (int)bits : 8, .white = UINT8_MAX, .orientation = 1};
    return FV_OK;
}

/* Replaces a picture with a palette by one without: grey where all of its colours are. */
static fv_status without_palette(PIX **pix, fv_image_info *info, fv_error *err)
{
    if (!pixGetColormap(*pix)) return FV_OK;
    PIX *plain = pixRemoveColormap(*pix, REMOVE_CMAP_BASED_ON_SRC);
    pixDestroy(pix);
    *pix = plain;
    info->palette = 1;
    return plain ? FV_OK : fv_fail(err, FV_STATUS_FORMAT, "damaged BMP (its palette)");
}

/* Words of 32 bits hold red, green, blue, alpha from the top; a single set bit is black. */
static void unpack(fv_tensor *to, PIX *pix)
{
    l_int32 depth = pixGetDepth(pix), words = pixGetWpl(pix);
    int64_t channels = to->shape.dim[0], height = to->shape.dim[1], width = to->shape.dim[2];
    for (int64_t c = 0; c < channels; c++)
        for (int64_t y = 0; y < height; y++) {
            l_uint32 *line = pixGetData(pix) + y * words;
            float *row = to->data + (c * height + y) * width;
            for (int64_t x = 0; x < width; x++)
                row[x] = depth == 32  ? (float)(line[x] >> (24 - 8 * c) & 255)
                         : depth == 8 ? (float)GET_DATA_BYTE(line, x)
                                      : (GET_DATA_BIT(line, x) ? 0 : 255);
        }
}

/* Tensor of a picture, which is taken over. */
static fv_status to_tensor(fv_tensor **out, fv_image_info *info, PIX *pix, fv_error *err)
{
    fv_status status = without_palette(&pix, info, err);
    if (status != FV_OK) return status;
    l_int32 depth = pixGetDepth(pix);
    info->has_alpha = depth == 32 && pixGetSpp(pix) == 4;
    info->channels = depth == 32 ? 3 + info->has_alpha : 1;
    info->width = pixGetWidth(pix);
    info->height = pixGetHeight(pix);
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    if (depth != 32 && depth != 8 && depth != 1)
        status =
            fv_fail(err, FV_STATUS_UNSUPPORTED, "BMP of %d bits without a palette is not supported", depth);
    else
        status = fv_tensor_new(out, &shape, err);
    if (status == FV_OK) unpack(*out, pix);
    pixDestroy(&pix);
    return status;
}

fv_status fv_bmp_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err)
{
    *out = NULL;
    FV_TRY(check_header(info, data, size, options, err));
    setMsgSeverity(L_SEVERITY_NONE); /* Leptonica would print */
    PIX *pix = pixReadMemBmp(data, size);
    if (!pix) return fv_fail(err, FV_STATUS_FORMAT, "damaged BMP (or not enough memory for it)");
    return to_tensor(out, info, pix, err);
}
