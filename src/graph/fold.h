/* Folding: a copy of a graph in which convolutions have swallowed the batch normalisation, the residual sum
 * and the activation that follow them, where nobody looks at what is in between, and in which concatenations
 * that only convolutions read are not built. Done by plans that do not train. */
#ifndef FV_GRAPH_FOLD_H
#define FV_GRAPH_FOLD_H

#include "graph/graph.h"

enum {
    FV_FOLD_DRY = 1, /* the weights that folding makes are not filled in, for plans that are only measured */
    FV_FOLD_BYPASS =
        2 /* gradients may pass by what doubles a map (fold_double.c), with other rounding errors */
};

/* keep has one flag for each node: its value must exist. map gets one entry for each node of the graph: the
 * node with the same value in the copy, or NULL for a node that was swallowed. Free it with fv_free. Batch
 * normalisation is folded with its running statistics. */
fv_status fv_graph_fold(fv_graph **out, fv_node ***map, const fv_graph *graph, const unsigned char *keep,
                        unsigned options, fv_error *err);

#endif
