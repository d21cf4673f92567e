/* PNG out, through libpng. */
#include "base/alloc.h"
#include "io/image.h"
#include "io/png_rows.h"
#include "io/png_session.h"
#include <string.h>

typedef struct writer {
    fv_png_session s;
    const fv_tensor *image;
    const fv_png_options *options;
    int64_t channels, height, width;
    int bit_depth;
    fv_png_strips strips;
    png_text *text;
} writer;

static void put_bytes(png_structp png, png_bytep bytes, size_t count)
{
    writer *w = png_get_io_ptr(png);
    fv_png_session *s = &w->s;
    if (count > s->room - s->size) {
        size_t room = 2 * s->room + count + 1024;
        if (fv_realloc(&s->data, room, 1, NULL) != FV_OK) {
            s->no_memory = 1;
            png_error(png, "no memory");
        }
        s->room = room;
    }
    memcpy(s->data + s->size, bytes, count);
    s->size += count;
}

static void flush_nothing(png_structp png)
{
    (void)png;
}

/* --- checks --- */

static fv_status check_image(writer *w, fv_error *err)
{
    const fv_shape *shape = &w->image->shape;
    char text[FV_SHAPE_TEXT];
    int planes = shape->rank == 3;
    w->channels = planes ? shape->dim[0] : 1;
    w->height = shape->rank >= 2 ? shape->dim[shape->rank - 2] : 0;
    w->width = shape->rank >= 2 ? shape->dim[shape->rank - 1] : 0;
    if ((shape->rank != 2 && !planes) || w->channels < 1 || w->channels > 4)
        return fv_fail(err, FV_STATUS_SHAPE,
                       "a PNG needs a tensor of height x width or 1 to 4 channels x height x width, not %s",
                       fv_shape_text(shape, text));
    if (w->height < 1 || w->width < 1 || w->height > 0x7fffffff || w->width > 0x7fffffff)
        return fv_fail(err, FV_STATUS_SHAPE, "a PNG cannot have %lldx%lld pixels", (long long)w->width,
                       (long long)w->height);
    w->bit_depth = w->options && w->options->bit_depth ? w->options->bit_depth : 8;
    if (w->bit_depth != 8 && w->bit_depth != 16)
        return fv_fail(err, FV_STATUS_ARGUMENT, "a PNG is written with a bit depth of 8 or 16, not %d",
                       w->bit_depth);
    return FV_OK;
}

static int key_is_valid(const char *key)
{
    size_t n = strlen(key);
    if (n < 1 || n > 79 || key[0] == ' ' || key[n - 1] == ' ' || strstr(key, "  ")) return 0;
    for (; *key; key++)
        if (*key < 0x20 || *key > 0x7e) return 0;
    return 1;
}

static int is_ascii(const char *text)
{
    while (*text && !(*text & 0x80)) text++;
    return !*text;
}

/* Latin-1 chunks for plain ASCII, which every program reads; UTF-8 chunks otherwise. */
static fv_status prepare_text(writer *w, fv_error *err)
{
    size_t count = w->options ? w->options->text_count : 0;
    if (!count) return FV_OK;
    FV_TRY(fv_calloc(&w->text, count, sizeof *w->text, err));
    for (size_t i = 0; i < count; i++) {
        const fv_image_text *from = &w->options->text[i];
        if (!key_is_valid(from->key))
            return fv_fail(err, FV_STATUS_ARGUMENT,
                           "PNG text key '%.90s' is not 1 to 79 printable ASCII characters", from->key);
        png_text *to = &w->text[i];
        to->compression = is_ascii(from->value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
        to->key = (char *)from->key; /* libpng copies them */
        to->text = (char *)from->value;
    }
    return FV_OK;
}

/* --- pixels --- */

/* To nearest, halves up, clamped; NaN fails both comparisons and gives 0. In double: v + 0.5 is then exact.
 */
static unsigned quantise(float value, unsigned most)
{
    double v = (double)value + 0.5;
    if (v >= most) return most;
    return v > 0 ? (unsigned)v : 0;
}

static void pack_row(const void *context, int64_t y, uint8_t *row)
{
    const writer *w = context;
    unsigned most = w->bit_depth == 16 ? 65535 : 255;
    for (int64_t c = 0; c < w->channels; c++) {
        const float *from = w->image->data + (c * w->height + y) * w->width;
        uint8_t *to = row + c * (w->bit_depth / 8);
        int64_t step = w->channels * (w->bit_depth / 8);
        for (int64_t x = 0; x < w->width; x++, to += step) {
            unsigned value = quantise(from[x], most);
            if (w->bit_depth == 16) {
                to[0] = (uint8_t)(value >> 8);
                to[1] = (uint8_t)value;
            } else {
                to[0] = (uint8_t)value;
            }
        }
    }
}

static fv_status compress_rows(writer *w, fv_error *err)
{
    size_t pixel = (size_t)(w->channels * w->bit_depth / 8), bytes;
    if (!fv_mul_size((size_t)w->width, pixel, &bytes))
        return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for a PNG");
    const fv_png_rows rows = {w->height, bytes, pixel, pack_row, w};
    return fv_png_compress(&w->strips, &rows, err);
}

static void write_image(void *context)
{
    static const int colour_types[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                                       PNG_COLOR_TYPE_RGB_ALPHA};
    writer *w = context;
    png_structp png = w->s.png;
    png_set_write_fn(png, w, put_bytes, flush_nothing);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(png, w->s.info, (png_uint_32)w->width, (png_uint_32)w->height, w->bit_depth,
                 colour_types[w->channels], PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (w->text) png_set_text(png, w->s.info, w->text, (int)w->options->text_count);
    png_write_info(png, w->s.info);
    for (int64_t i = 0; i < w->strips.count; i++)
        png_write_chunk(png, (png_const_bytep) "IDAT", w->strips.strip[i].data, w->strips.strip[i].size);
    png_write_chunk(png, (png_const_bytep) "IEND", NULL, 0);
}

fv_status fv_png_encode(uint8_t **data, size_t *size, const fv_tensor *image, const fv_png_options *options,
                        fv_error *err)
{
    fv_status status;
    writer w = {.image = image, .options = options};
    FV_TRY_GOTO(check_image(&w, err));
    FV_TRY_GOTO(prepare_text(&w, err));
    FV_TRY_GOTO(compress_rows(&w, err));
    FV_TRY_GOTO(fv_png_session_open(&w.s, 1, err));
    FV_TRY_GOTO(fv_png_guarded(&w.s, write_image, &w, err));
done:
    fv_png_session_close(&w.s, 1);
    fv_png_strips_free(&w.strips);
    fv_free(w.text);
    if (status != FV_OK) {
        fv_free(w.s.data);
        w.s = (fv_png_session){0};
    }
    *data = w.s.data;
    *size = w.s.size;
    return status;
}
