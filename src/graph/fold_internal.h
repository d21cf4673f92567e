/* What the files of folding share. */
#ifndef FV_GRAPH_FOLD_INTERNAL_H
#define FV_GRAPH_FOLD_INTERNAL_H

#include "graph/expression.h"
#include "graph/fold.h"

/* A convolution and what it swallows: dst = activation(norm(conv(src)) + addend). All but conv and end may be
 * NULL; end is the last of them, whose value the whole gives. */
typedef struct fv_fold_chain {
    const fv_node *conv, *norm, *addend, *activation, *end;
} fv_fold_chain;

/* Element-wise nodes that become one expression over some sources. */
typedef struct fv_fold_group {
    fv_expression expression;
    int count;
    const fv_node *source[FV_EXPRESSION_SOURCES];
} fv_fold_group;

/* What is known of a node of the graph that is folded. */
typedef struct fv_fold_node {
    int keep;             /* its value must exist */
    int users;            /* how many sources of other nodes it is */
    fv_fold_chain *chain; /* that it is part of */
    int split;            /* a concatenation that is not built: its users convolve its sources one by one */
    const fv_node *root;  /* of the group it is in */
    fv_fold_group *group; /* of a root */
    int64_t channels;     /* with position: how many of them are computed */
    int64_t *position;    /* where those are; -1: left out; NULL: all as they were (owned) */
} fv_fold_node;

static inline int fv_fold_is_end(const fv_fold_chain *chain, const fv_node *node)
{
    return chain && chain->end == node;
}

int fv_node_is(const fv_node *node, const char *op);

/* Finds the chains; `nodes` has keep and users filled in, `chains` has room for one per node. */
void fv_fold_find_chains(const fv_graph *graph, fv_fold_node *nodes, fv_fold_chain *chains);

/* Finds the concatenations that need not be built. */
void fv_fold_find_splits(const fv_graph *graph, fv_fold_node *nodes);

/* Finds the groups among the nodes that are in no chain; `groups` has room for one per node. */
void fv_fold_find_groups(const fv_graph *graph, fv_fold_node *nodes, fv_fold_group *groups);

/* A range of channels. */
int fv_fold_is_slice(const fv_node *node);
int fv_fold_has_fixed_weights(const fv_node *conv);

/* Whether a convolution was given one to begin with. */
int fv_fold_has_activation(const fv_node *conv);

/* Whether the convolution of a chain is a transposed one whose stride is its kernel. */
int fv_fold_is_upsample(const fv_fold_chain *chain);

/* Sizes of a kernel. */
fv_ints fv_fold_kernel(const fv_node *conv);

/* The weights and the bias of the 1x1 convolution in its place, whose channels are (place in the block,
 * channel). */
fv_status fv_fold_block_weights(const fv_tensor *from, int dry, fv_tensor **out, fv_error *err);
fv_status fv_fold_block_bias(const fv_tensor *from, int64_t taps, fv_tensor **out, fv_error *err);

/* What doubles a map: `first` reads it and `to` gives the double, which may be one node. */
typedef struct fv_fold_doubling {
    fv_node *first, *to;
} fv_fold_doubling;

/* Whether a node of the folded graph ends such a thing. is_upsample: it is the second node of those in the
 * place of a transposed convolution. */
int fv_fold_is_doubling(fv_node *node, int is_upsample, fv_fold_doubling *out);

/* Whether a convolution's gradient can be taken through what doubles its source, and whether that is faster.
 */
int fv_fold_takes_doubling(const fv_node *conv);
int fv_fold_doubling_pays(const fv_fold_doubling *doubling, int64_t out_channels);

/* The weights of both together, as fv_winograd.halves wants them: 16 weights_out x channels of what is
 * doubled. The doubling gives the channels of the convolution's weights from first_channel on. */
fv_status fv_fold_compose(const fv_fold_doubling *doubling, const fv_node *weights, int64_t first_channel,
                          int dry, fv_tensor **out, fv_error *err);

/* Finds the channels that nobody reads. */
fv_status fv_fold_find_unread(const fv_graph *graph, fv_fold_node *nodes, fv_error *err);

/* New tensor of the rows that have a position. */
fv_status fv_fold_take_rows(const fv_tensor *whole, const int64_t *position, int64_t count, int dry,
                            fv_tensor **out, fv_error *err);

/* What folding a normalisation does, in double: W' = W s, b' = shift + (b - mean) s with s = scale /
 * sqrt(variance + epsilon), the factor of each output channel (to be freed). */
fv_status fv_fold_norm(const fv_fold_chain *chain, double **factor, fv_tensor **bias, fv_error *err);

/* The weights of a transposed convolution times it. */
fv_status fv_fold_scale_transposed(const fv_node *conv, const double *factor, int dry, fv_tensor **out,
                                   fv_error *err);

#endif
