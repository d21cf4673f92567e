/* How an op describes its work to the plan. Its forward and backward functions run once, at plan time, and
 * emit steps: a oneDNN primitive or a C function with the values it reads and writes. Running a plan is a
 * loop over steps.
 *
 * A value is a buffer with a shape and a layout. The plan decides where it lives and reuses its memory as
 * soon as no later step reads it; a forward value that a backward step reads stays. Ops overwrite what they
 * write; the plan adds up the gradients of a node with several users. */
#ifndef FV_GRAPH_EMIT_H
#define FV_GRAPH_EMIT_H

#include "dnn/dnn.h"
#include "graph/op.h"

typedef struct fv_value fv_value;

fv_mode fv_emit_mode(const fv_emit *emit);

/* Whether batch normalisation is to use (and to gather) the statistics of the batch. */
int fv_emit_has_batch_statistics(const fv_emit *emit);

/* True when sums are to be made the plain way, whatever it costs. */
int fv_emit_is_exact(const fv_emit *emit);

/* True when convolutions may round what they read to bfloat16. */
int fv_emit_is_bfloat(const fv_emit *emit);

/* True when a backward pass through this node may follow: keep what it needs. */
int fv_emit_has_backward(const fv_emit *emit);

/* Number of the forward pass that runs or ran last, from 1; it lives as long as the plan. */
const uint64_t *fv_emit_run(const fv_emit *emit);

/* Whether what the backward pass reads of dst should be small, since dst itself need not stay for it. */
int fv_emit_saves(const fv_emit *emit);

/* --- the values of the node --- */

/* Source i in the layout the op asked for (parameters: row-major, as given). */
fv_value *fv_src(fv_emit *emit, int i);
fv_value *fv_dst(fv_emit *emit);

/* Backward only. diff_dst has the layout of dst, diff_src that of the source. fv_diff_src is NULL when nobody
 * wants that gradient: emit nothing for it. */
fv_value *fv_diff_dst(fv_emit *emit);
fv_value *fv_diff_src(fv_emit *emit, int i);

/* In backward_sums: where the sums over the positions of a source's gradient go, row-major N x C; or NULL. */
fv_value *fv_diff_sums(fv_emit *emit, int i);

/* base times scale plus shift, which have one element for each image and channel of base (N x C, in any shape
 * of as many elements); base with scale, or shift, may be NULL. */
typedef struct fv_affine {
    fv_value *base, *scale, *shift;
} fv_affine;

/* Gives the gradient of source i in that form, in place of writing fv_diff_src(i); base has its shape and
 * layout. To be asked first: it is not always taken so. */
int fv_emit_takes_affine(const fv_emit *emit, int i);
void fv_emit_affine_gradient(fv_emit *emit, int i, const fv_affine *gradient);

/* Zeroed memory of the node in this plan, the same block in forward and backward: hints, workspaces. The op
 * keeps only borrowed pointers in it. Every call for one node asks for the same size. *out is a pointer. */
fv_status fv_emit_state(fv_emit *emit, size_t size, void *out, fv_error *err);

/* Scratch or workspace of the node: a row-major value of that shape. */
fv_status fv_emit_value(fv_emit *emit, const fv_shape *shape, fv_value **out, fv_error *err);

/* The same in the physical layout (and size) of a descriptor, which is copied: a workspace, packed weights.
 */
fv_status fv_emit_value_md(fv_emit *emit, const fv_md *md, fv_value **out, fv_error *err);

/* Makes `to` (a dst or diff_src) share the memory of `from` without a step: reshape, identity. Either both
 * are row-major, or layout and shape agree. */
fv_status fv_emit_alias(fv_emit *emit, fv_value *to, fv_value *from, fv_error *err);

/* New value with the shape and layout of another. */
fv_status fv_emit_value_like(fv_emit *emit, const fv_value *like, fv_value **out, fv_error *err);

/* The memory of a value from element `from` on, to be described by descriptors of steps. */
fv_status fv_emit_part(fv_emit *emit, fv_value *whole, int64_t from, fv_value **out, fv_error *err);

/* --- looking at a value --- */

const fv_shape *fv_value_shape(const fv_value *value);
/* 1 when stored channels last (N spatial... C), 0 when row-major. */
int fv_value_is_channels_last(const fv_value *value);
/* Strides in elements, in logical axis order (N C D H W), whatever the layout. */
void fv_value_strides(const fv_value *value, int64_t strides[FV_MAX_RANK]);
/* Borrowed descriptor of the value. */
fv_status fv_value_md(fv_value *value, const fv_md **out, fv_error *err);

/* --- steps --- */

/* One argument of a primitive. md NULL: the value's own descriptor. */
typedef struct fv_emit_arg {
    int id; /* DNNL_ARG_SRC, ... */
    fv_value *value;
    int write;
    const fv_md *md;
} fv_emit_arg;

/* clang-format off */
#define FV_IN(id, value)  {(id), (value), 0, NULL}
#define FV_OUT(id, value) {(id), (value), 1, NULL}
/* clang-format on */

/* Hands a primitive to the plan (also on failure): it lives as long as the plan, so it can serve as a hint.
 */
fv_status fv_emit_keep(fv_emit *emit, fv_prim *prim, fv_error *err);

/* A step that runs a kept primitive. */
fv_status fv_emit_primitive(fv_emit *emit, const fv_prim *prim, int count, const fv_emit_arg *args,
                            fv_error *err);

/* A kernel gets its context and one pointer per value, in the order given to fv_emit_call. Kernels cannot
 * fail; scratch memory is asked for as a value. */
typedef void (*fv_kernel)(const void *context, float *const *data);

enum { FV_KERNEL_VALUES = 12 };

/* What a kernel step reads and writes. name appears in the dump ("pad:own"). The context is copied. */
typedef struct fv_emit_kernel {
    const char *name; /* a literal */
    fv_kernel run;
    const void *context;
    size_t context_size;
    int read_count, write_count; /* the values read come first, then those written */
    fv_value *value[FV_KERNEL_VALUES];
} fv_emit_kernel;

fv_status fv_emit_call(fv_emit *emit, const fv_emit_kernel *kernel, fv_error *err);

/* Tells the plan that the step emitted last may find `to`, which it writes, in the memory of `from`, which it
 * reads: both have one layout, and it reads no element of `from` after writing that of `to` at the same
 * place. The plan makes it so when nobody else wants `from`; a copy then falls away. */
void fv_emit_in_place(fv_emit *emit, const fv_value *to, const fv_value *from);

/* Parts of the rows of a gradient, of which the rest is zero. */
enum { FV_PARTS = 8 };
typedef struct fv_parts {
    int count; /* 0: all of it */
    int64_t first[FV_PARTS], size[FV_PARTS];
} fv_parts;

/* Nodes that read different parts of source i can share one gradient: offers fv_diff_src(i) for these parts
 * alone. Returns 1 when another node has written its parts before (fv_diff_src is now that gradient: nothing
 * else of it may be touched), 0 for a new one, whose other elements are to be cleared. */
int fv_emit_share_gradient(fv_emit *emit, int i, const fv_parts *parts);

/* Source i, a parameter, as weights and a factor for each of their rows (along the first axis; zeros follow
 * up to a multiple of 16), where they are made so: the product then need not exist. Else factor is NULL. */
fv_status fv_emit_unscaled(fv_emit *emit, int i, fv_value **weights, fv_value **factor, fv_error *err);

/* Source i, a parameter, in the layout of md (dnnl's own for weights): packed once per plan (each run in
 * train mode), shared by all nodes that use the parameter in the same way. `as` (may be NULL: row-major)
 * describes how the raw parameter is to be read: with a group axis, with axes swapped. */
fv_status fv_emit_packed(fv_emit *emit, int i, const fv_md *as, const fv_md *md, fv_value **out,
                         fv_error *err);

/* The same of a part of the parameter, which begins at element `from` of it. is_turned: the taps of each pair
 * of channels (the axes from the third on) in reverse order. */
fv_status fv_emit_packed_part(fv_emit *emit, int i, int64_t from, int is_turned, const fv_md *as,
                              const fv_md *md, fv_value **out, fv_error *err);

/* Emits a copy between two layouts. A descriptor (may be NULL: the value's own) reads that side as something
 * else of the same memory, for weights with a group axis. */
fv_status fv_emit_copy(fv_emit *emit, fv_value *from, const fv_md *from_md, fv_value *to, const fv_md *to_md,
                       fv_error *err);

/* Emits the sum of two values of one shape and layout. */
fv_status fv_emit_sum(fv_emit *emit, fv_value *a, fv_value *b, fv_value *sum, fv_error *err);

#endif
