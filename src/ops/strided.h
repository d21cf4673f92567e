/* Copies between two strided views of one shape: concatenation, transposition, repetition, block
 * permutations. */
#ifndef FV_OPS_STRIDED_H
#define FV_OPS_STRIDED_H

#include "graph/emit.h"

enum { FV_STRIDED_MAX = 8 };

/* Element i of the view lies at offset + sum of i[k] * stride[k] on each side; a stride of 0 repeats. */
typedef struct fv_strided {
    int rank; /* at most FV_STRIDED_MAX */
    int64_t dim[FV_STRIDED_MAX];
    int64_t from[FV_STRIDED_MAX], to[FV_STRIDED_MAX]; /* strides in elements */
    int64_t from_offset, to_offset;
} fv_strided;

/* The copy in the other direction. */
fv_strided fv_strided_reverse(fv_strided copy);

/* Emits the copy. Axes may be in any order: the copy runs along the memory of `to`. */
fv_status fv_emit_strided(fv_emit *emit, const char *name, const fv_strided *copy, fv_value *from,
                          fv_value *to, fv_error *err);

#endif
