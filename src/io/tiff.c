/* TIFF in, through libtiff: one page of a file in memory. */
#include "io/tiff.h"

#include <stdio.h>
#include <string.h>

enum {
    LEAST_BUDGET = 1 << 24, /* bytes that libtiff may take for one thing */
    BYTES_PER_PIXEL = 8,    /* on top of that: RGBA of 16 bits */
    MOST_BYTES_PER_BYTE = 1 << 15
};

int fv_tiff_detect(const uint8_t *data, size_t size)
{
    return size >= 8 && (memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0 ||
                         memcmp(data, "II+\0", 4) == 0 || memcmp(data, "MM\0+", 4) == 0);
}

fv_status fv_tiff_failure(const fv_tiff *t, fv_error *err)
{
    return fv_fail(err, FV_STATUS_FORMAT, "damaged TIFF (%s)", *t->reason ? t->reason : "no reason given");
}

/* --- a file in memory --- */

static tmsize_t take_bytes(thandle_t handle, void *out, tmsize_t count)
{
    fv_tiff *t = handle;
    size_t left = t->at < t->size ? t->size - t->at : 0, n = (size_t)count < left ? (size_t)count : left;
    memcpy(out, t->data + t->at, n);
    t->at += n;
    return (tmsize_t)n;
}

static tmsize_t refuse_bytes(thandle_t handle, void *data, tmsize_t count)
{
    (void)handle;
    (void)data;
    (void)count;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t offset, int whence)
{
    fv_tiff *t = handle;
    toff_t base = whence == SEEK_CUR ? t->at : whence == SEEK_END ? t->size : 0;
    if (offset > INT64_MAX - base) return (toff_t)-1;
    t->at = (size_t)(base + offset);
    return t->at;
}

static int close_nothing(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle)
{
    return ((fv_tiff *)handle)->size;
}

static int map(thandle_t handle, void **base, toff_t *size)
{
    fv_tiff *t = handle;
    *base = (void *)t->data; /* libtiff reads only */
    *size = t->size;
    return 1;
}

static void unmap(thandle_t handle, void *base, toff_t size)
{
    (void)handle;
    (void)base;
    (void)size;
}

static int on_error(TIFF *tif, void *user, const char *module, const char *format, va_list arguments)
{
    fv_tiff *t = user;
    (void)tif;
    (void)module;
    if (!*t->reason) vsnprintf(t->reason, sizeof t->reason, format, arguments);
    return 1;
}

static int on_warning(TIFF *tif, void *user, const char *module, const char *format, va_list arguments)
{
    (void)tif;
    (void)user;
    (void)module;
    (void)format;
    (void)arguments;
    return 1;
}

static fv_status open_file(fv_tiff *t, fv_error *err)
{
    TIFFOpenOptions *how = TIFFOpenOptionsAlloc();
    if (!how) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory to start libtiff");
    int64_t limit = fv_image_limit(t->options);
    limit = LEAST_BUDGET + BYTES_PER_PIXEL * (limit > FV_IMAGE_MAX_PIXELS ? FV_IMAGE_MAX_PIXELS : limit);
    TIFFOpenOptionsSetMaxSingleMemAlloc(how, (tmsize_t)limit);
    TIFFOpenOptionsSetErrorHandlerExtR(how, on_error, t);
    TIFFOpenOptionsSetWarningHandlerExtR(how, on_warning, t);
    t->tif = TIFFClientOpenExt("", "r", t, take_bytes, refuse_bytes, seek, close_nothing, size_of, map, unmap,
                               how);
    TIFFOpenOptionsFree(how);
    return t->tif ? FV_OK : fv_tiff_failure(t, err);
}

/* --- the header of a page --- */

static fv_status go_to_page(fv_tiff *t, fv_error *err)
{
    int page = t->options ? t->options->page : 0;
    t->info->pages = (int)TIFFNumberOfDirectories(t->tif);
    if (page >= t->info->pages)
        return fv_fail(err, FV_STATUS_MISMATCH, "has no page %d (there are %d)", page + 1, t->info->pages);
    return TIFFSetDirectory(t->tif, (tdir_t)page) ? FV_OK : fv_tiff_failure(t, err);
}

static fv_status check_kind(const fv_tiff *t, fv_error *err)
{
    int integer = t->kind == SAMPLEFORMAT_UINT || t->kind == SAMPLEFORMAT_INT || t->kind == SAMPLEFORMAT_VOID;
    int bits = t->bits;
    if (!(integer && (bits == 8 || bits == 16 || bits == 32)) &&
        !(t->kind != SAMPLEFORMAT_INT && integer && (bits == 1 || bits == 2 || bits == 4)) &&
        !(t->kind == SAMPLEFORMAT_IEEEFP && bits == 32))
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "TIFF samples of %d bits of format %d are not supported",
                       bits, t->kind);
    return FV_OK;
}

/* Channels of the tensor; and what the samples of a pixel mean. */
static fv_status check_colours(fv_tiff *t, fv_error *err)
{
    uint16_t extra = 0, *meaning = NULL;
    int colours = t->photometric == PHOTOMETRIC_RGB ? 3 : 1;
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_EXTRASAMPLES, &extra, &meaning);
    t->info->palette = t->photometric == PHOTOMETRIC_PALETTE;
    if (t->photometric > PHOTOMETRIC_PALETTE)
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "TIFF colours of kind %d are not supported: convert it to RGB", t->photometric);
    if (t->info->palette && (t->bits > 8 || t->samples != 1 ||
                             !TIFFGetField(t->tif, TIFFTAG_COLORMAP, &t->map[0], &t->map[1], &t->map[2])))
        return fv_fail(err, FV_STATUS_FORMAT, "damaged TIFF (palette without colours)");
    t->info->has_alpha = extra == 1 && t->samples == colours + 1 && !t->info->palette &&
                         (*meaning == EXTRASAMPLE_ASSOCALPHA || *meaning == EXTRASAMPLE_UNASSALPHA);
    if (t->samples != colours + t->info->has_alpha)
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "TIFF pixels of %d samples are not supported for this kind (%d)", t->samples,
                       t->photometric);
    t->info->channels = t->info->palette ? 3 : t->samples;
    return FV_OK;
}

static int white_of(const fv_tiff *t)
{
    if (t->kind == SAMPLEFORMAT_IEEEFP) return 1;
    if (t->bits == 32) return INT32_MAX;
    if (t->kind == SAMPLEFORMAT_INT) return t->bits == 16 ? INT16_MAX : INT8_MAX;
    return t->bits == 16 ? UINT16_MAX : UINT8_MAX;
}

/* Refuses what cannot be in a file of this size. Fax codes make many pixels out of nearly nothing. */
static fv_status check_bytes(const fv_tiff *t, uint16_t compression, fv_error *err)
{
    double bytes = (double)t->width * t->height * t->samples * t->bits / 8;
    double most = compression == COMPRESSION_NONE ? 1 : MOST_BYTES_PER_BYTE;
    if (compression >= COMPRESSION_CCITTRLE && compression <= COMPRESSION_CCITTFAX4) return FV_OK;
    if (bytes > most * (double)t->size)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated TIFF (%zu bytes cannot hold %ux%u pixels)", t->size,
                       t->width, t->height);
    return FV_OK;
}

static fv_status read_header(fv_tiff *t, fv_error *err)
{
    uint16_t planes, compression, orientation;
    if (!TIFFGetField(t->tif, TIFFTAG_IMAGEWIDTH, &t->width) ||
        !TIFFGetField(t->tif, TIFFTAG_IMAGELENGTH, &t->height))
        return fv_fail(err, FV_STATUS_FORMAT, "damaged TIFF (no size)");
    FV_TRY(fv_image_check_size(t->width, t->height, t->options, err));
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_BITSPERSAMPLE, &t->bits);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLESPERPIXEL, &t->samples);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_SAMPLEFORMAT, &t->kind);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_PLANARCONFIG, &planes);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(t->tif, TIFFTAG_ORIENTATION, &orientation);
    if (!TIFFGetField(t->tif, TIFFTAG_PHOTOMETRIC, &t->photometric))
        return fv_fail(err, FV_STATUS_FORMAT, "damaged TIFF (the kind of its colours is not given)");
    t->separate = planes == PLANARCONFIG_SEPARATE && t->samples > 1;
    if (compression == COMPRESSION_JPEG && t->photometric == PHOTOMETRIC_YCBCR && !t->separate) {
        TIFFSetField(t->tif, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
        t->photometric = PHOTOMETRIC_RGB;
    }
    FV_TRY(check_kind(t, err));
    FV_TRY(check_colours(t, err));
    FV_TRY(check_bytes(t, compression, err));
    t->info->width = t->width;
    t->info->height = t->height;
    t->info->bit_depth = t->bits;
    t->info->white = white_of(t);
    t->info->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    return FV_OK;
}

fv_status fv_tiff_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                         const fv_image_options *options, fv_error *err)
{
    fv_status status;
    fv_tiff t = {.data = data, .size = size, .options = options, .info = info};
    *out = NULL;
    *info = (fv_image_info){.format = FV_IMAGE_TIFF};
    FV_TRY(open_file(&t, err));
    FV_TRY_GOTO(go_to_page(&t, err));
    FV_TRY_GOTO(read_header(&t, err));
    FV_TRY_GOTO(fv_tiff_pixels(out, &t, err));
    int turn = options && options->ignore_orientation ? 1 : info->orientation;
    status = fv_image_orient(out, info, turn, err);
done:
    TIFFClose(t.tif);
    return status;
}
