/* NumPy's .npy files, versions 1 to 3 (NumPy enhancement proposal 1). */
#ifndef FV_IO_NPY_H
#define FV_IO_NPY_H

#include "io/dtype.h"
#include "tensor/tensor.h"

/* float32 tensor of an array in memory: any element type of dtype.h but bfloat16, either byte order, C or
 * Fortran order (a tensor is always in C order). The header is read by a strict scanner, never evaluated; its
 * shape must account for every byte that follows before anything is allocated. Errors: FV_STATUS_FORMAT,
 * FV_STATUS_UNSUPPORTED (structured, complex, text and object arrays; more than FV_MAX_RANK dimensions).
 * dtype, the element type of the file, may be NULL. */
fv_status fv_npy_decode(fv_tensor **out, fv_dtype *dtype, const void *data, size_t size, fv_error *err);

/* The same for a file; messages start with its path. */
fv_status fv_npy_read(fv_tensor **out, fv_dtype *dtype, const char *path, fv_error *err);

/* Writes a tensor as float32, little-endian, C order; the file is replaced as a whole or not at all. */
fv_status fv_npy_write(const char *path, const fv_tensor *t, fv_error *err);

#endif
