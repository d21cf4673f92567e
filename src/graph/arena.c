/* Placement of memory: every buffer has a life (first to last step); buffers whose lives do not overlap share
 * addresses in one arena. Greedy by size, which is within a few percent of the best for such networks. */
#include "graph/plan_internal.h"
#include "graph/scaled.h"

#include <stdlib.h>

/* What is read after a pass, or by a backward pass that may run again, lives to the end. */
static void extend_lives(fv_plan *plan)
{
    int end = plan->backward_end;
    for (int i = 0; i < plan->storages.count; i++) {
        fv_storage *storage = plan->storages.at[i];
        if (storage->first < plan->forward_end && storage->last >= plan->forward_end) storage->last = end;
    }
    for (int id = 0; id < plan->node_count; id++) {
        const fv_node *node = fv_graph_node(plan->graph, id);
        fv_node_plan *own = &plan->nodes[id];
        fv_value *value = own->value[own->layout];
        if (value && (own->tapped || (!node->op && !node->tensor))) {
            if (!node->op || value->storage->last < 0) value->storage->first = 0;
            value->storage->last = end;
        }
        if (own->wanted && own->gradient) own->gradient->storage->last = end;
        if (own->means) own->means->storage->last = end;
        if (own->seed) {
            own->seed->storage->first = plan->forward_end;
            own->seed->storage->last = end;
        }
    }
}

static fv_storage *shared_storage(fv_storage *storage)
{
    while (storage->shared) storage = storage->shared;
    return storage;
}

/* Whether step i, at time `time`, may write value `to` where it reads value `from`: nobody reads that any
 * more, and nobody has written `to` before. */
static int can_share(const fv_step *step, int time, int to, int from)
{
    const fv_storage *a = shared_storage(step->value[to]->storage);
    const fv_storage *b = shared_storage(step->value[from]->storage);
    if (a == b || a->kind != FV_STORAGE_ARENA || b->kind != FV_STORAGE_ARENA) return 0;
    if (a->first != time || b->last != time || a->bytes > b->bytes) return 0;
    for (int k = 0; k < step->count; k++)
        if (k != from && shared_storage(step->value[k]->storage) == b) return 0;
    return 1;
}

/* Work in place, where an op said that it can: the storage of the result becomes that of the source. */
static void share_storages(fv_plan *plan)
{
    int time = 0;
    for (int i = 0; i < plan->steps.count; i++) {
        fv_step *step = plan->steps.at[i];
        if (step->phase == FV_PREPARE) continue;
        for (int k = 0; k < step->in_place; k++) {
            if (!can_share(step, time, step->to[k], step->from[k])) continue;
            fv_storage *a = shared_storage(step->value[step->to[k]]->storage);
            fv_storage *b = shared_storage(step->value[step->from[k]]->storage);
            a->shared = b;
            if (a->last > b->last) b->last = a->last;
            step->is_idle = step->is_copy;
        }
        time++;
    }
    for (int i = 0; i < plan->values.count; i++) {
        fv_value *value = plan->values.at[i];
        value->storage = shared_storage(value->storage);
    }
}

static size_t padded(size_t bytes)
{
    size_t n = (bytes + FV_ALIGNMENT - 1) / FV_ALIGNMENT * FV_ALIGNMENT;
    return n ? n : FV_ALIGNMENT;
}

static int by_size(const void *a, const void *b)
{
    const fv_storage *x = *(fv_storage *const *)a, *y = *(fv_storage *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->first - y->first;
}

static int by_offset(const void *a, const void *b)
{
    const fv_storage *x = *(fv_storage *const *)a, *y = *(fv_storage *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* Lowest offset where `storage` meets no placed one that lives at the same time. `near` is room for `count`.
 */
static size_t find_room(const fv_storage *storage, fv_storage **placed, int count, fv_storage **near)
{
    int n = 0;
    size_t offset = 0;
    for (int i = 0; i < count; i++)
        if (placed[i]->first <= storage->last && storage->first <= placed[i]->last) near[n++] = placed[i];
    qsort(near, (size_t)n, sizeof *near, by_offset);
    for (int i = 0; i < n; i++) {
        if (near[i]->offset >= offset + padded(storage->bytes)) break;
        size_t after = near[i]->offset + padded(near[i]->bytes);
        if (after > offset) offset = after;
    }
    return offset;
}

/* Finds an offset for each storage of the arena; sets the size of the whole. */
static fv_status place_arena(fv_plan *plan, fv_error *err)
{
    fv_status status;
    fv_storage **all = NULL, **near = NULL;
    int count = 0;
    size_t most = (size_t)plan->storages.count, end = 0;
    FV_TRY_GOTO(fv_calloc(&all, most, sizeof *all, err));
    FV_TRY_GOTO(fv_calloc(&near, most, sizeof *near, err));
    for (int i = 0; i < plan->storages.count; i++) {
        fv_storage *storage = plan->storages.at[i];
        if (storage->kind == FV_STORAGE_ARENA && storage->last >= 0 && !storage->shared)
            all[count++] = storage;
    }
    qsort(all, (size_t)count, sizeof *all, by_size);
    for (int i = 0; i < count; i++) {
        all[i]->offset = find_room(all[i], all, i, near);
        if (all[i]->offset + padded(all[i]->bytes) > end) end = all[i]->offset + padded(all[i]->bytes);
    }
    plan->memory.arena = end;
done:
    fv_free(all);
    fv_free(near);
    return status;
}

/* Whether a tensor of the graph that is run is that of a node of the graph as it was given. */
static int is_given(const fv_plan *plan, const fv_node *leaf)
{
    for (int id = 0; id < plan->source_count; id++)
        if (fv_graph_node(plan->source, id)->tensor == leaf->tensor) return 1;
    return 0;
}

static void mark_made(fv_plan *plan)
{
    for (int i = 0; i < plan->storages.count; i++) {
        fv_storage *storage = plan->storages.at[i];
        storage->made = plan->map && storage->leaf && !is_given(plan, storage->leaf);
        storage->pending = storage->leaf && fv_scaled_is_pending(storage->leaf);
    }
}

/* Packed weights that steps read, not other packing alone. */
static int is_kept(const fv_storage *storage)
{
    return storage->kind == FV_STORAGE_PACKED && storage->wanted && !storage->is_brief;
}

/* Weights that are made when they are packed. */
static int is_passing(const fv_storage *storage)
{
    return storage->made && storage->pending && storage->last < 0;
}

/* The most that packed weights and those that folding made of others need together: the latter are given back
 * one by one when they have been packed, if no step reads them as they are. */
static size_t packing_peak(const fv_plan *plan, size_t made)
{
    size_t now = made, most = made;
    const fv_storage *before = NULL;
    for (int i = 0; i < plan->steps.count; i++) {
        const fv_step *step = plan->steps.at[i];
        if (step->phase != FV_PREPARE) continue;
        const fv_storage *from = step->value[0]->storage;
        if (is_passing(from) && from != before) now += from->bytes;
        before = from;
        for (int k = 0; k < step->count; k++)
            if (step->value[k]->storage->kind == FV_STORAGE_PACKED && (step->writes >> k & 1))
                now += step->value[k]->storage->bytes;
        if (now > most) most = now;
        if ((from->made || from->is_brief) && from->last < 0 && from->packed_last == step) now -= from->bytes;
    }
    return most;
}

static void count_bytes(fv_plan *plan)
{
    fv_plan_memory *m = &plan->memory;
    size_t made = 0;
    m->packed = m->weights = 0;
    for (int id = 0; id < plan->source_count; id++) {
        const fv_tensor *tensor = fv_graph_node(plan->source, id)->tensor;
        if (tensor) m->weights += tensor->count * sizeof(float);
    }
    for (int i = 0; i < plan->storages.count; i++) {
        const fv_storage *storage = plan->storages.at[i];
        if (is_kept(storage)) m->packed += storage->bytes;
        if (storage->made && !is_passing(storage))
            *(storage->last < 0 ? &made : &m->weights) += storage->bytes;
    }
    size_t packing = packing_peak(plan, made), running = m->packed + m->arena + m->scratchpad;
    m->peak = m->weights + (packing > running ? packing : running);
}

fv_status fv_plan_place(fv_plan *plan, fv_error *err)
{
    mark_made(plan);
    fv_plan_prune(plan);
    extend_lives(plan);
    share_storages(plan);
    FV_TRY(place_arena(plan, err));
    count_bytes(plan);
    return FV_OK;
}

fv_status fv_plan_fill(fv_storage *storage, fv_error *err)
{
    FV_TRY(fv_scaled_fill(storage->leaf, err));
    storage->pending = 0;
    storage->data = storage->leaf->tensor->data;
    return FV_OK;
}

fv_status fv_plan_allocate(fv_plan *plan, fv_error *err)
{
    size_t scratchpad = plan->memory.scratchpad;
    FV_TRY(fv_alloc_aligned(&plan->arena, plan->memory.arena, err));
    if (scratchpad) FV_TRY(fv_alloc_aligned(&plan->scratchpad, scratchpad, err));
    for (int i = 0; i < plan->storages.count; i++) {
        fv_storage *storage = plan->storages.at[i];
        if (storage->pending && storage->last >= 0) FV_TRY(fv_plan_fill(storage, err));
        if (is_kept(storage)) FV_TRY(fv_alloc_aligned(&storage->data, storage->bytes, err));
        if (storage->kind == FV_STORAGE_ARENA && storage->last >= 0 && !storage->shared)
            storage->data = plan->arena + storage->offset / sizeof(float);
    }
    for (int i = 0; i < plan->steps.count; i++) {
        fv_step *step = plan->steps.at[i];
        for (int k = 0; k < step->count; k++) {
            float *data = step->value[k]->storage->data;
            step->data[k] = data ? data + step->value[k]->offset : NULL;
        }
    }
    return FV_OK;
}
