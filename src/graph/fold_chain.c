/* What can be folded: convolutions with what follows them, and concatenations that only convolutions read. */
#include "graph/fold_internal.h"

#include <string.h>

int fv_node_is(const fv_node *node, const char *op)
{
    return node && node->op && strcmp(node->op->name, op) == 0;
}

/* Activations whose gradient follows from their result, so that what went in need not exist. Not tanh: oneDNN
 * looks it up in a table, and in a convolution with a channel count that is no whole vector the lanes past
 * the end look it up with what happens to be there. */
static int can_swallow(const fv_node *node)
{
    static const char *const names[] = {"relu", "leaky_relu", "elu", "clip", "sigmoid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fv_node_is(node, names[i])) return fv_op_get(node->op, node->attrs, "alpha") >= 0;
    return 0;
}

int fv_fold_has_fixed_weights(const fv_node *conv)
{
    for (int i = 1; i < conv->src_count; i++)
        if (!conv->src[i]->tensor) return 0;
    return 1;
}

int fv_fold_has_activation(const fv_node *conv)
{
    return fv_op_get(conv->op, conv->attrs, "activation") != 0;
}

/* The chain that ends with a node which nobody else looks at, so that its next user may join: there is one
 * activation, and it is the last. */
static fv_fold_chain *open_chain(const fv_fold_node *nodes, const fv_node *end)
{
    const fv_fold_node *known = &nodes[end->id];
    if (!fv_fold_is_end(known->chain, end)) return NULL;
    if (known->chain->activation || fv_fold_has_activation(known->chain->conv)) return NULL;
    return known->keep || known->users != 1 ? NULL : known->chain;
}

static int takes_norm(const fv_fold_chain *chain, const fv_node *norm)
{
    return chain && !chain->norm && !chain->addend && fv_fold_has_fixed_weights(chain->conv) &&
           fv_fold_has_fixed_weights(norm);
}

/* The chain that takes a sum in, and what is added to it: of two convolutions the later one. */
static fv_fold_chain *chain_of_sum(const fv_fold_node *nodes, const fv_node *sum, const fv_node **addend)
{
    fv_fold_chain *best = NULL;
    for (int k = 0; k < 2; k++) {
        fv_fold_chain *chain = open_chain(nodes, sum->src[k]);
        if (!chain || chain->addend || !fv_node_is(chain->conv, "conv")) continue;
        if (!fv_shape_equal(&sum->src[1 - k]->shape, &sum->shape)) continue;
        if (!fv_shape_equal(&chain->conv->shape, &sum->shape) || !fv_fold_has_fixed_weights(chain->conv))
            continue;
        if (best && best->conv->id > chain->conv->id) continue;
        best = chain;
        *addend = sum->src[1 - k];
    }
    return best;
}

/* The chain that a node joins, which learns of it; NULL for none. */
static fv_fold_chain *join(const fv_fold_node *nodes, const fv_node *node)
{
    const fv_node *addend = NULL;
    if (fv_node_is(node, "add")) {
        fv_fold_chain *chain = chain_of_sum(nodes, node, &addend);
        if (chain) chain->addend = addend;
        return chain;
    }
    fv_fold_chain *chain = node->src_count ? open_chain(nodes, node->src[0]) : NULL;
    if (fv_node_is(node, "batch_norm") && takes_norm(chain, node)) {
        chain->norm = node;
        return chain;
    }
    if (!chain || !can_swallow(node)) return NULL;
    chain->activation = node;
    return chain;
}

void fv_fold_find_chains(const fv_graph *graph, fv_fold_node *nodes, fv_fold_chain *chains)
{
    for (int id = 0, count = 0; id < fv_graph_node_count(graph); id++) {
        const fv_node *node = fv_graph_node(graph, id);
        fv_fold_chain *chain = join(nodes, node);
        if (fv_node_is(node, "conv") || fv_node_is(node, "conv_transpose")) {
            chain = &chains[count++];
            chain->conv = node;
        }
        nodes[id].chain = chain;
        if (chain) chain->end = node;
    }
}

static int joins_channels(const fv_node *concat)
{
    double axis = fv_op_get(concat->op, concat->attrs, "axis");
    return concat->shape.rank > 2 && (axis < 0 ? axis + concat->shape.rank : axis) == 1;
}

/* From users to sources, so that a concatenation of concatenations goes too: `split` counts the uses that can
 * do without, until a node's turn comes. */
void fv_fold_find_splits(const fv_graph *graph, fv_fold_node *nodes)
{
    for (int id = fv_graph_node_count(graph) - 1; id >= 0; id--) {
        const fv_node *node = fv_graph_node(graph, id);
        fv_fold_node *known = &nodes[id];
        known->split = fv_node_is(node, "concat") && joins_channels(node) && !known->keep && known->users &&
                       known->users == known->split;
        if (known->split)
            for (int i = 0; i < node->src_count; i++) nodes[node->src[i]->id].split++;
        else if (fv_node_is(node, "conv") && fv_fold_has_fixed_weights(node) &&
                 fv_op_get(node->op, node->attrs, "groups") == 1)
            nodes[node->src[0]->id].split++;
    }
}
