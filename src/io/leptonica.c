#include "io/leptonica.h"

#include <leptonica/allheaders.h>

void fv_leptonica_quiet(void)
{
    setMsgSeverity(L_SEVERITY_NONE);
}

/* Value of pixel x of a line of 1 to 16 bits as that of the tensor. */
static float grey_at(l_uint32 *line, l_int32 x, l_int32 depth)
{
    switch (depth) {
    case 1:
        return GET_DATA_BIT(line, x) ? 0 : 255; /* a set bit is black */
    case 2:
        return (float)(GET_DATA_DIBIT(line, x) * 85);
    case 4:
        return (float)(GET_DATA_QBIT(line, x) * 17);
    case 8:
        return (float)GET_DATA_BYTE(line, x);
    default:
        return (float)GET_DATA_TWO_BYTES(line, x);
    }
}

static void unpack(fv_tensor *to, PIX *pix)
{
    static const int shifts[] = {24, 16, 8, 0};
    l_int32 depth = pixGetDepth(pix), words = pixGetWpl(pix);
    int64_t channels = to->shape.dim[0], height = to->shape.dim[1], width = to->shape.dim[2];
    for (int64_t c = 0; c < channels; c++)
        for (int64_t y = 0; y < height; y++) {
            l_uint32 *line = pixGetData(pix) + y * words;
            float *row = to->data + (c * height + y) * width;
            for (int64_t x = 0; x < width; x++)
                row[x] = depth == 32 ? (float)(line[x] >> shifts[c] & 255) : grey_at(line, (l_int32)x, depth);
        }
}

/* Replaces a picture with a palette by one without. */
static fv_status without_palette(PIX **pix, fv_image_info *info, fv_error *err)
{
    if (!pixGetColormap(*pix)) return FV_OK;
    PIX *plain = pixRemoveColormap(*pix, REMOVE_CMAP_BASED_ON_SRC);
    pixDestroy(pix);
    *pix = plain;
    info->palette = 1;
    return plain ? FV_OK : fv_fail(err, FV_STATUS_FORMAT, "damaged image (its palette)");
}

fv_status fv_leptonica_tensor(fv_tensor **out, fv_image_info *info, struct Pix *pix, fv_error *err)
{
    fv_status status = without_palette(&pix, info, err);
    if (status != FV_OK) return status;
    l_int32 depth = pixGetDepth(pix);
    info->has_alpha = depth == 32 && pixGetSpp(pix) == 4;
    info->channels = depth == 32 ? 3 + info->has_alpha : 1;
    info->white = depth == 16 ? UINT16_MAX : UINT8_MAX;
    info->width = pixGetWidth(pix);
    info->height = pixGetHeight(pix);
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    status = fv_tensor_new(out, &shape, err);
    if (status == FV_OK) unpack(*out, pix);
    pixDestroy(&pix);
    return status;
}
