/* What an op is, and what an op file may see of a graph: its node (sources, shapes, attributes) and the emit
 * interface (graph/emit.h). An op file defines one or more constants of type fv_op and nothing else public.
 *
 * Attributes are data: a private struct described by rows, from which the Lua binding, the dump and the
 * reference manual are made. */
#ifndef FV_GRAPH_OP_H
#define FV_GRAPH_OP_H

#include "base/status.h"
#include "tensor/tensor.h"
#include <stddef.h>

typedef struct fv_op fv_op;
typedef struct fv_node fv_node;
typedef struct fv_emit fv_emit;

/* What a plan is made for, see graph/plan.h. */
typedef enum fv_mode { FV_MODE_INFER, FV_MODE_EXPLAIN, FV_MODE_TRAIN } fv_mode;

/* Lists inside attribute structs. A per-axis list of one entry stands for all spatial axes. */
typedef struct fv_ints {
    int count;
    int64_t value[FV_MAX_RANK];
} fv_ints;

typedef struct fv_floats {
    int count;
    double value[FV_MAX_RANK];
} fv_floats;

/* Kind of an attribute, and the C type at its offset. */
typedef enum fv_attr_kind {
    FV_ATTR_INT,            /* int64_t */
    FV_ATTR_FLOAT,          /* double */
    FV_ATTR_BOOL,           /* int */
    FV_ATTR_CHOICE,         /* int: index into choices */
    FV_ATTR_SPATIAL,        /* fv_ints, one entry per spatial axis or one for all */
    FV_ATTR_SPATIAL_FLOATS, /* fv_floats, likewise */
    FV_ATTR_INTS,           /* fv_ints, one entry per axis of the tensor */
    FV_ATTR_AXIS,           /* int64_t, from 0; negative counts from the end (Lua: from 1, or a name) */
    FV_ATTR_AXES,           /* fv_ints of such axes */
    FV_ATTR_INDEX           /* int64_t, position from 0; negative counts from the end (Lua: from 1) */
} fv_attr_kind;

typedef struct fv_attr {
    const char *name;
    fv_attr_kind kind;
    size_t offset;              /* in the op's attribute struct */
    double initial;             /* default; for lists: of a one-entry list, or FV_ATTR_EMPTY */
    const char *doc;            /* one line for the manual */
    const char *const *choices; /* NULL-terminated, of FV_ATTR_CHOICE */
} fv_attr;

#define FV_ATTR_REQUIRED (__builtin_nan("")) /* as `initial`: the caller must give it */
#define FV_ATTR_EMPTY    (__builtin_inf())   /* as `initial` of a list: no entries */

struct fv_node {
    const fv_op *op; /* NULL for inputs, parameters and constants */
    char *name;      /* unique in the graph */
    int id;          /* position in the graph, sources before users */
    int src_count;
    fv_node **src;
    void *attrs;              /* the op's private struct */
    fv_shape shape;           /* of dst */
    fv_tensor *tensor;        /* of a parameter or constant */
    int is_parameter;         /* trained; a constant otherwise */
    struct fv_scaled *scaled; /* what the tensor is made of, see graph/scaled.h; NULL: nothing */
    int is_bypassed;          /* a user gives its source the gradient that would go through it */
};

/* Which physical layout an op wants its data sources in; dst has the same. */
typedef enum fv_op_layout {
    FV_OP_CHANNELS_LAST, /* convolutions, pools: everything on N C spatial... */
    FV_OP_ANY,           /* works in either: sources of dst's rank come in one layout, chosen by the plan */
    FV_OP_PLAIN          /* needs row-major (reshape) */
} fv_op_layout;

struct fv_op {
    const char *name; /* Lua name, dump name */
    const char *doc;  /* formula, one line */
    int src_min, src_max;
    int parameters_from; /* sources from here on are parameters: raw row-major tensors; negative: counted from
                            the end */
    size_t attrs_size;
    const fv_attr *attrs; /* ends with a NULL name; may be NULL */
    fv_op_layout layout;

    /* Checks sources and attributes, sets node->shape. The message says what does not fit, with both shapes;
     * the graph puts the op and node name in front. */
    fv_status (*shape)(fv_node *node, fv_error *err);

    /* Emit the steps of one pass at plan time. backward_data writes the gradients of the data sources that
     * fv_diff_src offers, backward_weights those of the parameters. NULL: the op has no such gradient. */
    fv_status (*forward)(const fv_node *node, fv_emit *emit, fv_error *err);
    fv_status (*backward_data)(const fv_node *node, fv_emit *emit, fv_error *err);
    fv_status (*backward_weights)(const fv_node *node, fv_emit *emit, fv_error *err);

    /* Multiply-accumulates of the forward pass; NULL: none worth counting. */
    double (*macs)(const fv_node *node);

    /* Writes the sums over all positions of the gradients of the data sources that fv_diff_sums offers: of
     * those for which has_sums is true. NULL: there is no shorter way than by the gradients. */
    fv_status (*backward_sums)(const fv_node *node, fv_emit *emit, fv_error *err);
    int (*has_sums)(const fv_node *node, int source);

    /* The gradients of its one source and of dst have the same sum over the positions, in each channel. */
    int keeps_sums;
};

/* The op of that name, or NULL. */
const fv_op *fv_op_find(const char *name);

/* All ops, in the order of op_list.h; NULL after the last. */
const fv_op *fv_op_at(int index);

/* Fills an attribute struct with the defaults (required ones: zero). */
void fv_op_defaults(const fv_op *op, void *attrs);

/* Sets one attribute from a number; a list gets one entry, a choice takes the index. For C programs that
 * build graphs (Lua reads option tables). FV_STATUS_ARGUMENT for an unknown name. */
fv_status fv_op_set(const fv_op *op, void *attrs, const char *name, double value, fv_error *err);

/* Sets an attribute of kind choice by its name. */
fv_status fv_op_set_choice(const fv_op *op, void *attrs, const char *name, const char *choice, fv_error *err);

/* A scalar attribute as a number; 0 when the op has none of that name. */
double fv_op_get(const fv_op *op, const void *attrs, const char *name);

/* A list attribute of whole numbers; empty when the op has none of that name. */
fv_ints fv_op_get_list(const fv_op *op, const void *attrs, const char *name);
fv_status fv_op_set_list(const fv_op *op, void *attrs, const char *name, const fv_ints *list, fv_error *err);

/* --- helpers for op files --- */

/* The first source of a node with an op that is a parameter. */
int fv_parameters_from(const fv_node *node);

/* Entry of a per-axis list for spatial axis i (from 0); fallback when the list is empty. */
int64_t fv_spatial(const fv_ints *list, int i, int64_t fallback);

/* FV_STATUS_ARGUMENT when a per-axis list has neither 1 nor `spatial` entries (nor none), or an entry below
 * least. */
fv_status fv_check_spatial(const fv_ints *list, const char *name, int spatial, int64_t least, fv_error *err);

/* Axis from 0 after resolving a negative one; FV_STATUS_ARGUMENT when outside of the rank. */
fv_status fv_op_axis(int64_t axis, int rank, int *out, fv_error *err);

#endif
