/* Parameters in the layouts that primitives want. */
#include "graph/plan_internal.h"

int fv_plan_is_fixed(const fv_plan *plan, const fv_node *node)
{
    return node->tensor && (plan->mode != FV_MODE_TRAIN || !node->is_parameter);
}

static fv_value *find_packed(const fv_plan *plan, const fv_packed *wanted, const fv_md *md)
{
    for (int i = 0; i < plan->packed.count; i++) {
        const fv_packed *packed = plan->packed.at[i];
        if (packed->node == wanted->node && packed->from == wanted->from && packed->as &&
            packed->is_turned == wanted->is_turned && fv_md_equal(packed->as, wanted->as) &&
            fv_md_equal(packed->value->md, md))
            return packed->value;
    }
    return NULL;
}

typedef struct turn_call {
    int64_t count, taps;
} turn_call;

static void turn_kernel(const void *context, float *const *data)
{
    const turn_call *call = context;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < call->count; i += call->taps)
        for (int64_t k = 0; k < call->taps; k++) data[1][i + k] = data[0][i + call->taps - 1 - k];
}

static fv_value *find_turned(const fv_plan *plan, const fv_node *node)
{
    for (int i = 0; i < plan->packed.count; i++) {
        const fv_packed *packed = plan->packed.at[i];
        if (packed->node == node && !packed->as) return packed->value;
    }
    return NULL;
}

static fv_status keep_packed(fv_plan *plan, const fv_packed *packed, fv_error *err)
{
    fv_packed *kept;
    FV_TRY(fv_pointers_own(&plan->packed, sizeof *kept, &kept, err));
    *kept = *packed;
    kept->as = NULL;
    kept->value->storage->kind = FV_STORAGE_PACKED;
    return packed->as ? fv_md_copy(&kept->as, packed->as, err) : FV_OK;
}

/* A parameter with its taps in reverse order, made once for all that is packed of it. Where that is before
 * everything, it is there only for that. */
static fv_status turned(fv_emit *emit, int i, fv_value **out, fv_error *err)
{
    const fv_node *node = emit->node->src[i];
    turn_call call = {.count = 1, .taps = 1};
    *out = find_turned(emit->plan, node);
    if (*out) return FV_OK;
    for (int k = 0; k < node->shape.rank; k++) {
        call.count *= node->shape.dim[k];
        if (k >= 2) call.taps *= node->shape.dim[k];
    }
    FV_TRY(fv_emit_value(emit, &node->shape, out, err));
    if (fv_plan_is_fixed(emit->plan, node)) {
        FV_TRY(keep_packed(emit->plan, &(fv_packed){.node = node, .is_turned = 1, .value = *out}, err));
        (*out)->storage->is_brief = 1;
    }
    fv_emit_kernel k = {"turn:own", turn_kernel, &call, sizeof call, 1, 1, {emit->src[i], *out}};
    return fv_emit_call(emit, &k, err);
}

fv_status fv_emit_packed_part(fv_emit *emit, int i, int64_t from, int is_turned, const fv_md *as,
                              const fv_md *md, fv_value **out, fv_error *err)
{
    const fv_node *node = emit->node->src[i];
    fv_packed wanted = {node, from, is_turned, (fv_md *)as, NULL};
    fv_value *raw = emit->src[i];
    if (!is_turned && fv_md_equal(as, md)) return fv_emit_part(emit, raw, from, out, err);
    *out = find_packed(emit->plan, &wanted, md);
    if (*out) return FV_OK;
    FV_TRY(fv_emit_value_md(emit, md, out, err));
    wanted.value = *out;
    if (fv_plan_is_fixed(emit->plan, node)) FV_TRY(keep_packed(emit->plan, &wanted, err));
    if (is_turned) FV_TRY(turned(emit, i, &raw, err));
    FV_TRY(fv_emit_part(emit, raw, from, &raw, err));
    return fv_emit_copy(emit, raw, as, *out, md, err);
}

fv_status fv_emit_packed(fv_emit *emit, int i, const fv_md *as, const fv_md *md, fv_value **out,
                         fv_error *err)
{
    fv_md *plain;
    if (as) return fv_emit_packed_part(emit, i, 0, 0, as, md, out, err);
    FV_TRY(fv_md_plain(&plain, &emit->node->src[i]->shape, err));
    fv_status status = fv_emit_packed_part(emit, i, 0, 0, plain, md, out, err);
    fv_md_free(plain);
    return status;
}
