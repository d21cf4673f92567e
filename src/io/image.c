#include "io/image.h"

#include "io/file.h"
#include <stdio.h>

int64_t fv_image_limit(const fv_image_options *options)
{
    return options && options->max_pixels > 0 ? options->max_pixels : FV_IMAGE_MAX_PIXELS;
}

fv_status fv_image_check_size(int64_t width, int64_t height, const fv_image_options *options, fv_error *err)
{
    int64_t limit = fv_image_limit(options);
    if (width <= 0 || height <= 0)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged image (%lldx%lld pixels)", (long long)width,
                       (long long)height);
    if (height > limit / width)
        return fv_fail(err, FV_STATUS_MEMORY,
                       "%lldx%lld pixels are more than the limit of %lld pixels (option max_pixels)",
                       (long long)width, (long long)height, (long long)limit);
    return FV_OK;
}

/* The first bytes for a message: as text where they are text, in hexadecimal otherwise. */
static const char *start_of(const uint8_t *data, size_t size, char text[32])
{
    size_t n = size < 8 ? size : 8, printable = 0;
    while (printable < n && data[printable] >= 0x20 && data[printable] < 0x7f) printable++;
    if (printable >= 4 || (n && printable == n)) {
        snprintf(text, 32, "\"%.*s\"", (int)printable, (const char *)data);
    } else {
        for (size_t i = 0; i < n; i++) snprintf(text + 3 * i, 4, "%02x ", data[i]);
        text[n ? 3 * n - 1 : 0] = '\0';
    }
    return text;
}

typedef struct format {
    int (*detect)(const uint8_t *data, size_t size);
    fv_status (*decode)(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err);
} format;

#define X(name) {fv_##name##_detect, fv_##name##_decode},
static const format formats[] = {FV_IMAGE_FORMATS(X)};
#undef X

static fv_status read_page(const format *f, fv_tensor **out, fv_image_info *info, const void *data,
                           size_t size, const fv_image_options *options, fv_error *err)
{
    if (options && options->page > 0 && f->decode != fv_tiff_decode)
        return fv_fail(err, FV_STATUS_MISMATCH, "has no page %d: only TIFF files have pages",
                       options->page + 1);
    FV_TRY(f->decode(out, info, data, size, options, err));
    if (!info->pages) info->pages = 1;
    return FV_OK;
}

fv_status fv_image_decode(fv_tensor **out, fv_image_info *info, const void *data, size_t size,
                          const fv_image_options *options, fv_error *err)
{
    char start[32];
    *out = NULL;
    *info = (fv_image_info){0};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].detect(data, size)) return read_page(&formats[i], out, info, data, size, options, err);
    if (!size) return fv_fail(err, FV_STATUS_FORMAT, "not an image of a known format (no bytes)");
    return fv_fail(err, FV_STATUS_FORMAT, "not an image of a known format (starts with %s)",
                   start_of(data, size, start));
}

fv_status fv_image_read(fv_tensor **out, fv_image_info *info, const char *path,
                        const fv_image_options *options, fv_error *err)
{
    fv_file file;
    *out = NULL;
    FV_TRY(fv_file_read(&file, path, 0, err));
    fv_status status = fv_image_decode(out, info, file.data, file.size, options, err);
    if (status != FV_OK) fv_file_prefix(err, path, status);
    fv_file_close(&file);
    return status;
}

fv_status fv_png_write(const char *path, const fv_tensor *image, const fv_png_options *options, fv_error *err)
{
    uint8_t *data;
    size_t size;
    FV_TRY(fv_png_encode(&data, &size, image, options, err));
    fv_status status = fv_file_write(path, data, size, err);
    fv_free(data);
    return status;
}
