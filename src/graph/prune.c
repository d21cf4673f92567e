/* Steps whose results nobody reads fall away: what an economical plan computes again without need, or the
 * last layers of a network of which only gradients are wanted. Then the lives of all storages are known. */
#include "graph/plan_internal.h"

static void want(fv_value *value)
{
    if (value) value->storage->wanted = 1;
}

static int is_live(const fv_step *step)
{
    for (int i = 0; i < step->count; i++) {
        const fv_storage *storage = step->value[i]->storage;
        int is_written = (step->writes >> i & 1) != 0;
        if (is_written && (storage->wanted || storage->kind == FV_STORAGE_EXTERNAL)) return 1;
    }
    return 0;
}

/* From the last step to the first; what happens before everything comes last. */
static void mark(fv_plan *plan, int prepare)
{
    for (int i = plan->steps.count - 1; i >= 0; i--) {
        fv_step *step = plan->steps.at[i];
        if ((step->phase == FV_PREPARE) != prepare || !is_live(step)) continue;
        step->is_live = 1;
        for (int k = 0; k < step->count; k++) want(step->value[k]);
    }
}

/* A step that packs a tensor that folding made, or NULL: from what. */
static const fv_storage *packs(const fv_step *step)
{
    const fv_storage *from = step->phase == FV_PREPARE && step->count == 2 ? step->value[0]->storage : NULL;
    return from && from->made ? from : NULL;
}

/* Packs all layouts of a tensor one after the other, so that it can be given back. */
static void gather_packing(fv_plan *plan)
{
    fv_step **steps = (fv_step **)plan->steps.at;
    for (int i = 0; i < plan->steps.count; i++) {
        int to = i + 1;
        for (int k = to; packs(steps[i]) && k < plan->steps.count; k++) {
            if (packs(steps[k]) != packs(steps[i])) continue;
            fv_step *moved = steps[k];
            for (int m = k; m > to; m--) steps[m] = steps[m - 1];
            steps[to++] = moved;
        }
    }
}

static void drop_dead(fv_plan *plan)
{
    int count = 0;
    for (int i = 0; i < plan->steps.count; i++) {
        fv_step *step = plan->steps.at[i];
        if (step->is_live)
            plan->steps.at[count++] = step;
        else
            fv_step_free(step);
    }
    plan->steps.count = count;
}

/* When what remains is in use. */
static void find_lives(fv_plan *plan)
{
    int time = 0;
    plan->memory.scratchpad = 0;
    for (int i = 0; i < plan->storages.count; i++) {
        fv_storage *storage = plan->storages.at[i];
        storage->first = 0;
        storage->last = -1;
    }
    for (int i = 0; i < plan->steps.count; i++) {
        fv_step *step = plan->steps.at[i];
        if (step->scratchpad > plan->memory.scratchpad) plan->memory.scratchpad = step->scratchpad;
        for (int k = 0; k < step->count; k++) {
            fv_storage *storage = step->value[k]->storage;
            if (step->phase == FV_PREPARE) {
                storage->packed_last = step;
                continue;
            }
            if (storage->last < 0) storage->first = time;
            storage->last = time;
        }
        if (step->phase == FV_PREPARE) continue;
        time++;
        if (step->phase == FV_FORWARD) plan->forward_end = time;
    }
    plan->backward_end = time;
}

void fv_plan_prune(fv_plan *plan)
{
    for (int id = 0; id < plan->node_count; id++) {
        fv_node_plan *own = &plan->nodes[id];
        if (own->tapped) want(own->value[own->layout]);
        if (own->wanted) want(own->gradient);
        want(own->means);
    }
    mark(plan, 0);
    mark(plan, 1);
    drop_dead(plan);
    gather_packing(plan);
    plan->forward_end = 0;
    find_lives(plan);
}
