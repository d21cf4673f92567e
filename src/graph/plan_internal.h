/* What the files of the plan share; op files never see this. */
#ifndef FV_GRAPH_PLAN_INTERNAL_H
#define FV_GRAPH_PLAN_INTERNAL_H

#include "graph/emit.h"
#include "graph/plan.h"

typedef enum fv_phase { FV_PREPARE, FV_FORWARD, FV_BACKWARD } fv_phase;

enum { FV_PLAIN = 0, FV_CHANNELS_LAST = 1 };

enum { FV_IN_PLACE = 3 };

/* Memory behind one or more values. */
typedef struct fv_storage {
    enum { FV_STORAGE_ARENA, FV_STORAGE_PACKED, FV_STORAGE_EXTERNAL } kind;
    size_t bytes, offset;
    int first, last;           /* steps between which it is in use; first > last: never */
    int wanted;                /* a step that remains reads it, or somebody after a pass */
    float *data;               /* valid once the plan is made */
    fv_node *leaf;             /* whose tensor this is, or NULL */
    int made;                  /* a tensor that folding made */
    int pending;               /* that is not filled in yet */
    int is_brief;              /* packed storage that only packing reads: it is there meanwhile */
    const void *packed_last;   /* the last step before everything that reads it */
    struct fv_storage *shared; /* the storage that this one's values found room in, or NULL */
} fv_storage;

struct fv_value {
    fv_shape shape;
    int channels_last;
    int custom; /* md was given: shape says nothing */
    fv_md *md;  /* made when first asked for */
    fv_storage *storage;
    int64_t offset;   /* in elements: of a part of a parameter */
    fv_parts parts;   /* of a gradient: what is written of each row, if not all */
    fv_affine affine; /* of a gradient: what it is made of, if that is known */
};

typedef struct fv_step {
    fv_phase phase;
    const fv_node *node;
    const char *pass; /* of the op that emitted it; NULL: the plan itself did */
    const char *implementation;
    fv_call *call; /* of a primitive; NULL: a kernel */
    fv_kernel run;
    void *context;
    int count;
    fv_value *value[FV_KERNEL_VALUES];
    unsigned writes; /* which of them it writes: bits */
    void *data[FV_KERNEL_VALUES];
    size_t scratchpad;
    int is_live;
    int in_place;                           /* how many of these there are */
    int to[FV_IN_PLACE], from[FV_IN_PLACE]; /* values that may share memory */
    int is_copy, is_idle;                   /* a copy falls away when both sides share memory */
    double seconds;
} fv_step;

/* Growing array of owned pointers. */
typedef struct fv_pointers {
    int count, capacity;
    void **at;
} fv_pointers;

/* What the plan knows of a node. */
typedef struct fv_node_plan {
    int live;                    /* computed in the forward pass */
    int wanted;                  /* its gradient is to be read */
    int averaged;                /* the means of its gradient are */
    int summable;                /* its users can tell the sum of its gradient over the positions */
    int summed;                  /* that sum is needed, for its means or those of a source */
    int whole;                   /* its gradient is needed, to be read or for that of a source */
    int needs;                   /* one of the two */
    int reaches;                 /* a seed depends on it, or it is one */
    int tapped;                  /* its activation is to be read */
    int given;                   /* its activation is set from outside */
    int segment;                 /* see fv_plan_cut */
    int layout;                  /* canonical: FV_PLAIN or FV_CHANNELS_LAST */
    fv_value *value[2];          /* by layout */
    fv_value *seed;              /* row-major */
    fv_pointers contributions;   /* gradients from its users (borrowed fv_value) */
    fv_pointers sums;            /* contributions of which there is but the sum over the positions */
    fv_value *gradient;          /* sum of the contributions, in the canonical layout */
    fv_value *means;             /* 2 x N x C: of it and of its magnitude */
    fv_value *unscaled, *factor; /* see fv_emit_unscaled */
    void *state;
} fv_node_plan;

/* A parameter in a packed layout, read as `as` (owned); NULL: as it is, turned. */
typedef struct fv_packed {
    const fv_node *node;
    int64_t from;
    int is_turned;
    fv_md *as;
    fv_value *value;
} fv_packed;

/* What a plan does without to save memory. */
typedef struct fv_economy {
    int segments; /* activations are computed again, segment by segment; 1: never */
    int direct;   /* no Winograd convolutions, which need room for transformed tiles */
} fv_economy;

struct fv_plan {
    fv_graph *source; /* as it was given */
    int source_count; /* its nodes when it was compiled: it may have grown */
    fv_node **map;    /* from nodes of source to those of graph; NULL: swallowed */
    fv_graph *graph;  /* what is run: folded, or source itself (map NULL) */
    fv_mode mode;
    int has_fixed_statistics;
    int exact, bfloat;
    int node_count;
    fv_node_plan *nodes;
    fv_pointers storages, values, steps, primitives, packed; /* owned */
    int forward_end, backward_end; /* step times: [0, forward_end) and [forward_end, backward_end) */
    int time;                      /* while emitting */
    int segment;                   /* that the backward pass is in, while emitting */
    fv_economy economy;
    float *arena;
    float *scratchpad;
    fv_plan_memory memory;
    int prepared, forward_done;
    int spent;    /* weights were given back before all were packed: it cannot run */
    uint64_t run; /* forward passes so far */
};

struct fv_emit {
    fv_plan *plan;
    const fv_node *node;
    fv_phase phase;
    const char *pass; /* "forward", "data" or "weights" while an op emits, "means" */
    fv_value **src;
    fv_value *dst;
    fv_value *diff_dst;
    fv_value **diff_src;
    fv_value **diff_sums;
};

/* The node that computes the value of a node of source; NULL when it was swallowed or is not of this plan. */
const fv_node *fv_plan_own_node(const fv_plan *plan, const fv_node *node);

/* The graph that is run, and the map to it from the nodes of that which was given; NULL: the same graph. */
typedef struct fv_plan_graph {
    fv_graph *graph;
    fv_node **map;
} fv_plan_graph;

/* Cuts and folds for an economy; dry: see fv_graph_fold. To be closed. */
fv_status fv_plan_graph_make(fv_plan_graph *out, fv_graph *graph, const fv_plan_spec *spec,
                             fv_economy economy, int dry, fv_error *err);
void fv_plan_graph_close(fv_plan_graph *made);

/* The value of an input or given node; `what` starts the message when it is none. */
fv_status fv_plan_input_value(fv_plan *plan, const fv_node *node, const char *what, fv_value **out,
                              fv_error *err);

/* Copies a row-major tensor of the same shape into a value of either layout. */
void fv_plan_copy_in(const fv_value *value, const fv_tensor *tensor);

/* Emits the forward steps of a node, in the forward pass or once more in the backward pass. */
fv_status fv_plan_emit_forward(fv_plan *plan, const fv_node *node, fv_phase phase, fv_error *err);

/* Cuts the network into segments of about the same size. */
void fv_plan_cut(fv_plan *plan, int segments);

/* To be called before the backward steps of a node: computes the activations of its segment again when it is
 * the first of it. The last segment needs none of that. */
fv_status fv_plan_enter_segment(fv_plan *plan, int id, fv_error *err);

/* Emits the means of the gradient of a node, which is known. */
fv_status fv_plan_emit_means(fv_emit *emit, fv_error *err);

/* Adds a gradient to a sum, as far as both have the form of fv_affine and that layout: *done_so. Writes it
 * down where it has that form and is not added. */
fv_status fv_plan_join_affine(fv_emit *emit, fv_affine *sum, fv_value *gradient, int channels_last,
                              int *done_so, fv_error *err);

/* Adds the sum to what else there is of the gradient of the node (NULL: nothing). */
fv_status fv_plan_add_affine(fv_emit *emit, const fv_affine *affine, fv_value **gradient, fv_error *err);

/* Finds out of which nodes the gradients are needed, and of which their sums. */
void fv_plan_find_needs(fv_plan *plan, const fv_plan_spec *spec);

/* Brings the sums that the users of a node gave to its means, or on to its source. */
fv_status fv_plan_emit_sums(fv_emit *emit, fv_error *err);

/* Drops what nobody needs, and finds out when each storage is in use. */
void fv_plan_prune(fv_plan *plan);

/* Appends, growing; the pointer is not taken over on failure. */
fv_status fv_pointers_add(fv_pointers *list, void *pointer, fv_error *err);

/* Allocates a block of the plan and notes it in the list that will free it. *out is a pointer. */
fv_status fv_pointers_own(fv_pointers *list, size_t size, void *out, fv_error *err);

/* Weights do not change between the runs of a plan that does not train. */
int fv_plan_is_fixed(const fv_plan *plan, const fv_node *node);

/* New value with its own arena storage. */
fv_status fv_plan_value_new(fv_plan *plan, const fv_shape *shape, int channels_last, fv_value **out,
                            fv_error *err);

/* The activation of a node in a layout (FV_PLAIN for ranks below 3), converted by a step if need be. */
fv_status fv_plan_node_value(fv_emit *emit, const fv_node *node, int layout, fv_value **out, fv_error *err);

/* Emits a change of layout of a whole value. */
fv_status fv_plan_emit_relayout(fv_emit *emit, fv_value *from, fv_value *to, fv_error *err);

/* Finds a place for every storage; memory is known afterwards. */
fv_status fv_plan_place(fv_plan *plan, fv_error *err);

/* Gets the memory; sets the data pointers of storages and steps. */
fv_status fv_plan_allocate(fv_plan *plan, fv_error *err);

/* Makes the weights behind a storage that is pending. */
fv_status fv_plan_fill(fv_storage *storage, fv_error *err);

/* Frees one step. */
void fv_step_free(fv_step *step);

#endif
