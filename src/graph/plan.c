/* Compiling a graph into a plan: which nodes live, which gradients are needed, then forward and backward
 * emission, then the placement of memory. */
#include "graph/plan_internal.h"

#include <stdio.h>
#include <string.h>

/* --- analysis --- */

const fv_node *fv_plan_own_node(const fv_plan *plan, const fv_node *node)
{
    if (node->id >= plan->source_count || fv_graph_node(plan->source, node->id) != node) return NULL;
    return plan->map ? plan->map[node->id] : node;
}

static fv_status check_spec(const fv_graph *graph, const fv_plan_spec *spec, fv_error *err)
{
    const fv_node_list *lists[] = {&spec->taps, &spec->seeds, &spec->gradients, &spec->means, &spec->given};
    for (int l = 0; l < 5; l++)
        for (int i = 0; i < lists[l]->count; i++) {
            const fv_node *node = lists[l]->node[i];
            if (fv_graph_node(graph, node->id) != node)
                return fv_fail(err, FV_STATUS_ARGUMENT, "plan: node belongs to another graph");
        }
    for (int i = 0; i < spec->given.count; i++)
        if (spec->given.node[i]->tensor)
            return fv_fail(err, FV_STATUS_ARGUMENT, "plan: node '%s' is a %s and cannot be given",
                           spec->given.node[i]->name, fv_node_kind(spec->given.node[i]));
    for (int i = 0; i < spec->means.count; i++)
        if (spec->means.node[i]->shape.rank < 3 || spec->means.node[i]->tensor)
            return fv_fail(err, FV_STATUS_ARGUMENT, "plan: node '%s' is no map, its gradient has no means",
                           spec->means.node[i]->name);
    if (spec->taps.count + spec->seeds.count == 0)
        return fv_fail(err, FV_STATUS_ARGUMENT, "plan: no node to compute");
    if (spec->bfloat && spec->mode == FV_MODE_TRAIN)
        return fv_fail(err, FV_STATUS_ARGUMENT, "plan: bfloat16 is too rough for training");
    if (spec->bfloat && !fv_dnn_has_bfloat())
        return fv_fail(err, FV_STATUS_DNN,
                       "plan: this processor (or oneDNN) has no convolutions of bfloat16");
    if (spec->mode == FV_MODE_INFER && spec->seeds.count + spec->gradients.count + spec->means.count)
        return fv_fail(err, FV_STATUS_ARGUMENT, "plan: mode 'infer' has no gradients");
    return FV_OK;
}

static fv_node_plan *own_plan(fv_plan *plan, const fv_node *node)
{
    return &plan->nodes[fv_plan_own_node(plan, node)->id];
}

/* Users come after sources, so one backward sweep marks all that is needed, one forward sweep what needs. */
static void analyse(fv_plan *plan, const fv_plan_spec *spec)
{
    fv_node_plan *nodes = plan->nodes;
    int count = plan->node_count;
    for (int i = 0; i < spec->taps.count; i++) own_plan(plan, spec->taps.node[i])->tapped = 1;
    for (int i = 0; i < spec->seeds.count; i++) own_plan(plan, spec->seeds.node[i])->reaches = 1;
    for (int i = 0; i < spec->gradients.count; i++) own_plan(plan, spec->gradients.node[i])->wanted = 1;
    for (int i = 0; i < spec->given.count; i++) own_plan(plan, spec->given.node[i])->given = 1;
    for (int i = 0; i < spec->means.count; i++) own_plan(plan, spec->means.node[i])->averaged = 1;
    for (int id = count - 1; id >= 0; id--) {
        const fv_node *node = fv_graph_node(plan->graph, id);
        nodes[id].live |= nodes[id].tapped | nodes[id].reaches;
        for (int i = 0; i < node->src_count; i++) {
            nodes[node->src[i]->id].live |= nodes[id].live;
            nodes[node->src[i]->id].reaches |= nodes[id].reaches;
        }
    }
    fv_plan_find_needs(plan, spec);
}

/* --- forward --- */

/* Inputs, parameters and constants: row-major. Given nodes are inputs too, but as a rule they come from a
 * convolution and go into another. */
static fv_status bind_leaf(fv_plan *plan, const fv_node *node, fv_error *err)
{
    fv_node_plan *leaf = &plan->nodes[node->id];
    if (leaf->given && node->shape.rank > 2) {
        leaf->layout = FV_CHANNELS_LAST;
        return fv_plan_value_new(plan, &node->shape, 1, &leaf->value[FV_CHANNELS_LAST], err);
    }
    FV_TRY(fv_plan_value_new(plan, &node->shape, 0, &leaf->value[FV_PLAIN], err));
    if (node->tensor) {
        leaf->value[FV_PLAIN]->storage->kind = FV_STORAGE_EXTERNAL;
        leaf->value[FV_PLAIN]->storage->data = node->tensor->data;
        leaf->value[FV_PLAIN]->storage->leaf = fv_graph_node(plan->graph, node->id);
    }
    return FV_OK;
}

/* The layout in which a node gets its data sources. */
static int source_layout(const fv_plan *plan, const fv_node *node)
{
    if (node->op->layout == FV_OP_CHANNELS_LAST) return FV_CHANNELS_LAST;
    if (node->op->layout == FV_OP_PLAIN) return FV_PLAIN;
    for (int i = 0; i < node->src_count && i < fv_parameters_from(node); i++) {
        const fv_node *src = node->src[i];
        if (!src->tensor && src->shape.rank > 2 && plan->nodes[src->id].layout == FV_CHANNELS_LAST)
            return FV_CHANNELS_LAST;
    }
    return FV_PLAIN;
}

/* Fills emit->src. Under a layout that is free, a source of lower rank than the others stays row-major: the
 * op aligns it at the right. */
static fv_status bind_sources(fv_emit *emit, fv_error *err)
{
    const fv_node *node = emit->node;
    int wanted = source_layout(emit->plan, node), from = fv_parameters_from(node), rank = 0;
    for (int i = 0; i < node->src_count && i < from; i++)
        if (node->src[i]->shape.rank > rank) rank = node->src[i]->shape.rank;
    for (int i = 0; i < node->src_count; i++) {
        int layout = i < from ? wanted : FV_PLAIN;
        if (node->op->layout == FV_OP_ANY && node->src[i]->shape.rank < rank) layout = FV_PLAIN;
        FV_TRY(fv_plan_node_value(emit, node->src[i], layout, &emit->src[i], err));
    }
    emit->plan->nodes[node->id].layout =
        wanted == FV_CHANNELS_LAST && node->shape.rank > 2 && node->shape.rank == rank ? FV_CHANNELS_LAST
                                                                                       : FV_PLAIN;
    return FV_OK;
}

static fv_status in_node(const fv_node *node, fv_status status, fv_error *err)
{
    char prefix[128];
    if (status == FV_OK) return FV_OK;
    snprintf(prefix, sizeof prefix, "%s '%.100s'", fv_node_kind(node), node->name);
    return fv_fail_prefix(err, prefix);
}

/* Makes the arrays of an emit context for a node; freed with close_emit. */
static fv_status open_emit(fv_emit *emit, fv_plan *plan, const fv_node *node, fv_phase phase, fv_error *err)
{
    size_t n = (size_t)node->src_count;
    *emit = (fv_emit){.plan = plan, .node = node, .phase = phase};
    FV_TRY(fv_calloc(&emit->src, n, sizeof *emit->src, err));
    fv_status status = fv_calloc(&emit->diff_src, 2 * n, sizeof *emit->diff_src, err);
    if (status != FV_OK) fv_free(emit->src);
    emit->diff_sums = emit->diff_src + n;
    return status;
}

static void close_emit(fv_emit *emit)
{
    fv_free(emit->src);
    fv_free(emit->diff_src);
}

fv_status fv_plan_emit_forward(fv_plan *plan, const fv_node *node, fv_phase phase, fv_error *err)
{
    fv_emit emit;
    fv_status status;
    fv_node_plan *own = &plan->nodes[node->id];
    if (!node->op) return bind_leaf(plan, node, err);
    FV_TRY(open_emit(&emit, plan, node, phase, err));
    FV_TRY_GOTO(bind_sources(&emit, err));
    FV_TRY_GOTO(fv_plan_value_new(plan, &node->shape, own->layout, &emit.dst, err));
    own->value[own->layout] = emit.dst;
    emit.pass = "forward";
    status = node->op->forward(node, &emit, err);
done:
    close_emit(&emit);
    return in_node(node, status, err);
}

/* --- backward --- */

/* Adds the seed and what the users of a node contributed; contributions come in the order of emission. */
static fv_status sum_gradient(fv_emit *emit, fv_error *err)
{
    fv_node_plan *own = &emit->plan->nodes[emit->node->id];
    fv_affine affine = {NULL, NULL, NULL};
    if (own->seed) FV_TRY(fv_pointers_add(&own->contributions, own->seed, err));
    for (int i = 0; i < own->contributions.count; i++) {
        fv_value *part = own->contributions.at[i], *sum;
        int done_so;
        FV_TRY(
            fv_plan_join_affine(emit, &affine, part, own->value[own->layout]->channels_last, &done_so, err));
        if (done_so) continue;
        if (part->channels_last != own->value[own->layout]->channels_last) {
            fv_value *moved;
            FV_TRY(fv_plan_value_new(emit->plan, &emit->node->shape, own->layout, &moved, err));
            FV_TRY(fv_plan_emit_relayout(emit, part, moved, err));
            part = moved;
        }
        if (!own->gradient) {
            own->gradient = part;
            continue;
        }
        FV_TRY(fv_plan_value_new(emit->plan, &emit->node->shape, own->layout, &sum, err));
        FV_TRY(fv_emit_sum(emit, own->gradient, part, sum, err));
        own->gradient = sum;
    }
    return fv_plan_add_affine(emit, &affine, &own->gradient, err);
}

/* Offers a diff_src value for each source whose gradient somebody needs, or a place for its sums; returns how
 * many data and parameter sources and sums that are. */
static fv_status offer_gradients(fv_emit *emit, int counts[3], fv_error *err)
{
    const fv_node *node = emit->node;
    counts[0] = counts[1] = counts[2] = 0;
    for (int i = 0; i < node->src_count; i++) {
        const fv_node_plan *src = &emit->plan->nodes[node->src[i]->id];
        if (src->summed && node->op->has_sums) {
            const fv_shape *shape = &node->src[i]->shape;
            fv_shape size = fv_shape_of(2, shape->dim[0], shape->dim[1]);
            FV_TRY(fv_plan_value_new(emit->plan, &size, 0, &emit->diff_sums[i], err));
            counts[2]++;
        }
        if (!src->whole) continue;
        FV_TRY(fv_plan_value_new(emit->plan, &node->src[i]->shape, emit->src[i]->channels_last,
                                 &emit->diff_src[i], err));
        counts[i >= fv_parameters_from(node)]++;
    }
    return FV_OK;
}

/* A gradient that several nodes share counts once. */
static fv_status contribute(fv_node_plan *to, fv_value *gradient, fv_error *err)
{
    for (int i = 0; i < to->contributions.count; i++)
        if (to->contributions.at[i] == gradient) return FV_OK;
    return fv_pointers_add(&to->contributions, gradient, err);
}

static fv_status emit_gradients(fv_emit *emit, fv_error *err)
{
    const fv_op *op = emit->node->op;
    int counts[3];
    FV_TRY(bind_sources(emit, err));
    FV_TRY(offer_gradients(emit, counts, err));
    if (counts[0]) {
        if (!op->backward_data) return fv_fail(err, FV_STATUS_ARGUMENT, "has no gradient");
        emit->pass = "data";
        FV_TRY(op->backward_data(emit->node, emit, err));
    }
    if (counts[1]) {
        if (!op->backward_weights) return fv_fail(err, FV_STATUS_ARGUMENT, "has no gradient of parameters");
        emit->pass = "weights";
        FV_TRY(op->backward_weights(emit->node, emit, err));
    }
    if (counts[2]) {
        emit->pass = "means";
        FV_TRY(op->backward_sums(emit->node, emit, err));
    }
    for (int i = 0; i < emit->node->src_count; i++) {
        fv_node_plan *src = &emit->plan->nodes[emit->node->src[i]->id];
        if (emit->diff_src[i]) FV_TRY(contribute(src, emit->diff_src[i], err));
        if (emit->diff_sums[i]) FV_TRY(fv_pointers_add(&src->sums, emit->diff_sums[i], err));
    }
    return FV_OK;
}

static fv_status emit_backward(fv_plan *plan, const fv_node *node, fv_error *err)
{
    fv_emit emit;
    fv_status status;
    fv_node_plan *own = &plan->nodes[node->id];
    int has_gradient = own->seed || own->contributions.count;
    if (!own->needs || !(has_gradient || own->sums.count)) return FV_OK;
    FV_TRY(fv_plan_enter_segment(plan, node->id, err));
    FV_TRY(open_emit(&emit, plan, node, FV_BACKWARD, err));
    if (has_gradient) FV_TRY_GOTO(sum_gradient(&emit, err));
    emit.dst = own->value[own->layout];
    emit.diff_dst = own->gradient;
    if (own->averaged && !own->summable && has_gradient) FV_TRY_GOTO(fv_plan_emit_means(&emit, err));
    FV_TRY_GOTO(fv_plan_emit_sums(&emit, err));
    if (has_gradient && node->op && fv_emit_has_backward(&emit)) FV_TRY_GOTO(emit_gradients(&emit, err));
done:
    close_emit(&emit);
    return in_node(node, status, err);
}

/* --- the whole --- */

static fv_status emit_all(fv_plan *plan, const fv_plan_spec *spec, fv_error *err)
{
    int count = plan->node_count;
    fv_plan_cut(plan, plan->economy.segments);
    plan->segment = plan->economy.segments - 1;
    for (int id = 0; id < count; id++)
        if (plan->nodes[id].live)
            FV_TRY(fv_plan_emit_forward(plan, fv_graph_node(plan->graph, id), FV_FORWARD, err));
    plan->forward_end = plan->time;
    for (int i = 0; i < spec->seeds.count; i++) {
        const fv_node *node = fv_plan_own_node(plan, spec->seeds.node[i]);
        fv_node_plan *own = &plan->nodes[node->id];
        if (!own->seed) FV_TRY(fv_plan_value_new(plan, &node->shape, 0, &own->seed, err));
    }
    for (int id = count - 1; id >= 0; id--)
        if (plan->nodes[id].reaches) FV_TRY(emit_backward(plan, fv_graph_node(plan->graph, id), err));
    return FV_OK;
}

/* Compiles without getting memory. */
static fv_status compile(fv_plan **out, fv_graph *source, const fv_plan_spec *spec,
                         const fv_plan_graph *folded, fv_economy economy, fv_error *err)
{
    fv_status status;
    fv_plan *plan;
    *out = NULL;
    FV_TRY(fv_calloc(&plan, 1, sizeof *plan, err));
    plan->source = fv_graph_retain(source);
    plan->source_count = fv_graph_node_count(source);
    plan->graph = fv_graph_retain(folded->graph);
    plan->mode = spec->mode;
    plan->has_fixed_statistics = spec->fixed_statistics;
    plan->exact = spec->exact || economy.direct;
    plan->bfloat = spec->bfloat;
    plan->economy = economy;
    if (folded->map) {
        FV_TRY_GOTO(fv_calloc(&plan->map, (size_t)plan->source_count, sizeof *plan->map, err));
        memcpy(plan->map, folded->map, (size_t)plan->source_count * sizeof *plan->map);
    }
    plan->node_count = fv_graph_node_count(plan->graph);
    FV_TRY_GOTO(fv_calloc(&plan->nodes, (size_t)plan->node_count, sizeof *plan->nodes, err));
    analyse(plan, spec);
    FV_TRY_GOTO(emit_all(plan, spec, err));
    FV_TRY_GOTO(fv_plan_place(plan, err));
    *out = plan;
    return FV_OK;
done:
    fv_plan_free(plan);
    return status;
}

/* From the fastest to the most economical: those that give the same bits first. */
static const fv_economy economies[] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {6, 0},
                                       {9, 0}, {1, 1}, {2, 1}, {4, 1}, {9, 1}};

static int is_possible(const fv_plan_spec *spec, fv_economy economy)
{
    if (economy.direct && spec->exact) return 0;
    return spec->mode == FV_MODE_EXPLAIN || economy.segments == 1;
}

/* The most memory that it takes that way, without a look at the weights. */
static fv_status measure(fv_graph *source, const fv_plan_spec *spec, fv_economy economy, size_t *peak,
                         fv_error *err)
{
    fv_plan *plan = NULL;
    fv_plan_graph folded = {0};
    fv_status status = fv_plan_graph_make(&folded, source, spec, economy, 1, err);
    if (status == FV_OK) status = compile(&plan, source, spec, &folded, economy, err);
    if (status == FV_OK) *peak = plan->memory.peak;
    fv_plan_free(plan);
    fv_plan_graph_close(&folded);
    return status;
}

/* The fastest way that stays within the budget. */
static fv_status choose(fv_graph *source, const fv_plan_spec *spec, fv_economy *out, fv_error *err)
{
    size_t least = SIZE_MAX, count = sizeof economies / sizeof *economies;
    fv_status status = FV_OK;
    for (size_t i = 0; i < count && status == FV_OK && least > spec->budget; i++) {
        size_t peak;
        *out = economies[i];
        if (!is_possible(spec, *out)) continue;
        status = measure(source, spec, *out, &peak, err);
        if (status == FV_OK && peak < least) least = peak;
    }
    if (status != FV_OK || least <= spec->budget) return status;
    if (spec->least) *spec->least = least;
    return fv_fail(err, FV_STATUS_MEMORY, "plan: needs %zu MiB of memory, %zu MiB are allowed",
                   (least + (1 << 20) - 1) >> 20, spec->budget >> 20);
}

fv_status fv_plan_new(fv_plan **out, fv_graph *graph, const fv_plan_spec *spec, fv_error *err)
{
    fv_plan_graph folded = {0};
    fv_economy economy = economies[0];
    *out = NULL;
    FV_TRY(check_spec(graph, spec, err));
    if (spec->budget) FV_TRY(choose(graph, spec, &economy, err));
    FV_TRY(fv_plan_graph_make(&folded, graph, spec, economy, 0, err));
    fv_status status = compile(out, graph, spec, &folded, economy, err);
    fv_plan_graph_close(&folded);
    if (status == FV_OK) status = fv_plan_allocate(*out, err);
    if (status == FV_OK) return FV_OK;
    fv_plan_free(*out);
    *out = NULL;
    return status;
}

static void free_values(fv_plan *plan)
{
    for (int i = 0; i < plan->values.count; i++) {
        fv_value *value = plan->values.at[i];
        fv_md_free(value->md);
        fv_free(value);
    }
    for (int i = 0; i < plan->storages.count; i++) {
        fv_storage *storage = plan->storages.at[i];
        if (storage->kind == FV_STORAGE_PACKED) fv_free_aligned(storage->data, storage->bytes);
        fv_free(storage);
    }
    fv_free(plan->values.at);
    fv_free(plan->storages.at);
}

void fv_plan_free(fv_plan *plan)
{
    if (!plan) return;
    for (int i = 0; i < plan->steps.count; i++) fv_step_free(plan->steps.at[i]);
    for (int i = 0; i < plan->primitives.count; i++) fv_prim_free(plan->primitives.at[i]);
    for (int i = 0; i < plan->packed.count; i++) {
        fv_packed *packed = plan->packed.at[i];
        fv_md_free(packed->as);
        fv_free(packed);
    }
    fv_free(plan->steps.at);
    fv_free(plan->primitives.at);
    fv_free(plan->packed.at);
    free_values(plan);
    for (int id = 0; plan->nodes && id < plan->node_count; id++) {
        fv_free(plan->nodes[id].contributions.at);
        fv_free(plan->nodes[id].sums.at);
        fv_free(plan->nodes[id].state);
    }
    fv_free(plan->nodes);
    fv_free_aligned(plan->arena, plan->memory.arena);
    fv_free_aligned(plan->scratchpad, plan->memory.scratchpad);
    fv_free(plan->map);
    fv_graph_release(plan->graph);
    fv_graph_release(plan->source);
    fv_free(plan);
}
