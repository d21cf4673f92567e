/* Primitives once made: queries and running. */
#include "dnn/internal.h"

#include <stdio.h>
#include <string.h>

static dnnl_status_t append_post_op(dnnl_post_ops_t ops, const fv_post_op *op)
{
    if (op->kind == FV_POST_ADD) return dnnl_post_ops_append_binary(ops, dnnl_binary_add, fv_desc(op->md));
#if FV_DNN_V3
    if (op->kind == FV_POST_SUM) return dnnl_post_ops_append_sum(ops, 1.0f, 0, dnnl_data_type_undef);
    return dnnl_post_ops_append_eltwise(ops, op->algorithm, op->alpha, op->beta);
#else
    if (op->kind == FV_POST_SUM) return dnnl_post_ops_append_sum(ops, 1.0f);
    return dnnl_post_ops_append_eltwise(ops, 1.0f, op->algorithm, op->alpha, op->beta);
#endif
}

/* Of 1x1 convolutions the sum with dst costs as much as the products. With more taps 2.x leaves its best
 * implementation when there is another tensor. */
int fv_dnn_adds_fast(int64_t taps)
{
    return FV_DNN_V3 || taps == 1;
}

fv_status fv_dnn_attributes(dnnl_primitive_attr_t *out, const fv_post_ops *post, fv_error *err)
{
    dnnl_post_ops_t ops = NULL;
    FV_DNN("attributes", dnnl_primitive_attr_create(out));
    dnnl_status_t s = dnnl_primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user);
    if (s == dnnl_success && post && post->count) {
        s = dnnl_post_ops_create(&ops);
        for (int i = 0; s == dnnl_success && i < post->count; i++) s = append_post_op(ops, &post->op[i]);
        if (s == dnnl_success) s = dnnl_primitive_attr_set_post_ops(*out, ops);
        if (ops) dnnl_post_ops_destroy(ops);
    }
    if (s == dnnl_success) return FV_OK;
    dnnl_primitive_attr_destroy(*out);
    *out = NULL;
    return fv_dnn_check(s, "attributes", err);
}

fv_status fv_prim_from_desc(fv_prim **out, dnnl_primitive_desc_t desc, fv_error *err)
{
    const char *name = NULL;
    fv_status status = fv_calloc(out, 1, sizeof **out, err);
    if (status != FV_OK) {
        dnnl_primitive_desc_destroy(desc);
        return status;
    }
    (*out)->desc = desc;
    status = fv_dnn_check(dnnl_primitive_create(&(*out)->handle, desc), "primitive", err);
    if (status == FV_OK)
        status = fv_dnn_check(dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name),
                              "implementation name", err);
    if (status != FV_OK) {
        fv_prim_free(*out);
        *out = NULL;
        return status;
    }
    snprintf((*out)->implementation, sizeof(*out)->implementation, "%s", name);
    return FV_OK;
}

void fv_prim_free(fv_prim *prim)
{
    if (!prim) return;
    if (prim->handle) dnnl_primitive_destroy(prim->handle);
    if (prim->desc) dnnl_primitive_desc_destroy(prim->desc);
    fv_free(prim);
}

const char *fv_prim_implementation(const fv_prim *prim)
{
    return prim->implementation;
}

static fv_desc_arg query_desc(const fv_prim *prim, dnnl_query_t query, int index)
{
    return dnnl_primitive_desc_query_md(prim->desc, query, index);
}

fv_status fv_prim_md(fv_md **out, const fv_prim *prim, dnnl_query_t query, fv_error *err)
{
    fv_desc_arg found = query_desc(prim, query, 0);
    if (!found) return fv_fail(err, FV_STATUS_DNN, "oneDNN: primitive has no such descriptor");
    FV_TRY(fv_calloc(out, 1, sizeof **out, err));
#if FV_DNN_V3
    dnnl_status_t s = dnnl_memory_desc_clone(&(*out)->desc, found);
    if (s != dnnl_success) {
        fv_free(*out);
        *out = NULL;
        return fv_dnn_check(s, "memory descriptor", err);
    }
#else
    (*out)->desc = *found;
#endif
    return FV_OK;
}

size_t fv_prim_scratchpad_bytes(const fv_prim *prim)
{
    fv_desc_arg found = query_desc(prim, dnnl_query_scratchpad_md, 0);
    return found ? dnnl_memory_desc_get_size(found) : 0;
}

enum { MAX_ARGS = 12 };

struct fv_call {
    dnnl_primitive_t primitive; /* borrowed */
    dnnl_stream_t stream;       /* borrowed */
    int count;                  /* the scratchpad is one more, at the end */
    int has_scratchpad;
    dnnl_exec_arg_t args[MAX_ARGS + 1];
};

static fv_status add_memory(fv_call *call, int id, fv_desc_arg desc, dnnl_engine_t engine, fv_error *err)
{
    dnnl_exec_arg_t *arg = &call->args[call->count + call->has_scratchpad];
    if (!desc) return fv_fail(err, FV_STATUS_DNN, "oneDNN: primitive does not take argument %d", id);
    arg->arg = id;
    return fv_dnn_check(dnnl_memory_create(&arg->memory, desc, engine, DNNL_MEMORY_NONE), "memory", err);
}

fv_status fv_call_new(fv_call **out, const fv_prim *prim, int count, const fv_arg *args, fv_error *err)
{
    fv_status status;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    FV_TRY(fv_dnn_context(&engine, &stream, err));
    if (count > MAX_ARGS) return fv_fail(err, FV_STATUS_ARGUMENT, "a primitive takes %d arguments", MAX_ARGS);
    FV_TRY(fv_calloc(out, 1, sizeof **out, err));
    fv_call *call = *out;
    call->primitive = prim->handle;
    call->stream = stream;
    for (int i = 0; i < count; i++, call->count++) {
        fv_desc_arg desc =
            args[i].md ? fv_desc(args[i].md) : query_desc(prim, dnnl_query_exec_arg_md, args[i].id);
        FV_TRY_GOTO(add_memory(call, args[i].id, desc, engine, err));
    }
    if (fv_prim_scratchpad_bytes(prim)) {
        FV_TRY_GOTO(add_memory(call, DNNL_ARG_SCRATCHPAD, query_desc(prim, dnnl_query_scratchpad_md, 0),
                               engine, err));
        call->has_scratchpad = 1;
    }
    return FV_OK;
done:
    fv_call_free(call);
    *out = NULL;
    return status;
}

void fv_call_free(fv_call *call)
{
    if (!call) return;
    for (int i = 0; i < call->count + call->has_scratchpad; i++)
        if (call->args[i].memory) dnnl_memory_destroy(call->args[i].memory);
    fv_free(call);
}

static fv_status set_handle(dnnl_memory_t memory, void *data, fv_error *err)
{
    return fv_dnn_check(dnnl_memory_set_data_handle(memory, data), "data handle", err);
}

fv_status fv_call_run(fv_call *call, void *const *data, void *scratchpad, fv_error *err)
{
    for (int i = 0; i < call->count; i++) FV_TRY(set_handle(call->args[i].memory, data[i], err));
    if (call->has_scratchpad) FV_TRY(set_handle(call->args[call->count].memory, scratchpad, err));
    FV_DNN("execution", dnnl_primitive_execute(call->primitive, call->stream,
                                               call->count + call->has_scratchpad, call->args));
    FV_DNN("execution", dnnl_stream_wait(call->stream));
    return FV_OK;
}
