/* PNG in, through libpng. */
#include "base/alloc.h"
#include "io/image.h"
#include "io/png_session.h"
#include <string.h>

enum {
    SIGNATURE = 8,
    HEADER_END = 33,     /* signature, then length, name, 13 bytes and checksum of IHDR */
    DEFLATE_MOST = 1032, /* deflate never makes a byte out of less than this part of one */
    COLOUR_PALETTE = 3
};

typedef struct reader {
    fv_png_session s;
    const fv_image_options *options;
    fv_image_info *info;
    fv_tensor *tensor;
    uint8_t *rows; /* one row, or the whole picture when it is interlaced */
    size_t row_bytes;
    int passes;
} reader;

int fv_png_detect(const uint8_t *data, size_t size)
{
    return size >= SIGNATURE && memcmp(data, "\x89PNG\r\n\x1a\n", SIGNATURE) == 0;
}

/* --- the header, before libpng allocates anything --- */

static int64_t big_endian(const uint8_t *p)
{
    return (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static int samples_per_pixel(int colour_type)
{
    static const int samples[] = {1, 1, 3, 1, 2, 1, 4};
    return colour_type <= 6 ? samples[colour_type] : 1;
}

static fv_status check_header(reader *r, fv_error *err)
{
    const uint8_t *p = r->s.data;
    if (r->s.size < HEADER_END)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated PNG (the file ends after %zu bytes)", r->s.size);
    if (memcmp(p + SIGNATURE, "\0\0\0\x0dIHDR", 8) != 0)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged PNG (no header)");
    int64_t width = big_endian(p + 16), height = big_endian(p + 20);
    FV_TRY(fv_image_check_size(width, height, r->options, err));
    double bits = (double)width * (double)height * p[24] * samples_per_pixel(p[25]);
    if (bits / 8 > (double)r->s.size * DEFLATE_MOST)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated PNG (%zu bytes cannot hold %lldx%lld pixels)",
                       r->s.size, (long long)width, (long long)height);
    return FV_OK;
}

/* --- libpng's part --- */

static void take_bytes(png_structp png, png_bytep out, size_t count)
{
    reader *r = png_get_io_ptr(png);
    if (count > r->s.size - r->s.at) {
        r->s.short_input = 1;
        png_error(png, "the file ends early");
    }
    memcpy(out, r->s.data + r->s.at, count);
    r->s.at += count;
}

/* Chunks that do not change the pixels asked for are skipped unread. */
static void skip_decoration(png_structp png)
{
    static const png_byte names[] = "cHRM\0gAMA\0iCCP\0sRGB\0sBIT\0bKGD\0hIST\0pHYs\0sPLT\0tIME\0tEXt\0"
                                    "zTXt\0iTXt\0eXIf\0oFFs\0pCAL\0sCAL\0sTER";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, (int)(sizeof names / 5));
}

static void read_header(void *context)
{
    reader *r = context;
    png_structp png = r->s.png;
    png_infop png_info = r->s.info;
    skip_decoration(png);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff); /* the pixel budget is checked already */
    png_set_read_fn(png, r, take_bytes);
    png_read_info(png, png_info);
    int transparency = png_get_valid(png, png_info, PNG_INFO_tRNS) != 0;
    int colour_type = png_get_color_type(png, png_info);
    r->info->width = png_get_image_width(png, png_info);
    r->info->height = png_get_image_height(png, png_info);
    r->info->bit_depth = png_get_bit_depth(png, png_info);
    r->info->palette = colour_type == COLOUR_PALETTE;
    r->info->has_alpha = transparency || (colour_type & PNG_COLOR_MASK_ALPHA);
    r->info->white = r->info->bit_depth == 16 ? 65535 : 255;
    png_set_expand(png);
    r->passes = png_set_interlace_handling(png);
    png_read_update_info(png, png_info);
    r->info->channels = png_get_channels(png, png_info);
    r->row_bytes = png_get_rowbytes(png, png_info);
}

/* Row y of the picture from interleaved bytes (16-bit samples: high byte first) to planes. */
static void unpack_row(reader *r, const uint8_t *row, int64_t y)
{
    int channels = r->info->channels, wide = r->info->white > 255;
    int64_t width = r->info->width;
    for (int c = 0; c < channels; c++) {
        float *to = r->tensor->data + (c * r->info->height + y) * width;
        if (wide)
            for (int64_t x = 0; x < width; x++) {
                const uint8_t *p = row + 2 * (x * channels + c);
                to[x] = (float)(p[0] << 8 | p[1]);
            }
        else
            for (int64_t x = 0; x < width; x++) to[x] = row[x * channels + c];
    }
}

static void read_rows(void *context)
{
    reader *r = context;
    size_t step = r->passes > 1 ? r->row_bytes : 0;
    for (int pass = 1; pass <= r->passes; pass++) {
        for (int64_t y = 0; y < r->info->height; y++) {
            uint8_t *row = r->rows + step * (size_t)y;
            png_read_row(r->s.png, row, NULL);
            if (pass == r->passes) unpack_row(r, row, y);
        }
    }
    png_read_end(r->s.png, NULL);
}

fv_status fv_png_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err)
{
    fv_status status;
    reader r = {.options = options, .info = info, .s = {.data = (uint8_t *)data, .size = size}};
    *out = NULL;
    *info = (fv_image_info){.format = FV_IMAGE_PNG, .orientation = 1};
    FV_TRY_GOTO(check_header(&r, err));
    FV_TRY_GOTO(fv_png_session_open(&r.s, 0, err));
    FV_TRY_GOTO(fv_png_guarded(&r.s, read_header, &r, err));
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    FV_TRY_GOTO(fv_tensor_new(&r.tensor, &shape, err));
    FV_TRY_GOTO(fv_calloc(&r.rows, r.passes > 1 ? (size_t)info->height : 1, r.row_bytes, err));
    FV_TRY_GOTO(fv_png_guarded(&r.s, read_rows, &r, err));
    *out = r.tensor;
    r.tensor = NULL;
done:
    fv_tensor_release(r.tensor);
    fv_free(r.rows);
    fv_png_session_close(&r.s, 0);
    return status;
}
