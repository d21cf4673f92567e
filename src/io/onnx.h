/* ONNX files: bytes -> checked protobuf messages -> tensors. What the operators mean is the importer's
 * business.
 *
 * Reading never trusts the file: nesting is limited before anything is unpacked, memory is limited to a
 * multiple of the file's size, and every tensor's shape is compared with the bytes that are there. */
#ifndef FV_IO_ONNX_H
#define FV_IO_ONNX_H

#include "base/status.h"
#include "io/dtype.h"
#include "onnx_subset.pb-c.h"
#include "tensor/tensor.h"

typedef struct fv_onnx {
    Onnx__ModelProto *model;
    char *folder; /* where external data may lie; NULL when the model came from memory */
} fv_onnx;

/* What a TensorProto claims, checked against what it holds. */
typedef struct fv_onnx_info {
    fv_dtype dtype;
    fv_shape shape;
    size_t count;
    int external; /* the data lies in another file (not looked at yet) */
} fv_onnx_info;

/* Reads and checks a model file. External codes only: FV_STATUS_IO (cannot be read), _FORMAT (truncated,
 * damaged, not ONNX, shape and data disagree), _UNSUPPORTED (element types, ranks above FV_MAX_RANK, sparse
 * initialisers), _MEMORY. The text starts with the path. Free with fv_onnx_free. */
fv_status fv_onnx_read_file(fv_onnx **out, const char *path, fv_error *err);

/* The same from memory; external data is then refused when it is asked for. */
fv_status fv_onnx_read_memory(fv_onnx **out, const void *bytes, size_t size, fv_error *err);

/* Accepts NULL. */
void fv_onnx_free(fv_onnx *onnx);

/* Checks data type, dimensions and byte counts of one tensor. `what` names it in the text ("initialiser
 * 'w'"). */
fv_status fv_onnx_tensor_info(fv_onnx_info *info, const Onnx__TensorProto *tensor, const char *what,
                              fv_error *err);

/* True for the types that become tensors (float32, float64, float16, bfloat16); the others become integers.
 */
int fv_onnx_is_float(fv_dtype dtype);

/* New float32 tensor with the elements of a floating-point TensorProto. */
fv_status fv_onnx_floats(fv_tensor **out, const fv_onnx *onnx, const Onnx__TensorProto *tensor,
                         const char *what, fv_error *err);

/* New array (fv_free) with the elements of an integer or boolean TensorProto; uint64 keeps its bits. */
fv_status fv_onnx_integers(int64_t **out, size_t *count, const fv_onnx *onnx, const Onnx__TensorProto *tensor,
                           const char *what, fv_error *err);

/* Inner: walks a freshly unpacked model; fv_onnx_read_* call it. */
fv_status fv_onnx_check(const Onnx__ModelProto *model, fv_error *err);

typedef enum fv_wire {
    FV_WIRE_OK,
    FV_WIRE_TRUNCATED, /* a field of the outermost message runs past the end */
    FV_WIRE_DAMAGED,   /* no protobuf, or an inner length that does not fit */
    FV_WIRE_DEEP       /* nested deeper than any real model */
} fv_wire;

/* Inner: walks the wire format without allocating, because the protobuf-c parser recurses without a limit. */
fv_wire fv_onnx_wire_check(const uint8_t *bytes, size_t size);

/* Inner: reads `size` bytes of an external tensor into new memory (fv_free). The location must be a plain
 * file name in `folder`: a regular file, no symbolic link, no second hard link, offset and length inside it.
 */
fv_status fv_onnx_external(uint8_t **out, size_t size, const char *folder, const Onnx__TensorProto *tensor,
                           fv_error *err);

#endif
