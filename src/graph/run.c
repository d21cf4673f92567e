/* Running a plan, and reading what it computed. */
#include "base/waiting.h"
#include "graph/plan_internal.h"

#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Gives back the weights that folding or turning made, once they are packed. */
static void release_packed(fv_plan *plan, const fv_step *step)
{
    for (int i = 0; i < step->count; i++) {
        fv_storage *storage = step->value[i]->storage;
        if (storage->is_brief && storage->packed_last == step) {
            fv_free_aligned(storage->data, storage->bytes);
            storage->data = NULL;
        }
        if (!storage->made || storage->packed_last != step || storage->last >= 0) continue;
        fv_tensor_release(storage->leaf->tensor);
        storage->leaf->tensor = NULL;
        plan->spent = 1;
    }
}

/* Weights that are made when they are packed. */
static fv_status fill_sources(fv_step *step, fv_error *err)
{
    for (int i = 0; i < step->count; i++) {
        fv_storage *storage = step->value[i]->storage;
        if (!storage->leaf && !storage->is_brief) continue;
        if (storage->is_brief && !storage->data)
            FV_TRY(fv_alloc_aligned(&storage->data, storage->bytes, err));
        if (storage->pending) FV_TRY(fv_plan_fill(storage, err));
        step->data[i] = storage->data + step->value[i]->offset;
    }
    return FV_OK;
}

static fv_status run_phase(fv_plan *plan, fv_phase phase, fv_error *err)
{
    fv_waiting_begin();
    for (int i = 0; i < plan->steps.count; i++) {
        fv_step *step = plan->steps.at[i];
        if (step->phase != phase || step->is_idle) continue;
        if (phase == FV_PREPARE) FV_TRY(fill_sources(step, err));
        double start = now();
        if (step->call)
            FV_TRY(fv_call_run(step->call, step->data, plan->scratchpad, err));
        else
            step->run(step->context, (float *const *)step->data);
        step->seconds = now() - start;
        fv_waiting_look();
        if (phase == FV_PREPARE) release_packed(plan, step);
    }
    return FV_OK;
}

/* What the plan knows of a node of its graph; NULL in *out for one that was swallowed. */
static fv_status find_node(fv_plan *plan, const fv_node *node, const char *what, fv_node_plan **out,
                           fv_error *err)
{
    *out = NULL;
    const fv_node *own = fv_plan_own_node(plan, node);
    if (!own && (node->id >= plan->source_count || fv_graph_node(plan->source, node->id) != node))
        return fv_fail(err, FV_STATUS_ARGUMENT, "%s: node '%s' is not in the plan's graph", what, node->name);
    if (own) *out = &plan->nodes[own->id];
    return FV_OK;
}

static fv_status copy_in(fv_value *value, const fv_node *node, const fv_tensor *tensor, const char *what,
                         fv_error *err)
{
    char want[FV_SHAPE_TEXT], got[FV_SHAPE_TEXT];
    if (!value)
        return fv_fail(err, FV_STATUS_ARGUMENT, "%s: the plan does not use node '%s'", what, node->name);
    if (!fv_shape_equal(&node->shape, &tensor->shape))
        return fv_fail(err, FV_STATUS_SHAPE, "%s: node '%s' is %s, the tensor is %s", what, node->name,
                       fv_shape_text(&node->shape, want), fv_shape_text(&tensor->shape, got));
    fv_plan_copy_in(value, tensor);
    return FV_OK;
}

fv_status fv_plan_input_value(fv_plan *plan, const fv_node *node, const char *what, fv_value **out,
                              fv_error *err)
{
    fv_node_plan *own;
    FV_TRY(find_node(plan, node, what, &own, err));
    if (node->tensor || (node->op && !(own && own->given)))
        return fv_fail(err, FV_STATUS_ARGUMENT, "%s: node '%s' is not an input", what, node->name);
    *out = own ? own->value[own->layout] : NULL;
    if (*out && (*out)->storage->data) return FV_OK;
    return fv_fail(err, FV_STATUS_ARGUMENT, "%s: the plan does not use node '%s'", what, node->name);
}

fv_status fv_plan_set_input(fv_plan *plan, const fv_node *node, const fv_tensor *tensor, fv_error *err)
{
    fv_value *value;
    FV_TRY(fv_plan_input_value(plan, node, "set_input", &value, err));
    return copy_in(value, node, tensor, "set_input", err);
}

fv_status fv_plan_set_seed(fv_plan *plan, const fv_node *node, const fv_tensor *tensor, fv_error *err)
{
    fv_node_plan *own;
    FV_TRY(find_node(plan, node, "set_seed", &own, err));
    return copy_in(own ? own->seed : NULL, node, tensor, "set_seed", err);
}

static fv_status prepare(fv_plan *plan, fv_error *err)
{
    if (plan->spent && !plan->prepared)
        return fv_fail(err, FV_STATUS_STATE, "forward: the weights could not be packed");
    if (!plan->prepared) FV_TRY(run_phase(plan, FV_PREPARE, err));
    plan->prepared = 1;
    return FV_OK;
}

static fv_status forward(fv_plan *plan, fv_error *err)
{
    plan->run++;
    FV_TRY(run_phase(plan, FV_FORWARD, err));
    plan->forward_done = 1;
    for (int id = 0; id < plan->node_count; id++) {
        fv_value *seed = plan->nodes[id].seed;
        if (seed && seed->storage->data) memset(seed->storage->data, 0, seed->storage->bytes);
    }
    return FV_OK;
}

fv_status fv_plan_forward(fv_plan *plan, fv_error *err)
{
    FV_TRY(prepare(plan, err));
    return forward(plan, err);
}

/* Within a parallel region those of the primitives and kernels have one thread. */
fv_status fv_plan_forward_all(fv_plan *const *plans, int count, fv_error *err)
{
    fv_status status = FV_OK;
    fv_error *errors;
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < i; k++)
            if (plans[i] == plans[k])
                return fv_fail(err, FV_STATUS_ARGUMENT, "forward: a plan is there twice");
        FV_TRY(prepare(plans[i], err));
    }
    if (count == 1) return forward(plans[0], err);
    FV_TRY(fv_calloc(&errors, (size_t)count, sizeof *errors, err));
    fv_status *found;
    FV_TRY_GOTO(fv_calloc(&found, (size_t)count, sizeof *found, err));
#pragma omp parallel for num_threads(count) schedule(static, 1)
    for (int i = 0; i < count; i++) found[i] = forward(plans[i], &errors[i]);
    for (int i = 0; i < count && status == FV_OK; i++) {
        status = found[i];
        if (status != FV_OK) *err = errors[i];
    }
    fv_free(found);
done:
    fv_free(errors);
    return status;
}

void fv_plan_set_run(fv_plan *plan, uint64_t run)
{
    plan->run = run;
}

fv_status fv_plan_backward(fv_plan *plan, fv_error *err)
{
    if (!plan->forward_done) return fv_fail(err, FV_STATUS_STATE, "backward: no forward pass has run");
    return run_phase(plan, FV_BACKWARD, err);
}

/* Row-major copy of a value, whatever its layout. */
static fv_status copy_out(fv_value *value, fv_tensor **out, fv_error *err)
{
    fv_status status;
    fv_md *plain = NULL;
    fv_prim *reorder = NULL;
    fv_call *call = NULL;
    const fv_md *own;
    FV_TRY(fv_tensor_new(out, &value->shape, err));
    if (!value->channels_last) {
        if ((*out)->count) memcpy((*out)->data, value->storage->data, (*out)->count * sizeof(float));
        return FV_OK;
    }
    FV_TRY_GOTO(fv_md_plain(&plain, &value->shape, err));
    FV_TRY_GOTO(fv_value_md(value, &own, err));
    FV_TRY_GOTO(fv_prim_reorder(&reorder, own, plain, err));
    const fv_arg args[] = {{DNNL_ARG_FROM, own}, {DNNL_ARG_TO, plain}};
    FV_TRY_GOTO(fv_call_new(&call, reorder, 2, args, err));
    void *data[] = {value->storage->data, (*out)->data};
    void *scratch = NULL;
    size_t bytes = fv_prim_scratchpad_bytes(reorder);
    if (bytes) FV_TRY_GOTO(fv_alloc_aligned(&scratch, bytes, err));
    status = fv_call_run(call, data, scratch, err);
    fv_free_aligned(scratch, bytes);
done:
    fv_call_free(call);
    fv_prim_free(reorder);
    fv_md_free(plain);
    if (status != FV_OK) {
        fv_tensor_release(*out);
        *out = NULL;
    }
    return status;
}

/* The value of a tap or an input. */
static fv_status find_value(fv_plan *plan, const fv_node *node, fv_value **out, fv_error *err)
{
    fv_node_plan *own;
    FV_TRY(find_node(plan, node, "value", &own, err));
    if (node->op && !(own && own->tapped))
        return fv_fail(err, FV_STATUS_ARGUMENT, "value: node '%s' is not a tap of the plan", node->name);
    if (node->op && !plan->forward_done)
        return fv_fail(err, FV_STATUS_STATE, "value: no forward pass has run");
    *out = own->value[own->layout];
    if (!*out) return fv_fail(err, FV_STATUS_ARGUMENT, "value: the plan does not use node '%s'", node->name);
    return FV_OK;
}

fv_status fv_plan_value(fv_plan *plan, const fv_node *node, fv_tensor **out, fv_error *err)
{
    fv_value *value;
    *out = NULL;
    if (node->tensor) {
        fv_node_plan *own;
        FV_TRY(find_node(plan, node, "value", &own, err));
        return fv_tensor_copy(out, node->tensor, err);
    }
    FV_TRY(find_value(plan, node, &value, err));
    return copy_out(value, out, err);
}

fv_status fv_plan_look(fv_plan *plan, const fv_node *node, fv_plan_tap *tap, fv_error *err)
{
    fv_value *value;
    FV_TRY(find_value(plan, node, &value, err));
    *tap = (fv_plan_tap){.data = value->storage->data, .shape = &node->shape};
    fv_value_strides(value, tap->strides);
    return FV_OK;
}

fv_status fv_plan_gradient(fv_plan *plan, const fv_node *node, fv_tensor **out, fv_error *err)
{
    fv_node_plan *own;
    *out = NULL;
    FV_TRY(find_node(plan, node, "gradient", &own, err));
    if (!(own && own->wanted))
        return fv_fail(err, FV_STATUS_ARGUMENT, "gradient: node '%s' is not among the plan's gradients",
                       node->name);
    if (!plan->forward_done) return fv_fail(err, FV_STATUS_STATE, "gradient: no backward pass has run");
    if (!own->gradient) return fv_tensor_full(out, &node->shape, 0.0f, err);
    return copy_out(own->gradient, out, err);
}

fv_status fv_plan_gradient_means(fv_plan *plan, const fv_node *node, fv_tensor **means,
                                 fv_tensor **magnitudes, fv_error *err)
{
    fv_node_plan *own;
    fv_tensor **out[] = {means, magnitudes};
    fv_shape shape = node->shape;
    *means = *magnitudes = NULL;
    FV_TRY(find_node(plan, node, "gradient_means", &own, err));
    if (!(own && own->averaged))
        return fv_fail(err, FV_STATUS_ARGUMENT, "gradient_means: node '%s' is not among the plan's means",
                       node->name);
    if (!plan->forward_done) return fv_fail(err, FV_STATUS_STATE, "gradient_means: no backward pass has run");
    for (int i = 2; i < shape.rank; i++) shape.dim[i] = 1;
    for (int k = 0; k < 2; k++) {
        fv_status status = fv_tensor_full(out[k], &shape, 0.0f, err);
        if (status != FV_OK) {
            fv_tensor_release(*means);
            *means = NULL;
            return status;
        }
        size_t count = (*out[k])->count;
        if (own->means && count)
            memcpy((*out[k])->data, own->means->storage->data + (size_t)k * count, count * sizeof(float));
    }
    return FV_OK;
}

static double value_bytes(const fv_value *value)
{
    double bytes = sizeof(float);
    if (value->custom) return (double)fv_md_bytes(value->md);
    for (int i = 0; i < value->shape.rank; i++) bytes *= (double)value->shape.dim[i];
    return bytes;
}

int fv_plan_step_count(const fv_plan *plan)
{
    return plan->steps.count;
}

fv_step_info fv_plan_step(const fv_plan *plan, int i)
{
    static const char *const phases[] = {"prepare", "forward", "backward"};
    const fv_step *step = plan->steps.at[i];
    double bytes = 0;
    for (int k = 0; k < step->count; k++) bytes += value_bytes(step->value[k]);
    return (fv_step_info){phases[step->phase],  step->node,    step->pass,
                          step->implementation, step->seconds, bytes};
}

fv_plan_memory fv_plan_memory_use(const fv_plan *plan)
{
    fv_plan_memory memory = plan->memory;
    memory.segments = plan->economy.segments;
    memory.exact = plan->exact;
    return memory;
}
