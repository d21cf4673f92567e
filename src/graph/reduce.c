/* The graph that a plan runs: cut at the nodes whose values are given, so that nothing before them is
 * computed, and folded where that is allowed. */
#include "graph/fold.h"
#include "graph/plan_internal.h"

enum { KEPT = 1, GIVEN = 2, LIVE = 4 };

/* Training needs every node as it is, and so do gradients of parameters. */
static int may_fold(const fv_plan_spec *spec)
{
    if (spec->keep_all || spec->mode == FV_MODE_TRAIN) return 0;
    for (int i = 0; i < spec->gradients.count; i++)
        if (spec->gradients.node[i]->tensor) return 0;
    return 1;
}

static void mark_list(unsigned char *marks, const fv_node_list *list, fv_node *const *map, unsigned char mark)
{
    for (int i = 0; i < list->count; i++) {
        const fv_node *node = list->node[i];
        marks[map ? map[node->id]->id : node->id] |= mark;
    }
}

/* Marks of the nodes that the plan asks for, in the graph that `map` (may be NULL) leads to. */
static void mark_asked(unsigned char *marks, const fv_plan_spec *spec, fv_node *const *map)
{
    mark_list(marks, &spec->taps, map, KEPT);
    mark_list(marks, &spec->seeds, map, KEPT);
    mark_list(marks, &spec->gradients, map, KEPT);
    mark_list(marks, &spec->means, map, KEPT);
    mark_list(marks, &spec->given, map, GIVEN);
}

/* A copy of what is needed, in which the given nodes are inputs. */
static fv_status cut(fv_graph *graph, const fv_plan_spec *spec, fv_plan_graph *out, fv_error *err)
{
    fv_status status;
    int count = fv_graph_node_count(graph);
    unsigned char *marks = NULL;
    FV_TRY_GOTO(fv_calloc(&marks, (size_t)count, 1, err));
    FV_TRY_GOTO(fv_calloc(&out->map, (size_t)count, sizeof *out->map, err));
    FV_TRY_GOTO(fv_graph_new(&out->graph, err));
    mark_asked(marks, spec, NULL);
    for (int id = count - 1; id >= 0; id--) {
        const fv_node *node = fv_graph_node(graph, id);
        if (marks[id]) marks[id] |= LIVE;
        for (int i = 0; i < node->src_count && (marks[id] & (LIVE | GIVEN)) == LIVE; i++)
            marks[node->src[i]->id] |= LIVE;
    }
    for (int id = 0; id < count; id++) {
        const fv_node *node = fv_graph_node(graph, id);
        if (!marks[id]) continue;
        if (marks[id] & GIVEN && !node->tensor)
            FV_TRY_GOTO(fv_graph_input(out->graph, &node->shape, node->name, &out->map[id], err));
        else
            FV_TRY_GOTO(fv_graph_add_copy(out->graph, node, out->map, err));
    }
done:
    fv_free(marks);
    return status;
}

/* The way from the nodes of the graph as given, through the cut one, to those of the folded one. */
static void join_maps(fv_node **first, fv_node *const *second, int count)
{
    for (int id = 0; id < count; id++)
        if (first[id]) first[id] = second[first[id]->id];
}

static unsigned options_of(const fv_plan_spec *spec, fv_economy economy, int dry)
{
    int has_own_ways = spec->mode == FV_MODE_EXPLAIN && !spec->exact && !spec->bfloat && !economy.direct;
    return (dry ? FV_FOLD_DRY : 0) | (has_own_ways ? FV_FOLD_BYPASS : 0);
}

fv_status fv_plan_graph_make(fv_plan_graph *out, fv_graph *graph, const fv_plan_spec *spec,
                             fv_economy economy, int dry, fv_error *err)
{
    fv_status status = FV_OK;
    fv_plan_graph whole = {0}, folded = {0};
    unsigned char *keep = NULL;
    *out = (fv_plan_graph){0};
    if (spec->given.count)
        FV_TRY_GOTO(cut(graph, spec, &whole, err));
    else
        whole.graph = fv_graph_retain(graph);
    if (may_fold(spec)) {
        FV_TRY_GOTO(fv_calloc(&keep, (size_t)fv_graph_node_count(whole.graph), 1, err));
        mark_asked(keep, spec, whole.map);
        FV_TRY_GOTO(fv_graph_fold(&folded.graph, &folded.map, whole.graph, keep,
                                  options_of(spec, economy, dry), err));
        if (whole.map) {
            join_maps(whole.map, folded.map, fv_graph_node_count(graph));
            fv_free(folded.map);
            folded.map = whole.map;
            whole.map = NULL;
        }
        *out = folded;
    } else {
        *out = whole;
        whole = (fv_plan_graph){0};
    }
done:
    fv_free(keep);
    fv_plan_graph_close(&whole);
    return status;
}

void fv_plan_graph_close(fv_plan_graph *made)
{
    fv_free(made->map);
    fv_graph_release(made->graph);
    *made = (fv_plan_graph){0};
}
