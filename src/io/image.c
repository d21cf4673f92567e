#include "io/image.h"

#include "io/file.h"
#include <stdio.h>

fv_status fv_image_check_size(int64_t width, int64_t height, const fv_image_options *options, fv_error *err)
{
    int64_t limit = options && options->max_pixels > 0 ? options->max_pixels : FV_IMAGE_MAX_PIXELS;
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

fv_status fv_image_decode(fv_tensor **out, fv_image_info *info, const void *data, size_t size,
                          const fv_image_options *options, fv_error *err)
{
    char start[32];
    *out = NULL;
    *info = (fv_image_info){0};
    if (fv_png_detect(data, size)) return fv_png_decode(out, info, data, size, options, err);
    if (fv_jpeg_detect(data, size)) return fv_jpeg_decode(out, info, data, size, options, err);
    if (!size) return fv_fail(err, FV_STATUS_FORMAT, "not a PNG or JPEG image (no bytes)");
    return fv_fail(err, FV_STATUS_FORMAT, "not a PNG or JPEG image (starts with %s)",
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
