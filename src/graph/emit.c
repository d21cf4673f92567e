/* The emit interface: turns what an op asks for into values, storages and steps. */
#include "graph/emit.h"
#include "graph/plan_internal.h"
#include "graph/scaled.h"

#include <string.h>

fv_status fv_pointers_add(fv_pointers *list, void *pointer, fv_error *err)
{
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 8;
        FV_TRY(fv_realloc(&list->at, (size_t)capacity, sizeof *list->at, err));
        list->capacity = capacity;
    }
    list->at[list->count++] = pointer;
    return FV_OK;
}

fv_status fv_pointers_own(fv_pointers *list, size_t size, void *out, fv_error *err)
{
    void **block = out;
    FV_TRY(fv_calloc(block, 1, size, err));
    fv_status status = fv_pointers_add(list, *block, err);
    if (status != FV_OK) {
        fv_free(*block);
        *block = NULL;
    }
    return status;
}

static fv_status new_storage(fv_plan *plan, size_t bytes, fv_storage **out, fv_error *err)
{
    FV_TRY(fv_pointers_own(&plan->storages, sizeof **out, out, err));
    (*out)->bytes = bytes;
    (*out)->first = plan->time;
    (*out)->last = -1;
    return FV_OK;
}

fv_status fv_plan_value_new(fv_plan *plan, const fv_shape *shape, int channels_last, fv_value **out,
                            fv_error *err)
{
    size_t count;
    FV_TRY(fv_shape_count(shape, &count, err));
    FV_TRY(fv_pointers_own(&plan->values, sizeof **out, out, err));
    (*out)->shape = *shape;
    (*out)->channels_last = channels_last && shape->rank > 2;
    return new_storage(plan, count * sizeof(float), &(*out)->storage, err);
}

fv_mode fv_emit_mode(const fv_emit *emit)
{
    return emit->plan->mode;
}

int fv_emit_has_batch_statistics(const fv_emit *emit)
{
    return emit->plan->mode == FV_MODE_TRAIN && !emit->plan->has_fixed_statistics;
}

int fv_emit_is_exact(const fv_emit *emit)
{
    return emit->plan->exact;
}

int fv_emit_is_bfloat(const fv_emit *emit)
{
    return emit->plan->bfloat;
}

int fv_emit_has_backward(const fv_emit *emit)
{
    const fv_node_plan *nodes = emit->plan->nodes;
    if (emit->plan->mode == FV_MODE_INFER || !nodes[emit->node->id].reaches) return 0;
    for (int i = 0; i < emit->node->src_count; i++)
        if (nodes[emit->node->src[i]->id].needs) return 1;
    return 0;
}

const uint64_t *fv_emit_run(const fv_emit *emit)
{
    return &emit->plan->run;
}

int fv_emit_saves(const fv_emit *emit)
{
    return emit->plan->mode == FV_MODE_EXPLAIN && !emit->plan->nodes[emit->node->id].tapped;
}

fv_value *fv_src(fv_emit *emit, int i)
{
    return emit->src[i];
}

fv_value *fv_dst(fv_emit *emit)
{
    return emit->dst;
}

fv_value *fv_diff_dst(fv_emit *emit)
{
    return emit->diff_dst;
}

fv_value *fv_diff_src(fv_emit *emit, int i)
{
    return emit->diff_src[i];
}

fv_value *fv_diff_sums(fv_emit *emit, int i)
{
    return emit->diff_sums[i];
}

static int overlap(const fv_parts *a, const fv_parts *b)
{
    for (int i = 0; i < a->count; i++)
        for (int k = 0; k < b->count; k++)
            if (a->first[i] < b->first[k] + b->size[k] && b->first[k] < a->first[i] + a->size[i]) return 1;
    return 0;
}

int fv_emit_share_gradient(fv_emit *emit, int i, const fv_parts *parts)
{
    const fv_node_plan *source = &emit->plan->nodes[emit->node->src[i]->id];
    fv_value *own = emit->diff_src[i];
    own->parts = *parts;
    for (int k = 0; k < source->contributions.count && parts->count; k++) {
        fv_value *other = source->contributions.at[k];
        int count = other->parts.count;
        if (!count || count + parts->count > FV_PARTS || overlap(&other->parts, parts)) continue;
        if (other->channels_last != own->channels_last) continue;
        for (int n = 0; n < parts->count; n++) {
            other->parts.first[count + n] = parts->first[n];
            other->parts.size[count + n] = parts->size[n];
        }
        other->parts.count += parts->count;
        emit->diff_src[i] = other;
        return 1;
    }
    return 0;
}

fv_status fv_emit_state(fv_emit *emit, size_t size, void *out, fv_error *err)
{
    fv_node_plan *node = &emit->plan->nodes[emit->node->id];
    if (!node->state) FV_TRY(fv_calloc(&node->state, 1, size, err));
    *(void **)out = node->state;
    return FV_OK;
}

fv_status fv_emit_value(fv_emit *emit, const fv_shape *shape, fv_value **out, fv_error *err)
{
    return fv_plan_value_new(emit->plan, shape, 0, out, err);
}

fv_status fv_emit_value_like(fv_emit *emit, const fv_value *like, fv_value **out, fv_error *err)
{
    return fv_plan_value_new(emit->plan, &like->shape, like->channels_last, out, err);
}

fv_status fv_emit_value_md(fv_emit *emit, const fv_md *md, fv_value **out, fv_error *err)
{
    FV_TRY(fv_pointers_own(&emit->plan->values, sizeof **out, out, err));
    (*out)->custom = 1;
    FV_TRY(fv_md_copy(&(*out)->md, md, err));
    return new_storage(emit->plan, fv_md_bytes(md), &(*out)->storage, err);
}

fv_status fv_emit_alias(fv_emit *emit, fv_value *to, fv_value *from, fv_error *err)
{
    (void)emit;
    if (to->custom || from->custom || to->channels_last != from->channels_last ||
        (to->channels_last && !fv_shape_equal(&to->shape, &from->shape)))
        return fv_fail(err, FV_STATUS_STATE, "values of different layouts cannot share memory");
    to->storage = from->storage;
    return FV_OK;
}

fv_status fv_emit_part(fv_emit *emit, fv_value *whole, int64_t from, fv_value **out, fv_error *err)
{
    *out = whole;
    if (!from) return FV_OK;
    FV_TRY(fv_pointers_own(&emit->plan->values, sizeof **out, out, err));
    **out = (fv_value){
        .shape = whole->shape, .custom = 1, .storage = whole->storage, .offset = whole->offset + from};
    return FV_OK;
}

static fv_status bind_tensor(fv_plan *plan, const fv_tensor *tensor, fv_value **out, fv_error *err)
{
    FV_TRY(fv_plan_value_new(plan, &tensor->shape, 0, out, err));
    (*out)->storage->kind = FV_STORAGE_EXTERNAL;
    (*out)->storage->data = tensor->data;
    return FV_OK;
}

fv_status fv_emit_unscaled(fv_emit *emit, int i, fv_value **weights, fv_value **factor, fv_error *err)
{
    const fv_node *node = emit->node->src[i];
    fv_node_plan *known = &emit->plan->nodes[node->id];
    if (node->scaled && !known->factor) {
        FV_TRY(bind_tensor(emit->plan, node->scaled->from, &known->unscaled, err));
        FV_TRY(bind_tensor(emit->plan, node->scaled->factor, &known->factor, err));
    }
    *weights = known->factor ? known->unscaled : emit->src[i];
    *factor = known->factor;
    return FV_OK;
}

const fv_shape *fv_value_shape(const fv_value *value)
{
    return &value->shape;
}

int fv_value_is_channels_last(const fv_value *value)
{
    return value->channels_last;
}

void fv_value_strides(const fv_value *value, int64_t strides[FV_MAX_RANK])
{
    if (value->channels_last)
        fv_shape_strides_channels_last(&value->shape, strides);
    else
        fv_shape_strides(&value->shape, strides);
}

fv_status fv_value_md(fv_value *value, const fv_md **out, fv_error *err)
{
    if (!value->md) {
        if (value->channels_last)
            FV_TRY(fv_md_channels_last(&value->md, &value->shape, err));
        else
            FV_TRY(fv_md_plain(&value->md, &value->shape, err));
    }
    *out = value->md;
    return FV_OK;
}

void fv_step_free(fv_step *step)
{
    if (!step) return;
    fv_call_free(step->call);
    fv_free(step->context);
    fv_free(step);
}

/* A step whose results stay in packed storage can run once, before everything. */
static int is_prepare(const fv_step *step)
{
    for (int i = 0; i < step->count; i++)
        if (step->value[i]->storage->kind == FV_STORAGE_ARENA) return 0;
    return 1;
}

/* Appends the step (taken over, also on failure) and extends the life of what it touches. */
static fv_status add_step(fv_emit *emit, fv_step *step, fv_error *err)
{
    fv_plan *plan = emit->plan;
    step->node = emit->node;
    step->pass = emit->pass;
    step->phase = is_prepare(step) ? FV_PREPARE : emit->phase;
    fv_status status = fv_pointers_add(&plan->steps, step, err);
    if (status != FV_OK) {
        fv_step_free(step);
        return status;
    }
    if (step->phase == FV_PREPARE) return FV_OK;
    for (int i = 0; i < step->count; i++) {
        fv_storage *storage = step->value[i]->storage;
        if (storage->last < 0) storage->first = plan->time;
        storage->last = plan->time;
    }
    plan->time++;
    return FV_OK;
}

static int find_value(const fv_step *step, const fv_value *value)
{
    int i = 0;
    while (i < step->count && step->value[i] != value) i++;
    return i;
}

void fv_emit_in_place(fv_emit *emit, const fv_value *to, const fv_value *from)
{
    fv_step *step = emit->plan->steps.at[emit->plan->steps.count - 1];
    int a = find_value(step, to), b = find_value(step, from);
    if (a == step->count || b == step->count || step->in_place == FV_IN_PLACE) return;
    step->to[step->in_place] = a;
    step->from[step->in_place++] = b;
}

fv_status fv_emit_keep(fv_emit *emit, fv_prim *prim, fv_error *err)
{
    fv_status status = fv_pointers_add(&emit->plan->primitives, prim, err);
    if (status != FV_OK) fv_prim_free(prim);
    return status;
}

fv_status fv_emit_primitive(fv_emit *emit, const fv_prim *prim, int count, const fv_emit_arg *args,
                            fv_error *err)
{
    fv_arg bound[FV_KERNEL_VALUES];
    fv_status status;
    if (count > FV_KERNEL_VALUES)
        return fv_fail(err, FV_STATUS_ARGUMENT, "a step takes %d values", FV_KERNEL_VALUES);
    fv_step *step;
    FV_TRY(fv_calloc(&step, 1, sizeof *step, err));
    step->implementation = fv_prim_implementation(prim);
    for (int i = 0; i < count; i++) {
        bound[i].id = args[i].id;
        bound[i].md = args[i].md;
        if (!bound[i].md) FV_TRY_GOTO(fv_value_md(args[i].value, &bound[i].md, err));
        step->writes |= (unsigned)(args[i].write != 0) << i;
        step->value[step->count++] = args[i].value;
    }
    FV_TRY_GOTO(fv_call_new(&step->call, prim, count, bound, err));
    step->scratchpad = fv_prim_scratchpad_bytes(prim);
    return add_step(emit, step, err);
done:
    fv_step_free(step);
    return status;
}

fv_status fv_emit_call(fv_emit *emit, const fv_emit_kernel *kernel, fv_error *err)
{
    fv_step *step;
    FV_TRY(fv_calloc(&step, 1, sizeof *step, err));
    step->implementation = kernel->name;
    step->run = kernel->run;
    step->count = kernel->read_count + kernel->write_count;
    for (int i = 0; i < step->count; i++) {
        step->value[i] = kernel->value[i];
        step->writes |= (unsigned)(i >= kernel->read_count) << i;
    }
    if (kernel->context_size) {
        fv_status status = fv_calloc(&step->context, 1, kernel->context_size, err);
        if (status != FV_OK) {
            fv_step_free(step);
            return status;
        }
        memcpy(step->context, kernel->context, kernel->context_size);
    }
    return add_step(emit, step, err);
}

fv_status fv_emit_copy(fv_emit *emit, fv_value *from, const fv_md *from_md, fv_value *to, const fv_md *to_md,
                       fv_error *err)
{
    fv_prim *prim;
    if (!from_md) FV_TRY(fv_value_md(from, &from_md, err));
    if (!to_md) FV_TRY(fv_value_md(to, &to_md, err));
    FV_TRY(fv_prim_reorder(&prim, from_md, to_md, err));
    FV_TRY(fv_emit_keep(emit, prim, err));
    int same = fv_md_equal(from_md, to_md);
    const fv_emit_arg args[] = {{DNNL_ARG_FROM, from, 0, from_md}, {DNNL_ARG_TO, to, 1, to_md}};
    FV_TRY(fv_emit_primitive(emit, prim, 2, args, err));
    if (same) {
        fv_step *step = emit->plan->steps.at[emit->plan->steps.count - 1];
        step->is_copy = 1;
        fv_emit_in_place(emit, to, from);
    }
    return FV_OK;
}

fv_status fv_plan_emit_relayout(fv_emit *emit, fv_value *from, fv_value *to, fv_error *err)
{
    return fv_emit_copy(emit, from, NULL, to, NULL, err);
}

/* Channels last and row-major are the same memory when one of the two sides is 1. */
static int layouts_coincide(const fv_shape *shape)
{
    int64_t spatial = 1;
    for (int i = 2; i < shape->rank; i++) spatial *= shape->dim[i];
    return shape->rank < 3 || shape->dim[1] == 1 || spatial == 1;
}

fv_status fv_plan_node_value(fv_emit *emit, const fv_node *node, int layout, fv_value **out, fv_error *err)
{
    fv_plan *plan = emit->plan;
    fv_node_plan *known = &plan->nodes[node->id];
    if (node->shape.rank < 3) layout = FV_PLAIN;
    if (!known->value[layout]) {
        fv_value *from = known->value[known->layout], *to;
        FV_TRY(fv_plan_value_new(plan, &node->shape, layout, &to, err));
        if (layouts_coincide(&node->shape)) {
            to->storage = from->storage;
        } else {
            if (fv_plan_is_fixed(plan, node)) to->storage->kind = FV_STORAGE_PACKED;
            FV_TRY(fv_plan_emit_relayout(emit, from, to, err));
        }
        known->value[layout] = to;
    }
    *out = known->value[layout];
    return FV_OK;
}

static void sum_kernel(const void *context, float *const *data)
{
    const float *a = data[0], *b = data[1];
    float *sum = data[2];
    size_t n = *(const size_t *)context;
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < n; i++) sum[i] = a[i] + b[i];
}

fv_status fv_emit_sum(fv_emit *emit, fv_value *a, fv_value *b, fv_value *sum, fv_error *err)
{
    size_t n;
    FV_TRY(fv_shape_count(&sum->shape, &n, err));
    fv_emit_kernel kernel = {"add:own", sum_kernel, &n, sizeof n, 2, 1, {a, b, sum}};
    FV_TRY(fv_emit_call(emit, &kernel, err));
    fv_emit_in_place(emit, sum, a);
    fv_emit_in_place(emit, sum, b);
    return FV_OK;
}
