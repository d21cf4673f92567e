/* PBM, PGM and PPM in, plain and raw. Read here and not by a library: Leptonica takes 16-bit samples in the
 * wrong byte order, refuses most largest values and prints; libnetpbm ends the process over a damaged file.
 */
#include "io/image.h"

enum { MOST_NUMBER = 1 << 30, BITS_SHIFT = 8 };

typedef struct reader {
    const uint8_t *data;
    size_t size, at;
    int kind;    /* the digit after P */
    int largest; /* value of full intensity in the file */
} reader;

int fv_pnm_detect(const uint8_t *data, size_t size)
{
    int blank = size >= 3 && (data[2] == ' ' || data[2] == '\t' || data[2] == '\r' || data[2] == '\n');
    return size >= 3 && data[0] == 'P' && data[1] >= '1' && data[1] <= '6' && (blank || data[2] == '#');
}

static int is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static fv_status truncated(const reader *r, fv_error *err)
{
    return fv_fail(err, FV_STATUS_FORMAT, "truncated PNM (the file ends after %zu bytes)", r->size);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->size && (is_blank(r->data[r->at]) || r->data[r->at] == '#')) {
        if (r->data[r->at] == '#')
            while (r->at < r->size && r->data[r->at] != '\n') r->at++;
        else
            r->at++;
    }
}

static fv_status read_number(reader *r, int *out, fv_error *err)
{
    skip_blanks(r);
    if (r->at >= r->size) return truncated(r, err);
    size_t first = r->at;
    for (*out = 0; r->at < r->size && r->data[r->at] >= '0' && r->data[r->at] <= '9'; r->at++) {
        *out = *out * 10 + (r->data[r->at] - '0');
        if (*out > MOST_NUMBER / 10)
            return fv_fail(err, FV_STATUS_FORMAT, "damaged PNM (a number too large)");
    }
    if (r->at == first) return fv_fail(err, FV_STATUS_FORMAT, "damaged PNM (no number at byte %zu)", r->at);
    return FV_OK;
}

static int is_plain(const reader *r)
{
    return r->kind <= 3;
}

static int is_bits(const reader *r)
{
    return r->kind == 1 || r->kind == 4;
}

/* Least bytes that the pixels take. A plain sample is a digit, and all but those of bits a blank after it. */
static int64_t least_bytes(const reader *r, const fv_image_info *info)
{
    int64_t row = info->width * info->channels;
    if (r->kind == 1) return row * info->height;
    if (is_plain(r)) return 2 * row * info->height - 1;
    return (is_bits(r) ? (row + 7) / BITS_SHIFT : row * (r->largest > UINT8_MAX ? 2 : 1)) * info->height;
}

static fv_status read_header(reader *r, fv_image_info *info, const fv_image_options *options, fv_error *err)
{
    int width, height;
    r->kind = r->data[1] - '0';
    r->at = 2;
    r->largest = 1;
    FV_TRY(read_number(r, &width, err));
    FV_TRY(read_number(r, &height, err));
    if (!is_bits(r)) FV_TRY(read_number(r, &r->largest, err));
    if (r->largest < 1 || r->largest > UINT16_MAX)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged PNM (largest value %d)", r->largest);
    FV_TRY(fv_image_check_size(width, height, options, err));
    if (!is_plain(r) && (r->at >= r->size || !is_blank(r->data[r->at++]))) return truncated(r, err);
    *info = (fv_image_info){.format = FV_IMAGE_PNM,
                            .width = width,
                            .height = height,
                            .channels = r->kind == 3 || r->kind == 6 ? 3 : 1,
                            .bit_depth = is_bits(r)               ? 1
                                         : r->largest > UINT8_MAX ? 16
                                                                  : 8,
                            .white = r->largest > UINT8_MAX ? r->largest : UINT8_MAX,
                            .orientation = 1};
    if (least_bytes(r, info) > (int64_t)(r->size - r->at))
        return fv_fail(err, FV_STATUS_FORMAT, "truncated PNM (%zu bytes cannot hold %dx%d pixels)", r->size,
                       width, height);
    return FV_OK;
}

/* Sample i of a row of raw bytes; 1 is black where there are bits. */
static int raw_sample(const reader *r, const uint8_t *row, int64_t i)
{
    if (is_bits(r)) return !(row[i / BITS_SHIFT] >> (7 - i % BITS_SHIFT) & 1);
    return r->largest > UINT8_MAX ? row[2 * i] << 8 | row[2 * i + 1] : row[i];
}

/* The next sample of a plain file. Bits may stand without blanks between them. */
static fv_status plain_sample(reader *r, int *value, fv_error *err)
{
    if (r->kind != 1) return read_number(r, value, err);
    skip_blanks(r);
    if (r->at >= r->size) return truncated(r, err);
    *value = r->data[r->at++] == '0';
    return FV_OK;
}

static fv_status read_row(reader *r, const fv_image_info *info, float *to, fv_error *err)
{
    int64_t samples = info->width * info->channels, plane = info->width * info->height;
    const uint8_t *row = r->data + r->at;
    for (int64_t i = 0; i < samples; i++) {
        int value;
        if (is_plain(r))
            FV_TRY(plain_sample(r, &value, err));
        else
            value = raw_sample(r, row, i);
        if (value > r->largest)
            return fv_fail(err, FV_STATUS_FORMAT, "damaged PNM (a value over %d)", r->largest);
        float shown = r->largest < UINT8_MAX ? (float)value * UINT8_MAX / (float)r->largest : (float)value;
        to[i % info->channels * plane + i / info->channels] = shown;
    }
    if (!is_plain(r)) r->at += (size_t)(least_bytes(r, info) / info->height);
    return FV_OK;
}

fv_status fv_pnm_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err)
{
    reader r = {.data = data, .size = size};
    *out = NULL;
    FV_TRY(read_header(&r, info, options, err));
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    fv_status status = FV_OK;
    for (int64_t y = 0; y < info->height && status == FV_OK; y++)
        status = read_row(&r, info, (*out)->data + y * info->width, err);
    if (status == FV_OK) return status;
    fv_tensor_release(*out);
    *out = NULL;
    return status;
}
