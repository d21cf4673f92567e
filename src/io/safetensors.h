/* safetensors files: named arrays behind a JSON header. The header is checked as a whole when a file is
 * opened (names unique, types known, shapes and byte ranges in agreement, ranges covering the data without
 * gap or overlap); elements are read when a tensor is asked for. */
#ifndef FV_IO_SAFETENSORS_H
#define FV_IO_SAFETENSORS_H

#include "io/dtype.h"
#include "io/mapping.h"
#include "tensor/tensor.h"

typedef struct fv_safetensors_entry {
    char *name;
    fv_dtype dtype;
    fv_shape shape;
    size_t begin, end; /* bytes of the data section */
    int lent;          /* to a tensor that lies in the file: the next one gets a copy */
} fv_safetensors_entry;

/* Both strings are UTF-8. */
typedef struct fv_safetensors_note {
    char *key, *value;
} fv_safetensors_note;

/* A file that is open. Fields are read-only; entries are sorted by name, metadata by key (bytewise). */
typedef struct fv_safetensors {
    size_t count;
    fv_safetensors_entry *entries;
    size_t note_count;
    fv_safetensors_note *notes; /* the __metadata__ of the header */
    const unsigned char *data;  /* data section */
    fv_mapping *mapping;        /* NULL for bytes in memory */
} fv_safetensors;

/* Opens a file (mapped while it or a tensor of it is there, see io/mapping.h) or bytes that outlive the
 * reader. Messages of the former start with the path. FV_STATUS_FORMAT for damage, FV_STATUS_UNSUPPORTED for
 * element types (F8_*, ...) and ranks that tensors do not have. */
fv_status fv_safetensors_open(fv_safetensors **out, const char *path, fv_error *err);
fv_status fv_safetensors_parse(fv_safetensors **out, const void *data, size_t size, fv_error *err);

/* Accepts NULL. */
void fv_safetensors_close(fv_safetensors *reader);

/* The entry of that name, or NULL. */
fv_safetensors_entry *fv_safetensors_find(const fv_safetensors *reader, const char *name);

/* The elements of an entry as float32: of a file that is open, big ones in place, the first time. */
fv_status fv_safetensors_read(fv_tensor **out, const fv_safetensors *reader, fv_safetensors_entry *entry,
                              fv_error *err);

/* The name of an element type in these files: "F32", "BF16", ... */
const char *fv_safetensors_type(fv_dtype type);

/* For qsort: notes by key. */
int fv_safetensors_note_order(const void *a, const void *b);

/* --- writing --- */

typedef struct fv_safetensors_item {
    const char *name; /* UTF-8, not "__metadata__" */
    const fv_tensor *tensor;
} fv_safetensors_item;

/* Writes tensors as FV_DTYPE_F32, _F16, _BF16 or _F64 with the metadata, both sorted (the arrays are put in
 * order), data in the order of the names from a multiple of 8 on. A tensor with finite elements that float16
 * does not hold is written as float32 in its place. The file is replaced as a whole or not at all.
 * FV_STATUS_ARGUMENT for a name that comes twice or is not UTF-8. */
fv_status fv_safetensors_write(const char *path, fv_safetensors_item *items, size_t count,
                               fv_safetensors_note *notes, size_t note_count, fv_dtype dtype, fv_error *err);

#endif
