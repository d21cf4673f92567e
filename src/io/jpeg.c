/* JPEG in, through libjpeg-turbo. */
#include "base/alloc.h"
#include "io/exif.h"
#include "io/image.h"
#include <string.h>
#include <turbojpeg.h>

/* An 8x8 block takes a bit at least with Huffman codes; the rest is for arithmetic ones. */
enum { MOST_PIXELS_PER_BYTE = 4096 };

int fv_jpeg_detect(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 0xff && data[1] == 0xd8 && data[2] == 0xff;
}

static fv_status failure(tjhandle handle, fv_error *err)
{
    const char *reason = tjGetErrorStr2(handle);
    if (strstr(reason, "Premature end"))
        return fv_fail(err, FV_STATUS_FORMAT, "truncated JPEG (%.120s)", reason);
    return fv_fail(err, FV_STATUS_FORMAT, "damaged JPEG (%.120s)", reason);
}

static fv_status read_header(fv_image_info *info, tjhandle handle, const uint8_t *data, size_t size,
                             const fv_image_options *options, fv_error *err)
{
    int width = 0, height = 0, subsampling, colours = 0;
    if (tjDecompressHeader3(handle, data, (unsigned long)size, &width, &height, &subsampling, &colours) != 0)
        return failure(handle, err);
    if (!width || !height) /* a file of tables only passes, with nothing set */
        return fv_fail(err, FV_STATUS_FORMAT, "damaged JPEG (no picture in it)");
    if (colours == TJCS_CMYK || colours == TJCS_YCCK)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "CMYK JPEG images are not supported: convert it to RGB");
    FV_TRY(fv_image_check_size(width, height, options, err));
    if ((int64_t)width * height / MOST_PIXELS_PER_BYTE > (int64_t)size)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated JPEG (%zu bytes cannot hold %dx%d pixels)", size,
                       width, height);
    *info = (fv_image_info){.format = FV_IMAGE_JPEG,
                            .width = width,
                            .height = height,
                            .channels = colours == TJCS_GRAY ? 1 : 3,
                            .bit_depth = 8,
                            .white = 255,
                            .orientation = fv_exif_orientation(data, size)};
    return FV_OK;
}

/* Cameras leave stray bytes before the end marker, after the last pixel: the one warning that is let pass. */
static int is_harmless(tjhandle handle)
{
    const char *reason = tjGetErrorStr2(handle);
    return tjGetErrorCode(handle) == TJERR_WARNING && strstr(reason, "extraneous bytes before marker 0xd9");
}

static fv_status decompress(uint8_t *pixels, const fv_image_info *info, tjhandle handle, const uint8_t *data,
                            size_t size, fv_error *err)
{
    int format = info->channels == 1 ? TJPF_GRAY : TJPF_RGB;
    int flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;
    if (tjDecompress2(handle, data, (unsigned long)size, pixels, (int)info->width, 0, (int)info->height,
                      format, flags) == 0 ||
        is_harmless(handle))
        return FV_OK;
    return failure(handle, err);
}

/* Interleaved bytes to planes. */
static fv_status unpack(fv_tensor **out, const fv_image_info *info, const uint8_t *pixels, fv_error *err)
{
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
    for (int c = 0; c < info->channels; c++)
        for (int64_t i = 0; i < info->height * info->width; i++) *to++ = pixels[i * info->channels + c];
    return FV_OK;
}

fv_status fv_jpeg_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                         const fv_image_options *options, fv_error *err)
{
    fv_status status;
    uint8_t *pixels = NULL;
    *out = NULL;
    tjhandle handle = tjInitDecompress();
    if (!handle) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory to start libjpeg-turbo");
    FV_TRY_GOTO(read_header(info, handle, data, size, options, err));
    FV_TRY_GOTO(fv_calloc(&pixels, (size_t)(info->width * info->height), (size_t)info->channels, err));
    FV_TRY_GOTO(decompress(pixels, info, handle, data, size, err));
    int orientation = options && options->ignore_orientation ? 1 : info->orientation;
    FV_TRY_GOTO(unpack(out, info, pixels, err));
    status = fv_image_orient(out, info, orientation, err);
done:
    fv_free(pixels);
    tjDestroy(handle);
    return status;
}
