#include "io/mapping.h"

#include "base/alloc.h"

struct fv_mapping {
    fv_file file;
    int refs; /* changed atomically */
};

fv_status fv_mapping_open(fv_mapping **out, const char *path, size_t limit, fv_error *err)
{
    fv_mapping *mapping;
    *out = NULL;
    FV_TRY(fv_calloc(&mapping, 1, sizeof *mapping, err));
    fv_status status = fv_file_map(&mapping->file, path, limit, err);
    if (status != FV_OK) {
        fv_free(mapping);
        return status;
    }
    mapping->refs = 1;
    *out = mapping;
    return FV_OK;
}

void fv_mapping_release(fv_mapping *mapping)
{
    if (!mapping || __atomic_sub_fetch(&mapping->refs, 1, __ATOMIC_ACQ_REL) > 0) return;
    fv_file_close(&mapping->file);
    fv_free(mapping);
}

const fv_file *fv_mapping_file(const fv_mapping *mapping)
{
    return &mapping->file;
}

static void release(void *context)
{
    fv_mapping_release(context);
}

enum { WORTH_IT = 1 << 16 }; /* bytes: smaller tensors are not worth a share in a page */

/* Elements as the machine has them: float32, little-endian, in place for the processor. */
static int usable(fv_dtype dtype, const uint8_t *data, size_t bytes)
{
    const uint16_t one = 1;
    return dtype == FV_DTYPE_F32 && bytes >= WORTH_IT && (uintptr_t)data % sizeof(float) == 0 &&
           *(const uint8_t *)&one == 1;
}

fv_status fv_mapping_tensor(fv_tensor **out, fv_mapping *mapping, const fv_shape *shape, fv_dtype dtype,
                            const uint8_t *data, fv_error *err)
{
    size_t count;
    *out = NULL;
    FV_TRY(fv_shape_count(shape, &count, err));
    if (mapping && usable(dtype, data, count * sizeof(float))) {
        __atomic_add_fetch(&mapping->refs, 1, __ATOMIC_RELAXED);
        return fv_tensor_wrap(out, shape, (float *)(uintptr_t)data, release, mapping, err);
    }
    FV_TRY(fv_tensor_new(out, shape, err));
    fv_dtype_to_f32((*out)->data, dtype, data, count);
    return FV_OK;
}
