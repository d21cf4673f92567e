/* Means of gradients without the gradients: where all users of a node can tell the sums of its gradient over
 * the positions, the means come from those, and the gradient is made only for what lies deeper. It is so
 * whatever else is asked for, so that the means have the same bits. */
#include "graph/plan_internal.h"

#include <math.h>

/* Whether a user gives the sums of its source: its own, or those that it gets. */
static int gives_sums(const fv_plan *plan, const fv_node *user, int source)
{
    const fv_op *op = user->op;
    if (op->keeps_sums) return plan->nodes[user->id].summable;
    return op->has_sums && op->has_sums(user, source);
}

/* Users come after sources. */
static void find_summable(fv_plan *plan, const fv_plan_spec *spec)
{
    for (int id = 0; id < plan->node_count; id++)
        plan->nodes[id].summable = fv_graph_node(plan->graph, id)->shape.rank > 2;
    for (int i = 0; i < spec->seeds.count; i++)
        plan->nodes[fv_plan_own_node(plan, spec->seeds.node[i])->id].summable = 0;
    for (int id = plan->node_count - 1; id >= 0; id--) {
        const fv_node *node = fv_graph_node(plan->graph, id);
        for (int i = 0; i < node->src_count && plan->nodes[id].reaches; i++)
            if (!gives_sums(plan, node, i)) plan->nodes[node->src[i]->id].summable = 0;
    }
}

void fv_plan_find_needs(fv_plan *plan, const fv_plan_spec *spec)
{
    if (plan->mode == FV_MODE_EXPLAIN) find_summable(plan, spec);
    for (int id = 0; id < plan->node_count; id++) {
        const fv_node *node = fv_graph_node(plan->graph, id);
        fv_node_plan *own = &plan->nodes[id];
        if (node->is_bypassed) continue;
        own->summed = own->averaged && own->summable;
        own->whole = own->wanted || (own->averaged && !own->summable);
        for (int i = 0; i < node->src_count; i++) {
            const fv_node_plan *src = &plan->nodes[node->src[i]->id];
            own->summed |= node->op->keeps_sums && src->summed;
            own->whole |= src->whole || (!node->op->keeps_sums && src->summed);
        }
        own->needs = own->summed || own->whole;
    }
}

typedef struct sums_call {
    int64_t count;    /* images times channels */
    double positions; /* that were summed over */
    int adds;         /* to what is there */
} sums_call;

/* data: sums; means and their magnitudes. */
static void kernel(const void *context, float *const *data)
{
    const sums_call *call = context;
    float *means = data[call->adds ? 2 : 1];
    for (int64_t i = 0; i < call->count; i++) {
        float mean = (float)((double)data[0][i] / call->positions);
        means[i] = mean + (call->adds ? means[i] : 0);
        means[call->count + i] = fabsf(mean) + (call->adds ? means[call->count + i] : 0);
    }
}

static fv_status emit_means(fv_emit *emit, fv_value *sums, fv_error *err)
{
    fv_node_plan *own = &emit->plan->nodes[emit->node->id];
    const fv_shape *shape = &emit->node->shape;
    sums_call call = {shape->dim[0] * shape->dim[1], 1, own->means != NULL};
    for (int i = 2; i < shape->rank; i++) call.positions *= (double)shape->dim[i];
    if (!own->means) {
        fv_shape size = fv_shape_of(3, (int64_t)2, shape->dim[0], shape->dim[1]);
        FV_TRY(fv_plan_value_new(emit->plan, &size, 0, &own->means, err));
    }
    fv_emit_kernel k = {
        "means:own", kernel, &call, sizeof call, 1 + call.adds, 1, {sums, own->means, own->means}};
    return fv_emit_call(emit, &k, err);
}

fv_status fv_plan_emit_sums(fv_emit *emit, fv_error *err)
{
    const fv_node *node = emit->node;
    fv_node_plan *own = &emit->plan->nodes[node->id];
    emit->pass = "means";
    for (int i = 0; i < own->sums.count; i++) {
        if (own->averaged) FV_TRY(emit_means(emit, own->sums.at[i], err));
        for (int k = 0; k < node->src_count && node->op && node->op->keeps_sums; k++) {
            fv_node_plan *src = &emit->plan->nodes[node->src[k]->id];
            if (src->summed) FV_TRY(fv_pointers_add(&src->sums, own->sums.at[i], err));
        }
    }
    return FV_OK;
}
