#include "io/safetensors.h"

#include "base/alloc.h"
#include "io/file.h"
#include "io/json.h"
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_MOST = 100000000 /* the limit of the reference reader */ };

/* --- types --- */

static const char *const type_names[FV_DTYPE_COUNT] = {
    [FV_DTYPE_F32] = "F32",  [FV_DTYPE_F64] = "F64", [FV_DTYPE_F16] = "F16", [FV_DTYPE_BF16] = "BF16",
    [FV_DTYPE_I8] = "I8",    [FV_DTYPE_I16] = "I16", [FV_DTYPE_I32] = "I32", [FV_DTYPE_I64] = "I64",
    [FV_DTYPE_U8] = "U8",    [FV_DTYPE_U16] = "U16", [FV_DTYPE_U32] = "U32", [FV_DTYPE_U64] = "U64",
    [FV_DTYPE_BOOL] = "BOOL"};

const char *fv_safetensors_type(fv_dtype type)
{
    return type_names[type];
}

/* --- one entry of the header --- */

#define BAD_ENTRY(reason)                                                                                    \
    fv_fail(err, FV_STATUS_FORMAT, "damaged safetensors file (tensor '%.100s': %s)", entry->name, reason)

static fv_status scan_type(fv_safetensors_entry *entry, const json_t *value, fv_error *err)
{
    const char *text = json_string_value(value);
    if (!text) return BAD_ENTRY("dtype is not a string");
    for (int i = 0; i < FV_DTYPE_COUNT; i++) {
        if (strcmp(type_names[i], text) != 0) continue;
        entry->dtype = (fv_dtype)i;
        return FV_OK;
    }
    return fv_fail(err, FV_STATUS_UNSUPPORTED, "tensor '%.100s' is of type %.20s, which is not supported",
                   entry->name, text);
}

static fv_status scan_shape(fv_safetensors_entry *entry, const json_t *value, fv_error *err)
{
    size_t rank = json_array_size(value);
    if (!json_is_array(value)) return BAD_ENTRY("shape is not a list");
    if (rank > FV_MAX_RANK)
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "tensor '%.100s' has %zu dimensions; at most %d are supported", entry->name, rank,
                       FV_MAX_RANK);
    entry->shape.rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(value, i);
        entry->shape.dim[i] = json_integer_value(size);
        if (!json_is_integer(size) || entry->shape.dim[i] < 0)
            return BAD_ENTRY("shape has a dimension that is not a whole number");
    }
    return FV_OK;
}

static fv_status scan_range(fv_safetensors_entry *entry, const json_t *value, fv_error *err)
{
    const json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
    size_t count, bytes;
    if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return BAD_ENTRY("data_offsets are not two positions in order");
    entry->begin = (size_t)json_integer_value(begin);
    entry->end = (size_t)json_integer_value(end);
    if (fv_shape_count(&entry->shape, &count, NULL) != FV_OK ||
        !fv_mul_size(count, fv_dtype_size(entry->dtype), &bytes))
        return BAD_ENTRY("shape is too large");
    return bytes == entry->end - entry->begin ? FV_OK : BAD_ENTRY("shape and data_offsets disagree");
}

static fv_status scan_entry(fv_safetensors_entry *entry, const char *name, const json_t *value, fv_error *err)
{
    FV_TRY(fv_strdup(&entry->name, name, err));
    if (!json_is_object(value)) return BAD_ENTRY("not a table");
    FV_TRY(scan_type(entry, json_object_get(value, "dtype"), err));
    FV_TRY(scan_shape(entry, json_object_get(value, "shape"), err));
    return scan_range(entry, json_object_get(value, "data_offsets"), err);
}

/* --- the header as a whole --- */

static int by_place(const void *a, const void *b)
{
    const fv_safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fv_safetensors_entry *)a)->name, ((const fv_safetensors_entry *)b)->name);
}

int fv_safetensors_note_order(const void *a, const void *b)
{
    return strcmp(((const fv_safetensors_note *)a)->key, ((const fv_safetensors_note *)b)->key);
}

/* Every byte of the data section belongs to one tensor; leaves the entries sorted by name. */
static fv_status check_cover(fv_safetensors *reader, size_t present, fv_error *err)
{
    size_t at = 0;
    qsort(reader->entries, reader->count, sizeof *reader->entries, by_place);
    for (size_t i = 0; i < reader->count; i++) {
        const fv_safetensors_entry *entry = &reader->entries[i];
        if (entry->begin != at) return BAD_ENTRY("data_offsets leave a gap or overlap");
        if (entry->end > present)
            return fv_fail(
                err, FV_STATUS_FORMAT,
                "truncated safetensors file (tensor '%.100s' ends at byte %zu of the data, there are %zu)",
                entry->name, entry->end, present);
        at = entry->end;
    }
    if (at != present)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged safetensors file (%zu bytes belong to no tensor)",
                       present - at);
    qsort(reader->entries, reader->count, sizeof *reader->entries, by_name);
    return FV_OK;
}

static fv_status scan_notes(fv_safetensors *reader, json_t *notes, fv_error *err)
{
    const char *key;
    json_t *value;
    if (!json_is_object(notes))
        return fv_fail(err, FV_STATUS_FORMAT, "damaged safetensors file (__metadata__ is not a table)");
    FV_TRY(fv_calloc(&reader->notes, json_object_size(notes), sizeof *reader->notes, err));
    json_object_foreach(notes, key, value)
    {
        fv_safetensors_note *note = &reader->notes[reader->note_count];
        if (!json_is_string(value))
            return fv_fail(err, FV_STATUS_FORMAT,
                           "damaged safetensors file (__metadata__ '%.100s' is not a string)", key);
        reader->note_count++;
        FV_TRY(fv_strdup(&note->key, key, err));
        FV_TRY(fv_strdup(&note->value, json_string_value(value), err));
    }
    qsort(reader->notes, reader->note_count, sizeof *reader->notes, fv_safetensors_note_order);
    return FV_OK;
}

static fv_status scan_header(fv_safetensors *reader, json_t *header, fv_error *err)
{
    const char *name;
    json_t *value;
    FV_TRY(fv_calloc(&reader->entries, json_object_size(header), sizeof *reader->entries, err));
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0)
            FV_TRY(scan_notes(reader, value, err));
        else
            FV_TRY(scan_entry(&reader->entries[reader->count++], name, value, err));
    }
    return FV_OK;
}

/* Length of the JSON header, which starts after 8 bytes. */
static fv_status header_length(size_t *length, const uint8_t *bytes, size_t size, fv_error *err)
{
    uint64_t n = 0;
    if (size < LENGTH_BYTES + 2)
        return fv_fail(err, FV_STATUS_FORMAT, "not a safetensors file (%zu bytes are too few)", size);
    for (int i = 0; i < LENGTH_BYTES; i++) n |= (uint64_t)bytes[i] << (8 * i);
    if (n > HEADER_MOST || bytes[LENGTH_BYTES] != '{')
        return fv_fail(err, FV_STATUS_FORMAT, "not a safetensors file (no header at its start)");
    if (n > size - LENGTH_BYTES)
        return fv_fail(err, FV_STATUS_FORMAT,
                       "truncated safetensors file (header of %zu bytes, there are %zu)", (size_t)n,
                       size - LENGTH_BYTES);
    *length = (size_t)n;
    return FV_OK;
}

fv_status fv_safetensors_parse(fv_safetensors **out, const void *data, size_t size, fv_error *err)
{
    fv_status status;
    size_t length = 0;
    const uint8_t *bytes = data;
    json_t *header = NULL;
    fv_safetensors *reader = NULL;
    *out = NULL;
    FV_TRY_GOTO(header_length(&length, bytes, size, err));
    FV_TRY_GOTO(fv_json_parse(&header, (const char *)bytes + LENGTH_BYTES, length, 0, err));
    FV_TRY_GOTO(fv_calloc(&reader, 1, sizeof *reader, err));
    reader->data = bytes + LENGTH_BYTES + length;
    FV_TRY_GOTO(scan_header(reader, header, err));
    FV_TRY_GOTO(check_cover(reader, size - LENGTH_BYTES - length, err));
    *out = reader;
    reader = NULL;
done:
    fv_safetensors_close(reader);
    json_decref(header);
    return status;
}

fv_status fv_safetensors_open(fv_safetensors **out, const char *path, fv_error *err)
{
    fv_mapping *mapping;
    *out = NULL;
    FV_TRY(fv_mapping_open(&mapping, path, 0, err));
    const fv_file *file = fv_mapping_file(mapping);
    fv_status status = fv_safetensors_parse(out, file->data, file->size, err);
    if (status != FV_OK) {
        fv_mapping_release(mapping);
        return fv_file_prefix(err, path, status);
    }
    (*out)->mapping = mapping;
    return FV_OK;
}

void fv_safetensors_close(fv_safetensors *reader)
{
    if (!reader) return;
    for (size_t i = 0; i < reader->count; i++) fv_free(reader->entries[i].name);
    for (size_t i = 0; i < reader->note_count; i++) {
        fv_free(reader->notes[i].key);
        fv_free(reader->notes[i].value);
    }
    fv_mapping_release(reader->mapping);
    fv_free(reader->entries);
    fv_free(reader->notes);
    fv_free(reader);
}

/* --- the elements --- */

fv_safetensors_entry *fv_safetensors_find(const fv_safetensors *reader, const char *name)
{
    fv_safetensors_entry wanted = {.name = (char *)name};
    if (!reader->count) return NULL;
    return bsearch(&wanted, reader->entries, reader->count, sizeof wanted, by_name);
}

fv_status fv_safetensors_read(fv_tensor **out, const fv_safetensors *reader, fv_safetensors_entry *entry,
                              fv_error *err)
{
    fv_mapping *mapping = entry->lent ? NULL : reader->mapping;
    FV_TRY(fv_mapping_tensor(out, mapping, &entry->shape, entry->dtype, reader->data + entry->begin, err));
    entry->lent = 1;
    return FV_OK;
}
