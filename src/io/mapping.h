/* Mapped files whose bytes are the elements of tensors: nothing is copied, and pages that nobody reads are
 * never read from the disc. */
#ifndef FV_IO_MAPPING_H
#define FV_IO_MAPPING_H

#include "io/dtype.h"
#include "io/file.h"
#include "tensor/tensor.h"

/* A mapped file, kept by its reader and by every tensor that lies in it. */
typedef struct fv_mapping fv_mapping;

/* As fv_file_map. One reference. A file whose tensors are in use must not be cut short or overwritten in
 * place: the system ends a process that touches what is gone. Replacing it by another of its name is fine. */
fv_status fv_mapping_open(fv_mapping **out, const char *path, size_t limit, fv_error *err);

/* Gives a reference back; accepts NULL. */
void fv_mapping_release(fv_mapping *mapping);

const fv_file *fv_mapping_file(const fv_mapping *mapping);

/* A tensor of the elements at `data`. Big ones of float32 lie in the mapping, if `data` does (mapping not
 * NULL); others are converted into memory of their own. Writing to a tensor never changes the file. */
fv_status fv_mapping_tensor(fv_tensor **out, fv_mapping *mapping, const fv_shape *shape, fv_dtype dtype,
                            const uint8_t *data, fv_error *err);

#endif
