/* The bytes of storages and the elements of tensors. */
#include "base/alloc.h"
#include "io/shown.h"
#include "io/torch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- where storages lie --- */

static fv_status fail_storage(fv_error *err, const fv_torch_storage *storage, const char *what)
{
    char key[FV_SHOWN_TEXT];
    return fv_fail(err, FV_STATUS_FORMAT, "damaged PyTorch file (storage '%s' %s)",
                   fv_shown(key, storage->key, storage->key_size), what);
}

/* FOLDER/data/KEY */
fv_status fv_torch_find_entries(fv_torch *torch, const char *folder, fv_error *err)
{
    char name[2 * FV_ERROR_TEXT];
    for (size_t i = 0; i < torch->storage_count; i++) {
        fv_torch_storage *storage = &torch->storages[i];
        size_t bytes;
        if (storage->key_size > FV_SHOWN_TEXT) return fail_storage(err, storage, "has too long a key");
        snprintf(name, sizeof name, "%sdata/%.*s", folder, (int)storage->key_size, storage->key);
        storage->entry = fv_zip_find(torch->zip, name);
        if (!storage->entry) return fail_storage(err, storage, "is missing");
        if (!fv_mul_size(storage->count, fv_dtype_size(storage->dtype), &bytes) ||
            bytes != storage->entry->size)
            return fail_storage(err, storage, "has another size than the file says");
    }
    return FV_OK;
}

static int by_key(const void *a, const void *b)
{
    const fv_torch_storage *x = *(fv_torch_storage *const *)a, *y = *(fv_torch_storage *const *)b;
    if (x->key_size != y->key_size) return x->key_size < y->key_size ? -1 : 1;
    return memcmp(x->key, y->key, x->key_size);
}

/* The block of a key begins with its number of elements; all storages of that key get it. */
static fv_status assign_block(fv_torch_storage **first, fv_torch_storage **end, const uint8_t *data,
                              size_t size, size_t *at, fv_error *err)
{
    uint64_t count = 0;
    size_t bytes;
    fv_torch_storage *storage = *first;
    if (storage->data) return fail_storage(err, storage, "comes twice");
    if (size - *at < 8) return fail_storage(err, storage, "is cut off");
    for (int i = 0; i < 8; i++) count |= (uint64_t)data[*at + (size_t)i] << (8 * i);
    *at += 8;
    if (count != storage->count || !fv_mul_size(storage->count, fv_dtype_size(storage->dtype), &bytes))
        return fail_storage(err, storage, "has another size than the file says");
    if (bytes > size - *at) return fail_storage(err, storage, "is cut off");
    for (fv_torch_storage **other = first; other < end && by_key(first, other) == 0; other++) {
        if ((*other)->dtype != storage->dtype || (*other)->count != storage->count)
            return fail_storage(err, storage, "is of two kinds");
        (*other)->data = data + *at;
    }
    *at += bytes;
    return FV_OK;
}

/* The first of the sorted storages with that key, or NULL. */
static fv_torch_storage **find_key(fv_torch_storage **sorted, size_t count, const fv_pickle_value *key)
{
    fv_torch_storage wanted = {.key = key->as.text.bytes, .key_size = key->as.text.size}, *ref = &wanted;
    if (!count || key->kind != FV_PICKLE_STRING) return NULL;
    fv_torch_storage **found = bsearch(&ref, sorted, count, sizeof ref, by_key);
    while (found && found > sorted && by_key(found - 1, found) == 0) found--;
    return found;
}

static fv_status assign_blocks(fv_torch_storage **sorted, size_t count, const fv_pickle *pickle,
                               const uint8_t *data, size_t size, fv_error *err)
{
    size_t at = 0;
    const fv_pickle_value *keys = &pickle->values[pickle->root];
    if (keys->kind != FV_PICKLE_LIST)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged PyTorch file (no list of storages)");
    for (size_t i = 0; i < keys->as.items.count; i++) {
        fv_torch_storage **first = find_key(sorted, count, fv_pickle_item(pickle, keys, i));
        if (!first)
            return fv_fail(err, FV_STATUS_FORMAT, "damaged PyTorch file (a storage that nothing uses)");
        FV_TRY(assign_block(first, sorted + count, data, size, &at, err));
    }
    for (size_t i = 0; i < count; i++)
        if (!sorted[i]->data) return fail_storage(err, sorted[i], "is missing");
    return FV_OK;
}

fv_status fv_torch_find_blocks(fv_torch *torch, const uint8_t *data, size_t size, fv_error *err)
{
    fv_status status;
    size_t used = 0, count = torch->storage_count;
    fv_torch_storage **sorted = NULL;
    fv_pickle keys = {0};
    FV_TRY_GOTO(fv_pickle_run(&keys, data, size, &used, NULL, err));
    FV_TRY_GOTO(fv_calloc(&sorted, count, sizeof *sorted, err));
    for (size_t i = 0; i < count; i++) sorted[i] = &torch->storages[i];
    if (count) qsort(sorted, count, sizeof *sorted, by_key);
    FV_TRY_GOTO(assign_blocks(sorted, count, &keys, data + used, size - used, err));
done:
    fv_free(sorted);
    fv_pickle_free(&keys);
    return status;
}

/* --- elements --- */

/* The first byte that tensors of a storage may use. Entries of archives are read, and the last one is kept:
 * tensors that share a storage mostly follow each other. */
static fv_status storage_bytes(const uint8_t **out, fv_torch *torch, const fv_torch_storage *storage,
                               fv_error *err)
{
    const uint8_t *data = storage->data;
    if (storage->entry) {
        if (torch->loaded != storage->entry) {
            torch->loaded = NULL;
            FV_TRY(fv_realloc(&torch->block, storage->entry->size + 1, 1, err));
            FV_TRY(fv_zip_read(torch->block, torch->zip, storage->entry, err));
            torch->loaded = storage->entry;
        }
        data = torch->block;
    }
    *out = data + storage->first * fv_dtype_size(storage->dtype);
    return FV_OK;
}

/* Runs of the last axis one after another; `index` counts through the other axes. */
static void gather(fv_tensor *out, const fv_torch_tensor *tensor, fv_dtype dtype, const uint8_t *data)
{
    int64_t index[FV_MAX_RANK] = {0};
    size_t size = fv_dtype_size(dtype), from = tensor->offset, done = 0;
    int last = tensor->shape.rank - 1;
    size_t run = (size_t)tensor->shape.dim[last], step = (size_t)tensor->stride[last];
    while (done < tensor->count) {
        if (step == 1)
            fv_dtype_to_f32(out->data + done, dtype, data + from * size, run);
        else
            for (size_t i = 0; i < run; i++)
                fv_dtype_to_f32(out->data + done + i, dtype, data + (from + i * step) * size, 1);
        done += run;
        for (int axis = last - 1; axis >= 0; axis--) {
            from += (size_t)tensor->stride[axis];
            if (++index[axis] < tensor->shape.dim[axis]) break;
            from -= (size_t)tensor->shape.dim[axis] * (size_t)tensor->stride[axis];
            index[axis] = 0;
        }
    }
}

static int is_contiguous(const fv_torch_tensor *tensor)
{
    int64_t plain[FV_MAX_RANK];
    fv_shape_strides(&tensor->shape, plain);
    for (int i = 0; i < tensor->shape.rank; i++)
        if (tensor->shape.dim[i] != 1 && tensor->stride[i] != plain[i]) return 0;
    return 1;
}

fv_status fv_torch_read(fv_tensor **out, fv_torch *torch, const fv_torch_tensor *tensor, fv_error *err)
{
    const uint8_t *data;
    const fv_torch_storage *storage = &torch->storages[tensor->storage];
    FV_TRY(storage_bytes(&data, torch, storage, err));
    FV_TRY(fv_tensor_new(out, &tensor->shape, err));
    if (!tensor->count) return FV_OK;
    if (is_contiguous(tensor))
        fv_dtype_to_f32((*out)->data, storage->dtype, data + tensor->offset * fv_dtype_size(storage->dtype),
                        tensor->count);
    else
        gather(*out, tensor, storage->dtype, data);
    return FV_OK;
}
