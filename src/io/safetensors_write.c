#include "base/alloc.h"
#include "io/file.h"
#include "io/json.h"
#include "io/safetensors.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, ALIGNMENT = 8, CHUNK = 4096 };

static const float LARGEST_HALF = 65504;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fv_safetensors_item *)a)->name, ((const fv_safetensors_item *)b)->name);
}

/* --- the header --- */

/* Takes over value, which is NULL when a string was no UTF-8. */
static fv_status set(json_t *object, const char *key, json_t *value, const char *what, fv_error *err)
{
    if (json_object_get(object, key)) {
        json_decref(value);
        return fv_fail(err, FV_STATUS_ARGUMENT, "safetensors: %s '%.100s' comes twice", what, key);
    }
    if (json_object_set_new(object, key, value) == 0) return FV_OK;
    return fv_fail(err, FV_STATUS_ARGUMENT, "safetensors: %s '%.100s' is not UTF-8", what, key);
}

static fv_status add_notes(json_t *header, fv_safetensors_note *notes, size_t count, fv_error *err)
{
    if (!count) return FV_OK;
    qsort(notes, count, sizeof *notes, fv_safetensors_note_order);
    json_t *object = json_object();
    FV_TRY(set(header, "__metadata__", object, "field", err));
    for (size_t i = 0; i < count; i++)
        FV_TRY(set(object, notes[i].key, json_string(notes[i].value), "metadata key", err));
    return FV_OK;
}

/* The type that a tensor is written as: float16 must not make an infinity of a large element (the running
 * variances of some networks), so such a tensor stays float32. */
static fv_dtype type_of(const fv_tensor *t, fv_dtype dtype)
{
    if (dtype != FV_DTYPE_F16) return dtype;
    for (size_t i = 0; i < t->count; i++) {
        float size = fabsf(t->data[i]);
        if (size > LARGEST_HALF && size <= FLT_MAX) return FV_DTYPE_F32;
    }
    return dtype;
}

/* *at: end of the data so far. */
static fv_status add_item(json_t *header, const fv_safetensors_item *item, fv_dtype dtype, size_t *at,
                          fv_error *err)
{
    const fv_shape *shape = &item->tensor->shape;
    size_t begin = *at;
    dtype = type_of(item->tensor, dtype);
    if (strcmp(item->name, "__metadata__") == 0)
        return fv_fail(err, FV_STATUS_ARGUMENT, "safetensors: '__metadata__' is no name for a tensor");
    *at += item->tensor->count * fv_dtype_size(dtype);
    json_t *sizes = json_array();
    for (int i = 0; i < shape->rank; i++) json_array_append_new(sizes, json_integer(shape->dim[i]));
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", fv_safetensors_type(dtype), "shape", sizes,
                              "data_offsets", (json_int_t)begin, (json_int_t)*at);
    return set(header, item->name, entry, "tensor name", err);
}

/* Length and JSON text in one block, filled up with spaces so that the data is aligned. */
static fv_status dump(char **block, size_t *size, const json_t *header, fv_error *err)
{
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!length) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for the header");
    *size = LENGTH_BYTES + padded;
    FV_TRY(fv_calloc(block, *size, 1, err));
    for (int i = 0; i < LENGTH_BYTES; i++) (*block)[i] = (char)(padded >> (8 * i));
    json_dumpb(header, *block + LENGTH_BYTES, length, JSON_COMPACT);
    memset(*block + LENGTH_BYTES + length, ' ', padded - length);
    return FV_OK;
}

static fv_status make_header(char **block, size_t *size, const fv_safetensors_item *items, size_t count,
                             fv_safetensors_note *notes, size_t note_count, fv_dtype dtype, fv_error *err)
{
    fv_status status;
    size_t at = 0;
    json_t *header = json_object();
    FV_TRY_GOTO(add_notes(header, notes, note_count, err));
    for (size_t i = 0; i < count; i++) FV_TRY_GOTO(add_item(header, &items[i], dtype, &at, err));
    FV_TRY_GOTO(dump(block, size, header, err));
done:
    json_decref(header);
    return status;
}

/* --- the elements --- */

static fv_status write_elements(fv_output *output, const fv_tensor *t, fv_dtype dtype, fv_error *err)
{
    uint8_t bytes[CHUNK];
    dtype = type_of(t, dtype);
    size_t size = fv_dtype_size(dtype), most = CHUNK / size;
    for (size_t i = 0, n; i < t->count; i += n) {
        n = t->count - i < most ? t->count - i : most;
        FV_TRY(fv_dtype_from_f32(bytes, dtype, t->data + i, n, err));
        FV_TRY(fv_output_write(output, bytes, n * size, err));
    }
    return FV_OK;
}

fv_status fv_safetensors_write(const char *path, fv_safetensors_item *items, size_t count,
                               fv_safetensors_note *notes, size_t note_count, fv_dtype dtype, fv_error *err)
{
    fv_status status;
    fv_output output = {0};
    char *header = NULL;
    size_t size = 0;
    FV_TRY(fv_dtype_from_f32(NULL, dtype, NULL, 0, err));
    qsort(items, count, sizeof *items, by_name);
    FV_TRY_GOTO(make_header(&header, &size, items, count, notes, note_count, dtype, err));
    FV_TRY_GOTO(fv_output_open(&output, path, err));
    FV_TRY_GOTO(fv_output_write(&output, header, size, err));
    for (size_t i = 0; i < count; i++) FV_TRY_GOTO(write_elements(&output, items[i].tensor, dtype, err));
    FV_TRY_GOTO(fv_output_commit(&output, err));
done:
    fv_output_discard(&output);
    fv_free(header);
    return status;
}
