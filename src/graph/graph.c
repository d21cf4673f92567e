#include "graph/scaled.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct fv_graph {
    int refs; /* changed atomically */
    int count, capacity;
    fv_node **nodes;
};

fv_status fv_graph_new(fv_graph **out, fv_error *err)
{
    FV_TRY(fv_calloc(out, 1, sizeof **out, err));
    (*out)->refs = 1;
    return FV_OK;
}

fv_graph *fv_graph_retain(fv_graph *graph)
{
    __atomic_add_fetch(&graph->refs, 1, __ATOMIC_RELAXED);
    return graph;
}

static void node_free(fv_node *node)
{
    if (!node) return;
    fv_tensor_release(node->tensor);
    fv_scaled_free(node->scaled);
    fv_free(node->attrs);
    fv_free(node->src);
    fv_free(node->name);
    fv_free(node);
}

void fv_graph_release(fv_graph *graph)
{
    if (!graph || __atomic_sub_fetch(&graph->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    for (int i = 0; i < graph->count; i++) node_free(graph->nodes[i]);
    fv_free(graph->nodes);
    fv_free(graph);
}

int fv_graph_node_count(const fv_graph *graph)
{
    return graph->count;
}

fv_node *fv_graph_node(const fv_graph *graph, int id)
{
    return id >= 0 && id < graph->count ? graph->nodes[id] : NULL;
}

fv_node *fv_graph_find(const fv_graph *graph, const char *name)
{
    for (int i = 0; i < graph->count; i++)
        if (strcmp(graph->nodes[i]->name, name) == 0) return graph->nodes[i];
    return NULL;
}

const char *fv_node_kind(const fv_node *node)
{
    if (node->op) return node->op->name;
    if (!node->tensor) return "input";
    return node->is_parameter ? "parameter" : "constant";
}

/* Unique name: the wish, "wish.2", ... or "kind_N" when there is no wish. */
static fv_status unique_name(fv_graph *graph, fv_node *node, const char *wish, char **out, fv_error *err)
{
    char text[256];
    for (int n = 1;; n++) {
        if (!wish)
            snprintf(text, sizeof text, "%s_%d", fv_node_kind(node), graph->count + n);
        else if (n == 1)
            snprintf(text, sizeof text, "%s", wish);
        else
            snprintf(text, sizeof text, "%.230s.%d", wish, n);
        fv_node *other = fv_graph_find(graph, text);
        if (!other || other == node) return fv_strdup(out, text, err);
    }
}

fv_status fv_graph_rename(fv_graph *graph, fv_node *node, const char *name, fv_error *err)
{
    char *text;
    FV_TRY(unique_name(graph, node, name, &text, err));
    fv_free(node->name);
    node->name = text;
    return FV_OK;
}

/* Names the node and puts it into the graph, which takes it over; frees it on failure. */
static fv_status append(fv_graph *graph, fv_node *node, const char *name, fv_node **out, fv_error *err)
{
    fv_status status;
    size_t count;
    FV_TRY_GOTO(fv_shape_count(&node->shape, &count, err));
    FV_TRY_GOTO(unique_name(graph, node, name, &node->name, err));
    if (graph->count == graph->capacity) {
        int capacity = graph->capacity ? 2 * graph->capacity : 64;
        FV_TRY_GOTO(fv_realloc(&graph->nodes, (size_t)capacity, sizeof *graph->nodes, err));
        graph->capacity = capacity;
    }
    node->id = graph->count;
    graph->nodes[graph->count++] = node;
    *out = node;
    return FV_OK;
done:
    node_free(node);
    return status;
}

fv_status fv_graph_input(fv_graph *graph, const fv_shape *shape, const char *name, fv_node **out,
                         fv_error *err)
{
    fv_node *node;
    FV_TRY(fv_calloc(&node, 1, sizeof *node, err));
    node->shape = *shape;
    return append(graph, node, name, out, err);
}

static fv_status add_tensor(fv_graph *graph, fv_tensor *tensor, int is_parameter, const char *name,
                            fv_node **out, fv_error *err)
{
    fv_node *node;
    FV_TRY(fv_calloc(&node, 1, sizeof *node, err));
    node->shape = tensor->shape;
    node->tensor = fv_tensor_retain(tensor);
    node->is_parameter = is_parameter;
    return append(graph, node, name, out, err);
}

fv_status fv_graph_parameter(fv_graph *graph, fv_tensor *tensor, const char *name, fv_node **out,
                             fv_error *err)
{
    return add_tensor(graph, tensor, 1, name, out, err);
}

fv_status fv_graph_constant(fv_graph *graph, fv_tensor *tensor, const char *name, fv_node **out,
                            fv_error *err)
{
    return add_tensor(graph, tensor, 0, name, out, err);
}

static fv_status check_sources(const fv_graph *graph, const fv_op *op, int count, fv_node *const *src,
                               fv_error *err)
{
    if (count < op->src_min && op->src_max == INT_MAX)
        return fv_fail(err, FV_STATUS_ARGUMENT, "takes at least %d source%s, not %d", op->src_min,
                       op->src_min == 1 ? "" : "s", count);
    if (count < op->src_min || count > op->src_max)
        return fv_fail(err, FV_STATUS_ARGUMENT, "takes %d to %d sources, not %d", op->src_min, op->src_max,
                       count);
    for (int i = 0; i < count; i++)
        if (fv_graph_node(graph, src[i]->id) != src[i])
            return fv_fail(err, FV_STATUS_ARGUMENT, "source %d belongs to another graph", i + 1);
    return FV_OK;
}

fv_status fv_graph_add(fv_graph *graph, const fv_op *op, int src_count, fv_node *const *src,
                       const void *attrs, const char *name, fv_node **out, fv_error *err)
{
    fv_status status;
    fv_node *node;
    char prefix[128];
    FV_TRY(fv_calloc(&node, 1, sizeof *node, err));
    node->op = op;
    FV_TRY_GOTO(check_sources(graph, op, src_count, src, err));
    FV_TRY_GOTO(fv_calloc(&node->src, (size_t)src_count, sizeof(fv_node *), err));
    memcpy(node->src, src, (size_t)src_count * sizeof *src);
    node->src_count = src_count;
    FV_TRY_GOTO(fv_calloc(&node->attrs, 1, op->attrs_size, err));
    if (!attrs)
        fv_op_defaults(op, node->attrs);
    else if (op->attrs_size)
        memcpy(node->attrs, attrs, op->attrs_size);
    FV_TRY_GOTO(op->shape(node, err));
    return append(graph, node, name, out, err);
done:
    node_free(node);
    snprintf(prefix, sizeof prefix, name ? "%s '%.80s'" : "%s", op->name, name ? name : "");
    fv_fail_prefix(err, prefix);
    return status;
}

fv_status fv_graph_add_copy(fv_graph *graph, const fv_node *node, fv_node **map, fv_error *err)
{
    fv_node **src, **to = &map[node->id];
    if (node->tensor)
        return (node->is_parameter ? fv_graph_parameter : fv_graph_constant)(graph, node->tensor, node->name,
                                                                             to, err);
    if (!node->op) return fv_graph_input(graph, &node->shape, node->name, to, err);
    FV_TRY(fv_calloc(&src, (size_t)node->src_count, sizeof *src, err));
    for (int i = 0; i < node->src_count; i++) src[i] = map[node->src[i]->id];
    fv_status status = fv_graph_add(graph, node->op, node->src_count, src, node->attrs, node->name, to, err);
    fv_free(src);
    return status;
}
