/* Strips and tiles of a TIFF page to planes of floats. */
#include "base/alloc.h"
#include "io/tiff.h"

enum { SPARE_BLOCK = 1 << 26 }; /* bytes of a block that is larger than the picture */

/* Strips or tiles of one size; the last strip may have fewer rows. */
typedef struct blocks {
    uint8_t *data;
    tmsize_t bytes, row_bytes;
    uint32_t width, height;
    int tiled, per_pixel; /* samples of a pixel in a block */
} blocks;

static fv_status make_blocks(blocks *b, fv_tiff *t, fv_error *err)
{
    *b = (blocks){.tiled = TIFFIsTiled(t->tif), .per_pixel = t->separate ? 1 : t->samples};
    if (b->tiled) {
        if (!TIFFGetField(t->tif, TIFFTAG_TILEWIDTH, &b->width) ||
            !TIFFGetField(t->tif, TIFFTAG_TILELENGTH, &b->height))
            return fv_fail(err, FV_STATUS_FORMAT, "damaged TIFF (tiles without a size)");
        b->bytes = TIFFTileSize(t->tif);
        b->row_bytes = TIFFTileRowSize(t->tif);
    } else {
        b->width = t->width;
        TIFFGetFieldDefaulted(t->tif, TIFFTAG_ROWSPERSTRIP, &b->height);
        if (b->height > t->height) b->height = t->height;
        b->bytes = TIFFStripSize(t->tif);
        b->row_bytes = TIFFScanlineSize(t->tif);
    }
    uint64_t row_bits = (uint64_t)b->width * (uint64_t)b->per_pixel * t->bits;
    int64_t picture = (int64_t)t->width * t->height * t->samples * ((t->bits + 7) / 8);
    if (b->bytes <= 0 || !b->width || !b->height) return fv_tiff_failure(t, err);
    if ((uint64_t)b->row_bytes != (row_bits + 7) / 8 || b->bytes / b->row_bytes < b->height)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "TIFF rows of %lld bytes for %u pixels are not supported",
                       (long long)b->row_bytes, b->width);
    if (b->bytes > SPARE_BLOCK + picture)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged TIFF (tiles of %ux%u pixels)", b->width, b->height);
    return fv_calloc(&b->data, (size_t)b->bytes, 1, err);
}

/* --- samples to numbers --- */

static float sample_at(const fv_tiff *t, const uint8_t *row, size_t i)
{
    int is_signed = t->kind == SAMPLEFORMAT_INT;
    switch (t->bits) {
    case 8:
        return is_signed ? (float)((const int8_t *)row)[i] : (float)row[i];
    case 16:
        return is_signed ? (float)((const int16_t *)(const void *)row)[i]
                         : (float)((const uint16_t *)(const void *)row)[i];
    case 32:
        if (t->kind == SAMPLEFORMAT_IEEEFP) return ((const float *)(const void *)row)[i];
        return is_signed ? (float)((const int32_t *)(const void *)row)[i]
                         : (float)((const uint32_t *)(const void *)row)[i];
    default: {
        size_t bit = i * t->bits;
        return (float)(row[bit / 8] >> (8 - t->bits - (int)(bit % 8)) & ((1 << t->bits) - 1));
    }
    }
}

/* Brings a value to that of the tensor: small ones stretched to 0..255, negatives of grey turned. */
static float shown(const fv_tiff *t, float value)
{
    if (t->bits < 8) value = value * 255 / (float)((1 << t->bits) - 1);
    int turned = t->photometric == PHOTOMETRIC_MINISWHITE && t->kind != SAMPLEFORMAT_INT &&
                 t->kind != SAMPLEFORMAT_IEEEFP && t->bits <= 16;
    return turned ? (float)t->info->white - value : value;
}

/* Colours of 16 bits; old writers left them at 8. */
static int palette_shift(const fv_tiff *t)
{
    for (int i = 0; i < 1 << t->bits; i++)
        for (int c = 0; c < 3; c++)
            if (t->map[c][i] > 255) return 8;
    return 0;
}

typedef struct part {
    int64_t top, left, rows, columns; /* of the picture that a block covers */
    int plane;                        /* of separate planes; otherwise 0 */
} part;

static void unpack(fv_tensor *to, const fv_tiff *t, const blocks *b, const part *p, int shift)
{
    int64_t plane = (int64_t)t->width * t->height;
    for (int64_t y = 0; y < p->rows; y++) {
        const uint8_t *row = b->data + y * b->row_bytes;
        float *line = to->data + p->plane * plane + (p->top + y) * t->width + p->left;
        for (int64_t x = 0; x < p->columns; x++) {
            if (t->info->palette) {
                int index = (int)sample_at(t, row, (size_t)x);
                for (int c = 0; c < 3; c++) line[c * plane + x] = (float)(t->map[c][index] >> shift);
                continue;
            }
            for (int c = 0; c < b->per_pixel; c++)
                line[c * plane + x] = shown(t, sample_at(t, row, (size_t)(x * b->per_pixel + c)));
        }
    }
}

/* --- blocks --- */

static fv_status read_block(fv_tiff *t, const blocks *b, const part *p, fv_error *err)
{
    uint32_t top = (uint32_t)p->top, left = (uint32_t)p->left;
    uint16_t plane = (uint16_t)p->plane;
    tmsize_t wanted = b->tiled ? b->bytes : b->row_bytes * p->rows, got;
    if (b->tiled)
        got = TIFFReadEncodedTile(t->tif, TIFFComputeTile(t->tif, left, top, 0, plane), b->data, wanted);
    else
        got = TIFFReadEncodedStrip(t->tif, TIFFComputeStrip(t->tif, top, plane), b->data, wanted);
    if (got < 0) return fv_tiff_failure(t, err);
    if (got < wanted)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated TIFF (%lld bytes where %lld are meant)",
                       (long long)got, (long long)wanted);
    return FV_OK;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static fv_status read_blocks(fv_tensor *to, fv_tiff *t, const blocks *b, fv_error *err)
{
    int shift = t->info->palette ? palette_shift(t) : 0;
    for (int plane = 0; plane < (t->separate ? t->samples : 1); plane++)
        for (int64_t y = 0; y < t->height; y += b->height)
            for (int64_t x = 0; x < t->width; x += b->width) {
                part p = {.top = y,
                          .left = x,
                          .rows = least(b->height, t->height - y),
                          .columns = least(b->width, t->width - x),
                          .plane = plane};
                FV_TRY(read_block(t, b, &p, err));
                unpack(to, t, b, &p, shift);
            }
    return FV_OK;
}

fv_status fv_tiff_pixels(fv_tensor **out, fv_tiff *t, fv_error *err)
{
    blocks b;
    fv_status status;
    fv_shape shape = {.rank = 3, .dim = {t->info->channels, t->height, t->width}};
    FV_TRY_GOTO(make_blocks(&b, t, err));
    FV_TRY_GOTO(fv_tensor_new(out, &shape, err));
    status = read_blocks(*out, t, &b, err);
done:
    fv_free(b.data);
    if (status == FV_OK) return status;
    fv_tensor_release(*out);
    *out = NULL;
    return status;
}
