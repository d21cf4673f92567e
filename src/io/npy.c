#include "io/npy.h"

#include "base/alloc.h"
#include "io/file.h"
#include <stdio.h>
#include <string.h>

enum { PREFIX = 8, HEADER_ALIGNMENT = 64, CHUNK = 4096 };

typedef struct header {
    fv_dtype type;
    int swapped; /* big-endian */
    int fortran;
    fv_shape shape;
} header;

/* --- the header: a Python dictionary literal --- */

typedef struct scanner {
    const char *at, *end;
    fv_error *err;
} scanner;

static fv_status damaged(const scanner *s, const char *what)
{
    return fv_fail(s->err, FV_STATUS_FORMAT, "damaged npy header: %s", what);
}

static void skip_space(scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t')) s->at++;
}

/* Takes c if it is next (after space). */
static int take(scanner *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c) return 0;
    s->at++;
    return 1;
}

static int take_word(scanner *s, const char *word)
{
    size_t n = strlen(word);
    skip_space(s);
    if ((size_t)(s->end - s->at) < n || memcmp(s->at, word, n) != 0) return 0;
    s->at += n;
    return 1;
}

/* A string without escapes in either kind of quotes, cut to fit. */
static fv_status scan_string(scanner *s, char out[32])
{
    char quote = take(s, '\'') ? '\'' : take(s, '"') ? '"' : 0;
    const char *end = quote ? memchr(s->at, quote, (size_t)(s->end - s->at)) : NULL;
    if (!end) return damaged(s, "expected a string");
    if (memchr(s->at, '\\', (size_t)(end - s->at))) return damaged(s, "a string with an escape");
    snprintf(out, 32, "%.*s", (int)(end - s->at < 31 ? end - s->at : 31), s->at);
    s->at = end + 1;
    return FV_OK;
}

/* '<f4', '|u1', ...: byte order, kind, size. */
static fv_status scan_type(scanner *s, header *h)
{
    static const struct {
        char code[3];
        fv_dtype type;
    } codes[] = {{"f4", FV_DTYPE_F32}, {"f8", FV_DTYPE_F64}, {"f2", FV_DTYPE_F16}, {"i1", FV_DTYPE_I8},
                 {"i2", FV_DTYPE_I16}, {"i4", FV_DTYPE_I32}, {"i8", FV_DTYPE_I64}, {"u1", FV_DTYPE_U8},
                 {"u2", FV_DTYPE_U16}, {"u4", FV_DTYPE_U32}, {"u8", FV_DTYPE_U64}, {"b1", FV_DTYPE_BOOL}};
    char text[32];
    if (take(s, '['))
        return fv_fail(s->err, FV_STATUS_UNSUPPORTED, "structured npy arrays are not supported");
    FV_TRY(scan_string(s, text));
    if (text[0] && strchr("<>|=", text[0])) {
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
            if (strcmp(text + 1, codes[i].code) != 0) continue;
            h->type = codes[i].type;
            h->swapped = text[0] == '>';
            return FV_OK;
        }
    }
    if (strchr(text, 'O'))
        return fv_fail(s->err, FV_STATUS_UNSUPPORTED, "npy arrays of objects (pickles) are not opened");
    return fv_fail(s->err, FV_STATUS_UNSUPPORTED, "npy arrays of type '%s' are not supported", text);
}

static fv_status scan_size(scanner *s, int64_t *size)
{
    skip_space(s);
    const char *first = s->at;
    for (*size = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        if (__builtin_mul_overflow(*size, 10, size) || __builtin_add_overflow(*size, *s->at - '0', size))
            return damaged(s, "a dimension is too large");
    return s->at == first ? damaged(s, "a dimension must be a number") : FV_OK;
}

/* (), (3,) or (3, 4): one number alone needs its comma, as in Python. */
static fv_status scan_shape(scanner *s, fv_shape *shape)
{
    int comma = 1;
    shape->rank = 0;
    if (!take(s, '(')) return damaged(s, "the shape must be a tuple");
    while (!take(s, ')')) {
        if (!comma) return damaged(s, "expected ',' or ')' in the shape");
        if (shape->rank == FV_MAX_RANK)
            return fv_fail(s->err, FV_STATUS_UNSUPPORTED,
                           "npy arrays of more than %d dimensions are not supported", FV_MAX_RANK);
        FV_TRY(scan_size(s, &shape->dim[shape->rank++]));
        comma = take(s, ',');
    }
    if (shape->rank == 1 && !comma) return damaged(s, "the shape must be a tuple");
    return FV_OK;
}

static fv_status scan_order(scanner *s, int *fortran)
{
    *fortran = take_word(s, "True");
    return *fortran || take_word(s, "False") ? FV_OK : damaged(s, "fortran_order must be True or False");
}

static fv_status scan_header(scanner *s, header *h)
{
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    int seen = 0, comma = 1;
    if (!take(s, '{')) return damaged(s, "it is no dictionary");
    while (!take(s, '}')) {
        char key[32];
        if (!comma) return damaged(s, "expected ',' or '}'");
        FV_TRY(scan_string(s, key));
        int field = strcmp(key, "descr") == 0           ? DESCR
                    : strcmp(key, "fortran_order") == 0 ? ORDER
                    : strcmp(key, "shape") == 0         ? SHAPE
                                                        : 0;
        if (!field) return damaged(s, "it has an unknown key");
        if (seen & field) return damaged(s, "a key comes twice");
        seen |= field;
        if (!take(s, ':')) return damaged(s, "expected ':'");
        FV_TRY(field == DESCR   ? scan_type(s, h)
               : field == ORDER ? scan_order(s, &h->fortran)
                                : scan_shape(s, &h->shape));
        comma = take(s, ',');
    }
    skip_space(s);
    if (s->at != s->end) return damaged(s, "something follows the dictionary");
    return seen == (DESCR | ORDER | SHAPE) ? FV_OK : damaged(s, "descr, fortran_order or shape is missing");
}

/* Finds and scans the header; *offset is where the elements begin. */
static fv_status read_header(header *h, size_t *offset, const uint8_t *data, size_t size, fv_error *err)
{
    if (size < 6 || memcmp(data, "\x93NUMPY", 6) != 0)
        return fv_fail(err, FV_STATUS_FORMAT, "not an npy file");
    int version = size > 6 ? data[6] : 1;
    if (version < 1 || version > 3)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "npy version %d is not supported", version);
    size_t field = version == 1 ? 2 : 4, length = 0;
    if (size < PREFIX + field)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated npy file (the header is cut off)");
    for (size_t i = 0; i < field; i++) length |= (size_t)data[PREFIX + i] << (8 * i);
    if (length > size - PREFIX - field)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated npy file (the header is cut off)");
    const char *text = (const char *)data + PREFIX + field;
    scanner s = {text, text + length, err};
    *offset = PREFIX + field + length;
    return scan_header(&s, h);
}

/* --- the elements --- */

static fv_status check_bytes(const header *h, size_t present, fv_error *err)
{
    size_t count, bytes;
    char text[FV_SHAPE_TEXT];
    if (fv_shape_count(&h->shape, &count, NULL) != FV_OK ||
        !fv_mul_size(count, fv_dtype_size(h->type), &bytes))
        return fv_fail(err, FV_STATUS_FORMAT, "damaged npy header: shape %s is too large",
                       fv_shape_text(&h->shape, text));
    if (bytes == present) return FV_OK;
    return fv_fail(err, FV_STATUS_FORMAT, "%s npy file (shape %s of %s needs %zu bytes, there are %zu)",
                   present < bytes ? "truncated" : "damaged", fv_shape_text(&h->shape, text),
                   fv_dtype_name(h->type), bytes, present);
}

/* Big-endian elements are turned around in a small buffer, as the bytes of the file are not ours to change.
 */
static void convert(float *to, const header *h, const uint8_t *from, size_t count)
{
    uint8_t turned[CHUNK];
    size_t size = fv_dtype_size(h->type), most = CHUNK / size;
    if (!h->swapped) {
        fv_dtype_to_f32(to, h->type, from, count);
        return;
    }
    for (size_t n; count; count -= n, to += n, from += n * size) {
        n = count < most ? count : most;
        memcpy(turned, from, n * size);
        fv_dtype_swap(turned, h->type, n);
        fv_dtype_to_f32(to, h->type, turned, n);
    }
}

/* First index fastest to last index fastest; walks the target in order. */
static void reorder_fortran(float *to, const float *from, const fv_shape *shape, size_t count)
{
    int64_t index[FV_MAX_RANK] = {0}, stride[FV_MAX_RANK], step = 1, at = 0;
    for (int i = 0; i < shape->rank; i++) {
        stride[i] = step;
        step *= shape->dim[i];
    }
    for (size_t n = 0; n < count; n++) {
        to[n] = from[at];
        for (int i = shape->rank - 1; i >= 0; i--) {
            at += stride[i];
            if (++index[i] < shape->dim[i]) break;
            at -= stride[i] * shape->dim[i];
            index[i] = 0;
        }
    }
}

fv_status fv_npy_decode(fv_tensor **out, fv_dtype *dtype, const void *data, size_t size, fv_error *err)
{
    header h = {0};
    size_t offset = 0;
    fv_tensor *t, *ordered;
    *out = NULL;
    FV_TRY(read_header(&h, &offset, data, size, err));
    FV_TRY(check_bytes(&h, size - offset, err));
    FV_TRY(fv_tensor_new(&t, &h.shape, err));
    convert(t->data, &h, (const uint8_t *)data + offset, t->count);
    if (h.fortran && h.shape.rank > 1) {
        fv_status status = fv_tensor_new(&ordered, &h.shape, err);
        if (status == FV_OK) reorder_fortran(ordered->data, t->data, &h.shape, t->count);
        fv_tensor_release(t);
        if (status != FV_OK) return status;
        t = ordered;
    }
    if (dtype) *dtype = h.type;
    *out = t;
    return FV_OK;
}

fv_status fv_npy_read(fv_tensor **out, fv_dtype *dtype, const char *path, fv_error *err)
{
    fv_file file;
    *out = NULL;
    FV_TRY(fv_file_map(&file, path, 0, err));
    fv_status status = fv_npy_decode(out, dtype, file.data, file.size, err);
    if (status != FV_OK) fv_file_prefix(err, path, status);
    fv_file_close(&file);
    return status;
}

/* --- writing --- */

/* Version 1 prefix and header, padded so that the elements are aligned; returns its length. */
static size_t make_header(char text[4 * HEADER_ALIGNMENT], const fv_shape *shape)
{
    enum { ROOM = 4 * HEADER_ALIGNMENT, FIRST = PREFIX + 2 };
    int n = snprintf(text + FIRST, ROOM - FIRST, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < shape->rank; i++)
        n += snprintf(text + FIRST + n, (size_t)(ROOM - FIRST - n), "%s%lld%s", i ? " " : "",
                      (long long)shape->dim[i], i + 1 < shape->rank || i == 0 ? "," : "");
    n += snprintf(text + FIRST + n, (size_t)(ROOM - FIRST - n), "), }");
    size_t used = (size_t)n + FIRST, total = (used + HEADER_ALIGNMENT) / HEADER_ALIGNMENT * HEADER_ALIGNMENT;
    memset(text + used, ' ', total - used);
    text[total - 1] = '\n';
    memcpy(text, "\x93NUMPY\1", PREFIX); /* the string's NUL is the minor version */
    text[PREFIX] = (char)((total - FIRST) & 0xff);
    text[PREFIX + 1] = (char)((total - FIRST) >> 8);
    return total;
}

fv_status fv_npy_write(const char *path, const fv_tensor *t, fv_error *err)
{
    fv_status status;
    fv_output output;
    char text[4 * HEADER_ALIGNMENT];
    uint8_t bytes[CHUNK];
    FV_TRY(fv_output_open(&output, path, err));
    FV_TRY_GOTO(fv_output_write(&output, text, make_header(text, &t->shape), err));
    for (size_t i = 0, n; i < t->count; i += n) {
        n = t->count - i < CHUNK / 4 ? t->count - i : CHUNK / 4;
        FV_TRY_GOTO(fv_dtype_from_f32(bytes, FV_DTYPE_F32, t->data + i, n, err));
        FV_TRY_GOTO(fv_output_write(&output, bytes, n * 4, err));
    }
    FV_TRY_GOTO(fv_output_commit(&output, err));
done:
    fv_output_discard(&output);
    return status;
}
