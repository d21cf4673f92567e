/* Weights that are others times a factor for each of their rows (along the first axis), as folding makes
 * them. They are not there before somebody needs them as a whole: some steps take weights and factors as they
 * are, and those that are only packed are made and given back one by one. */
#ifndef FV_GRAPH_SCALED_H
#define FV_GRAPH_SCALED_H

#include "graph/graph.h"

typedef struct fv_scaled {
    fv_tensor *from;
    fv_tensor *factor; /* rounded, and with zeros behind up to a multiple of 16 */
    double *exact;
} fv_scaled;

/* A constant that is `from` times factor; its tensor has no elements yet. */
fv_status fv_scaled_constant(fv_graph *graph, fv_tensor *from, const double *factor, const char *name,
                             fv_node **out, fv_error *err);
void fv_scaled_free(fv_scaled *scaled); /* accepts NULL */

/* Whether the elements of a node's tensor are not there. */
int fv_scaled_is_pending(const fv_node *node);

/* The tensor of a node with its elements, which the node may still lack; to be released. */
fv_status fv_scaled_tensor(const fv_node *node, fv_tensor **out, fv_error *err);

/* out = factor times from, n elements; rounded once. */
void fv_scale_run(float *restrict out, const float *restrict from, double factor, size_t n);

/* Gives the node that tensor. */
fv_status fv_scaled_fill(fv_node *node, fv_error *err);

#endif
