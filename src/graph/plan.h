/* A plan: a graph compiled for one purpose. It decides layouts, creates every primitive once, plans the
 * memory and holds the steps of the forward and (in explain and train mode) the backward pass. Running is a
 * loop.
 *
 *     infer    forward only
 *     explain  forward, then backward from the seeds down to the wanted gradients and no further
 *     train    the same with batch statistics and dropout; weights are packed anew at each run
 *
 * One forward serves any number of backward passes with other seeds. A plan belongs to one thread at a time.
 */
#ifndef FV_GRAPH_PLAN_H
#define FV_GRAPH_PLAN_H

#include "graph/graph.h"

typedef struct fv_plan fv_plan;

typedef struct fv_node_list {
    int count;
    fv_node *const *node;
} fv_node_list;

/* What the plan is for. Nodes may be listed twice. */
typedef struct fv_plan_spec {
    fv_mode mode;
    fv_node_list taps;      /* nodes whose activations can be read after a forward pass; at least one */
    fv_node_list seeds;     /* nodes at which a gradient is put in: the score is sum(seed * node) */
    fv_node_list gradients; /* nodes whose gradient can be read after a backward pass */
    fv_node_list means;   /* maps (N C spatial...) of whose gradient the means over the positions can be read:
                             for Grad-CAM, in less time and memory than the gradient itself */
    fv_node_list given;   /* nodes that are set like inputs: nothing before them is computed for them */
    int fixed_statistics; /* train: batch normalisation by the running statistics, which stay as they are */
    int exact;            /* no Winograd convolutions, which round a little more */
    int bfloat; /* infer, explain: convolutions of bfloat16, if the processor has them: rough, for previews */
    int keep_all;  /* do not fold normalisation and activations into convolutions: each node by itself */
    size_t budget; /* bytes; 0: no limit. See fv_plan_memory; slower ways are taken where they save enough */
    size_t *least; /* set when the budget is refused: the smallest one that works; may be NULL */
} fv_plan_spec;

/* Compiles. The plan retains the graph. */
fv_status fv_plan_new(fv_plan **out, fv_graph *graph, const fv_plan_spec *spec, fv_error *err);
void fv_plan_free(fv_plan *plan); /* accepts NULL */

/* Copies a tensor into an input or a given node. Shapes must agree; the value stays until it is set again. */
fv_status fv_plan_set_input(fv_plan *plan, const fv_node *node, const fv_tensor *tensor, fv_error *err);

/* A box of one batch item, all channels of it: in the node from position `at` of the spatial axes on, in the
 * tensor from `from` on. Counted from 0. */
typedef struct fv_plan_part {
    const fv_tensor *tensor; /* N C [D] [H] W with the channels of the node */
    int64_t item, from_item;
    fv_ints at, from, size; /* one entry per spatial axis */
} fv_plan_part;

/* Copies a box of a tensor into an input or a given node; the rest of the node stays as it is. */
fv_status fv_plan_set_part(fv_plan *plan, const fv_node *node, const fv_plan_part *part, fv_error *err);

/* Runs the forward pass. All inputs that are used must have been set once. It is pass `run` of the
 * plan (from 1 on, one more each time), which is what dropout draws its masks by. */
fv_status fv_plan_forward(fv_plan *plan, fv_error *err);

/* Runs the forward passes of several plans at the same time, each in a thread of its own: faster than one
 * plan for all, whose threads wait for each other at every layer. Plans that are run like this are best made
 * while fv_threads() is 1. */
fv_status fv_plan_forward_all(fv_plan *const *plans, int count, fv_error *err);

/* The next forward pass is pass run + 1: to draw the same masks as another plan did. */
void fv_plan_set_run(fv_plan *plan, uint64_t run);

/* Copies the seed of a seed node; seeds that are not set are zero. */
fv_status fv_plan_set_seed(fv_plan *plan, const fv_node *node, const fv_tensor *tensor, fv_error *err);

/* Runs the backward pass; a forward pass must have run. */
fv_status fv_plan_backward(fv_plan *plan, fv_error *err);

/* New row-major tensor with the activation of a tap (or an input, parameter, constant). */
fv_status fv_plan_value(fv_plan *plan, const fv_node *node, fv_tensor **out, fv_error *err);

/* New row-major tensor with the gradient of a node of spec.gradients; zeros when no seed depends on it. */
fv_status fv_plan_gradient(fv_plan *plan, const fv_node *node, fv_tensor **out, fv_error *err);

/* New tensors N x C x 1... with the means over all positions of the gradient of a node of spec.means, and of
 * its magnitude (0: that gradient is zero; not finite: it is not). Where the users of the node can tell the
 * sums of its gradient, these are used, and the magnitudes are those of the means. */
fv_status fv_plan_gradient_means(fv_plan *plan, const fv_node *node, fv_tensor **means,
                                 fv_tensor **magnitudes, fv_error *err);

/* Where the activation of a tap lies, valid until the plan runs or is freed: element (n, c, ...) at data +
 * n strides[0] + c strides[1] + ... */
typedef struct fv_plan_tap {
    const float *data;
    const fv_shape *shape;
    int64_t strides[FV_MAX_RANK];
} fv_plan_tap;

fv_status fv_plan_look(fv_plan *plan, const fv_node *node, fv_plan_tap *tap, fv_error *err);

/* One line of the dump. Borrowed texts. */
typedef struct fv_step_info {
    const char *phase; /* "prepare", "forward" or "backward" */
    const fv_node *node;
    const char *pass;           /* what of the node it computes: "forward", the gradient of its "data" or
                                   "weights", "means" of gradients; NULL for what the plan adds: layout changes, sums
                                   of gradients */
    const char *implementation; /* oneDNN's name, or "pad:own" */
    double seconds;             /* of the last run */
    double bytes;               /* of everything it reads and writes */
} fv_step_info;

int fv_plan_step_count(const fv_plan *plan);
fv_step_info fv_plan_step(const fv_plan *plan, int i);

/* Bytes: activations and gradients together (one arena), packed weights, scratchpad; the weights of the graph
 * and those that folding made of them and steps read; and the most that is in use at a time. Known before
 * anything runs. Then what the plan does to save memory. */
typedef struct fv_plan_memory {
    size_t arena, packed, scratchpad, weights, peak;
    int segments; /* of the network whose activations are computed again; 1: none */
    int exact;    /* no Winograd convolutions, to save memory or because that was asked for */
} fv_plan_memory;

fv_plan_memory fv_plan_memory_use(const fv_plan *plan);

#endif
