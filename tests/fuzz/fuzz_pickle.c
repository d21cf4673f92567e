/* Any bytes are a pickle whose values refer to each other within limits, or a clean error. */
#include "base/alloc.h"
#include "io/torch.h"

static int is_container(const fv_pickle_value *value)
{
    return value->kind == FV_PICKLE_TUPLE || value->kind == FV_PICKLE_LIST || value->kind == FV_PICKLE_DICT;
}

static void check(const fv_pickle *pickle, const uint8_t *bytes, size_t size)
{
    const char *end = (const char *)bytes + size;
    if (pickle->root >= pickle->count || pickle->count > FV_PICKLE_VALUES_MOST) __builtin_trap();
    for (size_t i = 0; i < pickle->count; i++) {
        const fv_pickle_value *value = &pickle->values[i];
        if (value->depth > FV_PICKLE_DEPTH_MOST) __builtin_trap();
        for (uint32_t k = 0; is_container(value) && k < value->as.items.count; k++)
            if (value->as.items.ids[k] >= pickle->count) __builtin_trap();
        if (value->kind == FV_PICKLE_DICT && value->as.items.count % 2) __builtin_trap();
        if (value->kind == FV_PICKLE_STRING && (value->as.text.bytes < (const char *)bytes ||
                                                (size_t)(end - value->as.text.bytes) < value->as.text.size))
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    size_t used;
    fv_torch torch = {.elements_most = 1 << 20};
    fv_pickle_caller caller = fv_torch_caller;
    caller.context = &torch;
    if (fv_pickle_run(&torch.pickle, bytes, size, &used, &caller, &err) == FV_OK)
        check(&torch.pickle, bytes, size);
    if (used > size) __builtin_trap();
    fv_pickle_free(&torch.pickle);
    fv_free(torch.tensors);
    fv_free(torch.storages);
    return 0;
}
