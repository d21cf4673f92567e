#include "hdf5/walk.h"

#include <string.h>

#define REFUSE(code, ...)                                                                                    \
    do {                                                                                                     \
        status = fv_fail(err, code, __VA_ARGS__);                                                            \
        goto done;                                                                                           \
    } while (0)

/* --- where the elements are --- */

static fv_status check_filters(hid_t plist, const char *path, fv_error *err)
{
    int count = H5Pget_nfilters(plist);
    if (count < 0) return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (filters of '%.200s')", path);
    for (int i = 0; i < count; i++) {
        unsigned flags, config;
        size_t values = 0;
        char name[64] = "";
        H5Z_filter_t id =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
        if (id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_SHUFFLE || id == H5Z_FILTER_FLETCHER32) continue;
        return fv_fail(err, FV_STATUS_UNSUPPORTED,
                       "'%.200s' is compressed by filter %d; deflate and shuffle are supported", path,
                       (int)id);
    }
    return FV_OK;
}

static fv_status check_chunks(hid_t dataset, hid_t plist, const h5_array *array, const char *path,
                              const h5_tree *tree, fv_error *err)
{
    hsize_t dims[FV_MAX_RANK];
    size_t bytes = H5Tget_size(array->type), wanted = 1;
    if (H5Pget_chunk(plist, array->shape.rank, dims) != array->shape.rank)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (chunks of '%.200s')", path);
    for (int i = 0; i < array->shape.rank; i++) {
        if (dims[i] && bytes > tree->budget / dims[i])
            return fv_fail(err, FV_STATUS_FORMAT, "the chunks of '%.200s' claim more than %zu bytes each",
                           path, tree->budget);
        bytes *= dims[i];
        if (dims[i]) wanted *= ((size_t)array->shape.dim[i] + dims[i] - 1) / dims[i];
    }
    hsize_t present = 0;
    hid_t space = H5Dget_space(dataset);
    herr_t counted = H5Dget_num_chunks(dataset, space, &present);
    H5Sclose(space);
    if (counted < 0 || present != wanted)
        return fv_fail(err, FV_STATUS_FORMAT, "elements of '%.200s' are missing in the file", path);
    return check_filters(plist, path, err);
}

/* Elements in one block: all of it must be in the file, in the element size of the file. */
static fv_status check_block(hid_t dataset, size_t bytes, const char *path, const h5_tree *tree,
                             fv_error *err)
{
    haddr_t offset = H5Dget_offset(dataset);
    hsize_t storage = H5Dget_storage_size(dataset);
    if (offset == HADDR_UNDEF || storage < bytes || storage > tree->file_size ||
        offset > tree->file_size - storage)
        return fv_fail(err, FV_STATUS_FORMAT,
                       "elements of '%.200s' are missing in the file (%zu bytes wanted)", path, bytes);
    return FV_OK;
}

static fv_status check_storage(hid_t dataset, const h5_array *array, size_t stored, const char *path,
                               const h5_tree *tree, fv_error *err)
{
    fv_status status = FV_OK;
    hid_t plist = H5Dget_create_plist(dataset);
    H5D_layout_t layout = plist < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plist);
    if (layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
        REFUSE(layout < 0 ? FV_STATUS_FORMAT : FV_STATUS_UNSUPPORTED,
               "'%.200s' is stored in a way that is refused (%s)", path,
               layout == H5D_VIRTUAL   ? "virtual"
               : layout == H5D_COMPACT ? "compact"
                                       : "unknown");
    if (H5Pget_external_count(plist) != 0)
        REFUSE(FV_STATUS_UNSUPPORTED, "'%.200s' keeps its elements in another file, which is refused", path);
    if (stored == 0) goto done;
    if (layout == H5D_CHUNKED)
        FV_TRY_GOTO(check_chunks(dataset, plist, array, path, tree, err));
    else
        FV_TRY_GOTO(check_block(dataset, stored, path, tree, err));
done:
    if (plist >= 0) H5Pclose(plist);
    return status;
}

/* --- what the elements are --- */

typedef struct memory_type {
    hid_t native;
    fv_dtype dtype;
} memory_type;

/* The native type that holds all values of a number type of the file; dtype FV_DTYPE_COUNT when there is
 * none. Half precision becomes single. */
static memory_type choose_type(hid_t type)
{
    size_t size = H5Tget_size(type);
    H5T_class_t class = H5Tget_class(type);
    if (class == H5T_FLOAT && (size == 2 || size == 4)) return (memory_type){H5T_NATIVE_FLOAT, FV_DTYPE_F32};
    if (class == H5T_FLOAT && size == 8) return (memory_type){H5T_NATIVE_DOUBLE, FV_DTYPE_F64};
    if (class != H5T_INTEGER || size > 8 || size == 0) return (memory_type){H5I_INVALID_HID, FV_DTYPE_COUNT};
    if (H5Tget_sign(type) == H5T_SGN_NONE && size == 8) return (memory_type){H5T_NATIVE_UINT64, FV_DTYPE_U64};
    return (memory_type){H5T_NATIVE_INT64, FV_DTYPE_I64};
}

static fv_status read_type(h5_array *array, hid_t dataset, size_t *file_size, const char *path, fv_error *err)
{
    fv_status status = FV_OK;
    hid_t type = H5Dget_type(dataset);
    if (type < 0) return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (type of '%.200s')", path);
    *file_size = H5Tget_size(type);
    memory_type memory = choose_type(type);
    if (*file_size == 2 && memory.dtype != FV_DTYPE_F32 && h5_says_bfloat16(dataset)) {
        array->type = H5Tcopy(type);
        array->dtype = FV_DTYPE_BF16;
    } else if (memory.dtype != FV_DTYPE_COUNT) {
        array->type = H5Tcopy(memory.native);
        array->dtype = memory.dtype;
    } else
        REFUSE(FV_STATUS_UNSUPPORTED, "'%.200s' does not hold numbers of a type that is supported", path);
    if (array->type < 0) REFUSE(FV_STATUS_MEMORY, "not enough memory");
done:
    H5Tclose(type);
    return status;
}

static fv_status read_shape(h5_array *array, hid_t dataset, const char *path, fv_error *err)
{
    fv_status status = FV_OK;
    hsize_t dims[FV_MAX_RANK];
    size_t count;
    hid_t space = H5Dget_space(dataset);
    H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int rank = class == H5S_SIMPLE || class == H5S_SCALAR ? H5Sget_simple_extent_ndims(space) : -1;
    if (rank < 0) REFUSE(FV_STATUS_FORMAT, "damaged HDF5 file (shape of '%.200s')", path);
    if (rank > FV_MAX_RANK)
        REFUSE(FV_STATUS_UNSUPPORTED, "'%.200s' has %d dimensions; at most %d are supported", path, rank,
               FV_MAX_RANK);
    if (rank && H5Sget_simple_extent_dims(space, dims, NULL) != rank)
        REFUSE(FV_STATUS_FORMAT, "damaged HDF5 file (shape of '%.200s')", path);
    array->shape.rank = rank;
    for (int i = 0; i < rank; i++) {
        array->shape.dim[i] = (int64_t)dims[i];
        if (dims[i] > INT64_MAX) REFUSE(FV_STATUS_FORMAT, "the shape of '%.200s' is too large", path);
    }
    if (fv_shape_count(&array->shape, &count, NULL) != FV_OK || count > SIZE_MAX / 16)
        REFUSE(FV_STATUS_FORMAT, "the shape of '%.200s' is too large", path);
    array->bytes = count;
done:
    if (space >= 0) H5Sclose(space);
    return status;
}

fv_status h5_array_open(h5_array *array, hid_t dataset, const char *path, const h5_tree *tree, fv_error *err)
{
    size_t file_size = 0;
    FV_TRY(read_shape(array, dataset, path, err));
    FV_TRY(read_type(array, dataset, &file_size, path, err));
    size_t stored = array->bytes * file_size;
    array->bytes *= fv_dtype_size(array->dtype);
    fv_status status = check_storage(dataset, array, stored, path, tree, err);
    if (status != FV_OK) H5Tclose(array->type);
    return status;
}
