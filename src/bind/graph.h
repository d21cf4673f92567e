/* What the graph and plan bindings share. */
#ifndef FV_BIND_GRAPH_H
#define FV_BIND_GRAPH_H

#include "bind/fvl.h"
#include "graph/graph.h"

#define FVL_GRAPH "fovea.Graph"
#define FVL_NODE  "fovea.Node"

fv_graph *fvl_check_graph(lua_State *L, int arg);

/* The node at arg; raises when it is none. Its graph is kept alive by the userdata. */
fv_node *fvl_check_node(lua_State *L, int arg);

/* Fills the attribute struct of an op from the option table at arg (whose positive integer keys are sources):
 * unknown, missing and mistyped attributes raise. */
void fvl_read_attrs(lua_State *L, int arg, const fv_op *op, void *attrs);

/* Pushes a table with the attributes of an op (NULL: none), as fvl_read_attrs takes them. */
void fvl_push_attrs(lua_State *L, const fv_op *op, const void *attrs);

#endif
