/* PBM, PGM, PPM and PAM in, through Leptonica. */
#include "io/image.h"
#include "io/leptonica.h"
#include <leptonica/allheaders.h>
#include <string.h>

int fv_pnm_detect(const uint8_t *data, size_t size)
{
    return size >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '7' && memchr(" \t\r\n#", data[2], 5);
}

static fv_status check_header(fv_image_info *info, const uint8_t *data, size_t size,
                              const fv_image_options *options, fv_error *err)
{
    l_int32 width = 0, height = 0, depth = 0, type = 0, bits = 0, samples = 0;
    if (readHeaderMemPnm(data, size, &width, &height, &depth, &type, &bits, &samples) != 0)
        return fv_fail(err, FV_STATUS_FORMAT,
                       "damaged PNM (its header; the largest value must be 1, 3, 15, 255 or 65535)");
    FV_TRY(fv_image_check_size(width, height, options, err));
    if (bits == 16 && samples > 1)
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "PPM of 16 bits a sample is not supported: use PNG or TIFF");
    int64_t least = type == 1 ? (int64_t)width * height : ((int64_t)width * bits * samples + 7) / 8 * height;
    if (least > (int64_t)size)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated PNM (%zu bytes cannot hold %dx%d pixels)", size,
                       width, height);
    *info = (fv_image_info){.format = FV_IMAGE_PNM, .bit_depth = bits, .orientation = 1};
    return FV_OK;
}

fv_status fv_pnm_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err)
{
    *out = NULL;
    fv_leptonica_quiet();
    FV_TRY(check_header(info, data, size, options, err));
    PIX *pix = pixReadMemPnm(data, size);
    if (!pix) return fv_fail(err, FV_STATUS_FORMAT, "damaged or truncated PNM");
    return fv_leptonica_tensor(out, info, pix, err);
}
