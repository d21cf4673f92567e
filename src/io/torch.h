/* Files of torch.save: zip archives (PyTorch 1.6 and later) and the stream of older versions. What is in them
 * is a pickle (pickle.h) whose tensors refer to blocks of data, the storages, by key.
 *
 * When a file is opened everything is checked: names against a short list, each tensor against its storage,
 * each storage against the bytes that are there. Elements are read when they are asked for. */
#ifndef FV_IO_TORCH_H
#define FV_IO_TORCH_H

#include "io/dtype.h"
#include "io/file.h"
#include "io/pickle.h"
#include "io/zip.h"
#include "tensor/tensor.h"

typedef struct fv_torch_storage {
    const char *key; /* in the pickle, not terminated */
    size_t key_size;
    fv_dtype dtype;
    size_t count;       /* elements of the whole block */
    size_t first, span; /* those of them that tensors may use */
    const fv_zip_entry *entry;
    const uint8_t *data; /* of the stream; NULL in archives */
} fv_torch_storage;

typedef struct fv_torch_tensor {
    size_t storage;
    size_t offset; /* of the first element, in the span of the storage */
    fv_shape shape;
    int64_t stride[FV_MAX_RANK]; /* in elements, not negative */
    size_t count;
} fv_torch_tensor;

/* Types of objects in the pickle: index counts in `tensors`, `storages`. */
enum { FV_TORCH_TENSOR = 1, FV_TORCH_STORAGE = 2 };

/* A file that is open. Fields are read-only. */
typedef struct fv_torch {
    fv_pickle pickle;
    size_t tensor_count, tensor_room, storage_count, storage_room;
    fv_torch_tensor *tensors;
    fv_torch_storage *storages;
    uint64_t elements, elements_most; /* of all tensors together */
    fv_file file;                     /* zeroed for bytes in memory */
    fv_zip *zip;
    uint8_t *content;           /* data.pkl of the archive */
    uint8_t *block;             /* the storage that was read last */
    const fv_zip_entry *loaded; /* which one that is */
} fv_torch;

/* Opens a file (mapped while it is open) or bytes that outlive the reader. Messages of the former start with
 * the path. FV_STATUS_FORMAT for damage; FV_STATUS_UNSUPPORTED for what is refused or not read: names that
 * are not on the list, TorchScript, big-endian files, element types that tensors do not have;
 * FV_STATUS_MEMORY for claims beyond what the file can hold. */
fv_status fv_torch_open(fv_torch **out, const char *path, fv_error *err);
fv_status fv_torch_parse(fv_torch **out, const void *data, size_t size, fv_error *err);

/* Accepts NULL. */
void fv_torch_close(fv_torch *torch);

/* The elements of a tensor as float32, whatever its type and strides. */
fv_status fv_torch_read(fv_tensor **out, fv_torch *torch, const fv_torch_tensor *tensor, fv_error *err);

/* Inner: answers the questions of the pickle; context is the fv_torch. */
extern const fv_pickle_caller fv_torch_caller;

/* Inner: gives each storage its bytes, from the archive (folder: "NAME/") or the stream. */
fv_status fv_torch_find_entries(fv_torch *torch, const char *folder, fv_error *err);
fv_status fv_torch_find_blocks(fv_torch *torch, const uint8_t *data, size_t size, fv_error *err);

#endif
