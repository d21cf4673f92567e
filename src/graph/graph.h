/* The static graph: named nodes in the order they were added, sources always before users. Shapes are
 * concrete: a model that runs at several sizes builds one graph for each, over the same weight tensors. The
 * graph owns its nodes and holds references to its tensors; shared weights are one parameter used by several
 * nodes. */
#ifndef FV_GRAPH_GRAPH_H
#define FV_GRAPH_GRAPH_H

#include "graph/op.h"

typedef struct fv_graph fv_graph;

fv_status fv_graph_new(fv_graph **out, fv_error *err);

/* A graph is reference counted: a plan keeps its graph alive. */
fv_graph *fv_graph_retain(fv_graph *graph);
void fv_graph_release(fv_graph *graph); /* accepts NULL */

/* A name that is taken gets a suffix (".2"); NULL makes one from the kind ("conv_12"). */
fv_status fv_graph_input(fv_graph *graph, const fv_shape *shape, const char *name, fv_node **out,
                         fv_error *err);
/* Parameters are trained, constants are not. The tensor is retained, not copied. */
fv_status fv_graph_parameter(fv_graph *graph, fv_tensor *tensor, const char *name, fv_node **out,
                             fv_error *err);
fv_status fv_graph_constant(fv_graph *graph, fv_tensor *tensor, const char *name, fv_node **out,
                            fv_error *err);

/* Adds an op; attrs (an op->attrs_size block; NULL: the defaults) is copied. Errors are prefixed "conv
 * 'enc1.conv': ". */
fv_status fv_graph_add(fv_graph *graph, const fv_op *op, int src_count, fv_node *const *src,
                       const void *attrs, const char *name, fv_node **out, fv_error *err);

/* Adds to `graph` what a node of another graph is, over the nodes that `map` has, by id, for its sources; and
 * to the map. */
fv_status fv_graph_add_copy(fv_graph *graph, const fv_node *node, fv_node **map, fv_error *err);

int fv_graph_node_count(const fv_graph *graph);
/* Node by id, from 0. */
fv_node *fv_graph_node(const fv_graph *graph, int id);
/* Node by name, or NULL. */
fv_node *fv_graph_find(const fv_graph *graph, const char *name);
/* Gives a node another name (made unique); for importers that learn the good name later. */
fv_status fv_graph_rename(fv_graph *graph, fv_node *node, const char *name, fv_error *err);

/* "input", "parameter", "constant", or the op's name. */
const char *fv_node_kind(const fv_node *node);

#endif
