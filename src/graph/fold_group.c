/* Groups of element-wise nodes that become one expression: a root, and above it what only the root and its
 * like read. Slices along the channels that a group alone reads are not built. */
#include "graph/expression.h"
#include "graph/fold_internal.h"

#include <string.h>

typedef struct function_row {
    const char *op;
    fv_function function;
    int sources;
    const char *alpha, *beta; /* options; NULL: 0 */
} function_row;

static const function_row rows[] = {
    {"add", FV_FN_ADD, 2, NULL, NULL},
    {"sub", FV_FN_SUB, 2, NULL, NULL},
    {"mul", FV_FN_MUL, 2, NULL, NULL},
    {"neg", FV_FN_NEG, 1, NULL, NULL},
    {"relu", FV_FN_LEAKY, 1, NULL, NULL},
    {"clip", FV_FN_CLIP, 1, "min", "max"},
    {"hard_sigmoid", FV_FN_HARD_SIGMOID, 1, "alpha", "beta"},
    {"sigmoid", FV_FN_SIGMOID, 1, NULL, NULL},
    {"tanh", FV_FN_TANH, 1, NULL, NULL},
};

static const function_row *row_of(const fv_node *node)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (fv_node_is(node, rows[i].op)) return &rows[i];
    return NULL;
}

static int is_number(const fv_node *node)
{
    return node->tensor && node->tensor->count == 1;
}

/* Element-wise, and nothing is stretched but numbers. */
static int can_join(const fv_fold_node *nodes, const fv_node *node)
{
    const function_row *row = row_of(node);
    if (!row || nodes[node->id].chain || nodes[node->id].root) return 0;
    for (int i = 0; i < row->sources; i++)
        if (!is_number(node->src[i]) && !fv_shape_equal(&node->src[i]->shape, &node->shape)) return 0;
    return 1;
}

/* --- the expression of a group --- */

typedef struct builder {
    const fv_node *root;
    const fv_fold_node *nodes;
    fv_fold_group *group;
    int has_slices, failed;
} builder;

static int add_step(builder *b, fv_expression_step step)
{
    fv_expression *e = &b->group->expression;
    for (int k = 0; k < e->count; k++)
        if (memcmp(&e->step[k], &step, sizeof step) == 0) return k;
    if (e->count == FV_EXPRESSION_STEPS) {
        b->failed = 1;
        return 0;
    }
    e->step[e->count] = step;
    return e->count++;
}

static int source_of(builder *b, const fv_node *node)
{
    fv_fold_group *g = b->group;
    for (int i = 0; i < g->count; i++)
        if (g->source[i] == node) return i;
    if (g->count == FV_EXPRESSION_SOURCES) {
        b->failed = 1;
        return 0;
    }
    g->source[g->count] = node;
    return g->count++;
}

static fv_expression_step new_step(fv_function function)
{
    fv_expression_step step;
    memset(&step, 0, sizeof step); /* padding too: steps are compared */
    step.function = function;
    return step;
}

static int add_leaf(builder *b, const fv_node *node)
{
    fv_expression_step step = new_step(FV_FN_SOURCE);
    if (is_number(node)) {
        step.function = FV_FN_CONSTANT;
        step.alpha = node->tensor->data[0];
        return add_step(b, step);
    }
    if (b->nodes[node->id].root == b->root) {
        step.first = (int64_t)fv_op_get(node->op, node->attrs, "first");
        node = node->src[0];
        b->has_slices = 1;
    }
    step.a = source_of(b, node);
    return add_step(b, step);
}

static float option(const fv_node *node, const char *name)
{
    return name ? (float)fv_op_get(node->op, node->attrs, name) : 0.0f;
}

/* Position of a node's value in the expression. */
static int add_node(builder *b, const fv_node *node)
{
    const function_row *row = row_of(node);
    if (!row || b->nodes[node->id].root != b->root) return add_leaf(b, node);
    fv_expression_step step = new_step(row->function);
    step.alpha = option(node, row->alpha);
    step.beta = option(node, row->beta);
    step.a = step.b = add_node(b, node->src[0]);
    if (row->sources > 1) step.b = add_node(b, node->src[1]);
    return add_step(b, step);
}

/* Channels of one source are either the same or apart. */
static int ranges_are_apart(const fv_expression *e)
{
    int64_t channels = e->shape.rank > 1 ? e->shape.dim[1] : 1;
    for (int i = 0; i < e->count; i++)
        for (int k = 0; k < i; k++) {
            const fv_expression_step *a = &e->step[i], *b = &e->step[k];
            if (a->function != FV_FN_SOURCE || b->function != FV_FN_SOURCE || a->a != b->a) continue;
            if (a->first < b->first + channels && b->first < a->first + channels) return 0;
        }
    return 1;
}

/* --- finding groups --- */

/* Takes in what only this node reads, `room` functions at most; returns how many that makes. */
static int take_in(fv_fold_node *nodes, const fv_node *node, const fv_node *root, int room)
{
    int count = 1;
    nodes[node->id].root = root;
    for (int i = 0; i < node->src_count; i++) {
        const fv_node *src = node->src[i];
        fv_fold_node *known = &nodes[src->id];
        if (known->keep || known->users != 1 || known->root) continue;
        if (can_join(nodes, src) && count < room)
            count += take_in(nodes, src, root, room - count);
        else if (fv_fold_is_slice(src))
            known->root = root;
    }
    return count;
}

static void dissolve(fv_fold_node *nodes, const fv_node *node, const fv_node *root)
{
    nodes[node->id].root = NULL;
    for (int i = 0; i < node->src_count; i++)
        if (nodes[node->src[i]->id].root == root) dissolve(nodes, node->src[i], root);
}

/* Tries to make a group of at most `room` functions. A single function without slices stays what it is. */
static int make_group(const fv_node *node, fv_fold_node *nodes, int room, fv_fold_group *group)
{
    builder b = {node, nodes, group, 0, 0};
    int functions = take_in(nodes, node, node, room);
    *group = (fv_fold_group){.expression.shape = node->shape};
    add_node(&b, node);
    if (!b.failed && (functions > 1 || b.has_slices) && ranges_are_apart(&group->expression)) return 1;
    dissolve(nodes, node, node);
    return 0;
}

/* From users to sources: a node that no group has taken in begins one. */
void fv_fold_find_groups(const fv_graph *graph, fv_fold_node *nodes, fv_fold_group *groups)
{
    int count = 0;
    for (int id = fv_graph_node_count(graph) - 1; id >= 0; id--) {
        const fv_node *node = fv_graph_node(graph, id);
        if (!can_join(nodes, node)) continue;
        for (int room = FV_EXPRESSION_STEPS; room > 0 && !nodes[id].group; room /= 2)
            if (make_group(node, nodes, room, &groups[count])) nodes[id].group = &groups[count++];
    }
}
