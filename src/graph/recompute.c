/* Checkpoints: the network is cut into segments, and before the backward pass enters one, its activations are
 * computed again from those at its border. So only the borders, and one segment at a time, need memory (Chen
 * et al., Training Deep Nets with Sublinear Memory Cost, 2016). */
#include "graph/plan_internal.h"

static double bytes_of(const fv_plan *plan, int id)
{
    const fv_node *node = fv_graph_node(plan->graph, id);
    double bytes = plan->nodes[id].live && node->op ? sizeof(float) : 0.0;
    for (int i = 0; i < node->shape.rank; i++) bytes *= (double)node->shape.dim[i];
    return bytes;
}

void fv_plan_cut(fv_plan *plan, int segments)
{
    double total = 0, sum = 0;
    for (int id = 0; id < plan->node_count; id++) total += bytes_of(plan, id);
    for (int id = 0; id < plan->node_count; id++) {
        plan->nodes[id].segment = total > 0 ? (int)(segments * sum / total) : 0;
        sum += bytes_of(plan, id);
    }
}

/* Whether the value of a node is there in the backward pass anyway. */
static int is_kept(const fv_plan *plan, const fv_node_plan *own)
{
    for (int k = 0; k < 2; k++)
        if (own->value[k] && own->value[k]->storage->last >= plan->forward_end) return 1;
    return own->tapped;
}

static fv_status recompute(fv_plan *plan, int segment, fv_error *err)
{
    for (int id = 0; id < plan->node_count; id++) {
        fv_node_plan *own = &plan->nodes[id];
        const fv_node *node = fv_graph_node(plan->graph, id);
        if (own->segment != segment || !own->live || !node->op || is_kept(plan, own)) continue;
        own->value[0] = own->value[1] = NULL;
        fv_free(own->state);
        own->state = NULL;
        FV_TRY(fv_plan_emit_forward(plan, node, FV_BACKWARD, err));
    }
    return FV_OK;
}

fv_status fv_plan_enter_segment(fv_plan *plan, int id, fv_error *err)
{
    int segment = plan->nodes[id].segment;
    if (segment >= plan->segment) return FV_OK;
    plan->segment = segment;
    return recompute(plan, segment, err);
}
