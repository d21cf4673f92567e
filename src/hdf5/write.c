#include "hdf5/walk.h"

#include "base/alloc.h"
#include "io/safetensors.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH_BYTES = 8, ALIGNMENT = 8 };

static fv_status write_all(int fd, const void *data, size_t size, fv_error *err)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = write(fd, (const char *)data + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fv_fail(err, FV_STATUS_IO, "the result cannot be written");
        at += (size_t)n;
    }
    return FV_OK;
}

/* --- the header --- */

static fv_status add_entry(json_t *header, const h5_array *array, size_t begin, fv_error *err)
{
    json_t *sizes = json_array();
    for (int i = 0; i < array->shape.rank; i++)
        json_array_append_new(sizes, json_integer(array->shape.dim[i]));
    json_t *entry = json_pack("{s:s, s:o, s:[I, I]}", "dtype", fv_safetensors_type(array->dtype), "shape",
                              sizes, "data_offsets", (json_int_t)begin, (json_int_t)(begin + array->bytes));
    if (json_object_get(header, array->path)) {
        json_decref(entry);
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file ('%.200s' comes twice)", array->path);
    }
    if (json_object_set_new(header, array->path, entry) == 0) return FV_OK;
    return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (a name is not UTF-8)");
}

static fv_status write_header(const json_t *header, int fd, fv_error *err)
{
    char *block;
    size_t length = json_dumpb(header, NULL, 0, JSON_COMPACT);
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!length) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for the header");
    FV_TRY(fv_calloc(&block, LENGTH_BYTES + padded, 1, err));
    for (int i = 0; i < LENGTH_BYTES; i++) block[i] = (char)(padded >> (8 * i));
    json_dumpb(header, block + LENGTH_BYTES, length, JSON_COMPACT);
    memset(block + LENGTH_BYTES + length, ' ', padded - length);
    fv_status status = write_all(fd, block, LENGTH_BYTES + padded, err);
    fv_free(block);
    return status;
}

/* { "__metadata__": { "attributes": JSON as text }, path: { dtype, shape, data_offsets } ... } */
static fv_status make_header(json_t *header, const h5_tree *tree, fv_error *err)
{
    char *texts = json_dumps(tree->texts, JSON_COMPACT);
    if (!texts) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for the attributes");
    json_object_set_new(header, "__metadata__", json_pack("{s:s}", "attributes", texts));
    json_free_t release;
    json_get_alloc_funcs(NULL, &release);
    release(texts);
    size_t at = 0;
    for (size_t i = 0; i < tree->count; i++) {
        FV_TRY(add_entry(header, &tree->arrays[i], at, err));
        at += tree->arrays[i].bytes;
    }
    return FV_OK;
}

/* --- the elements --- */

static fv_status write_elements(const h5_array *array, int fd, fv_error *err)
{
    char *bytes;
    if (!array->bytes) return FV_OK;
    FV_TRY(fv_calloc(&bytes, array->bytes, 1, err));
    fv_status status = FV_OK;
    if (H5Dread(array->dataset, array->type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) < 0)
        status = fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (elements of '%.200s' cannot be read)",
                         array->path);
    else
        status = write_all(fd, bytes, array->bytes, err);
    fv_free(bytes);
    return status;
}

fv_status h5_tree_write(const h5_tree *tree, int fd, fv_error *err)
{
    json_t *header = json_object();
    fv_status status = make_header(header, tree, err);
    if (status == FV_OK) status = write_header(header, fd, err);
    json_decref(header);
    for (size_t i = 0; status == FV_OK && i < tree->count; i++)
        status = write_elements(&tree->arrays[i], fd, err);
    return status;
}
