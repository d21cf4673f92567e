#include "hdf5/walk.h"

#include "base/alloc.h"
#include <stdio.h>
#include <string.h>

enum { PATH_MOST = 1024, DEPTH_MOST = 32, LINKS_MOST = 100000, ARRAYS_MOST = 20000 };

static fv_status add_array(h5_tree *tree, hid_t dataset, const char *path, fv_error *err)
{
    if (tree->count == ARRAYS_MOST)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "more than %d data sets", ARRAYS_MOST);
    if (tree->count == tree->room) {
        size_t room = tree->room ? 2 * tree->room : 64;
        FV_TRY(fv_realloc(&tree->arrays, room, sizeof *tree->arrays, err));
        tree->room = room;
    }
    h5_array *array = &tree->arrays[tree->count];
    *array = (h5_array){.dataset = H5I_INVALID_HID, .type = H5I_INVALID_HID};
    FV_TRY(h5_array_open(array, dataset, path, tree, err));
    if (array->bytes > tree->budget - tree->bytes)
        return fv_fail(err, FV_STATUS_FORMAT,
                       "'%.200s' and what precedes it claim more than %zu bytes in a file of %zu", path,
                       tree->budget, tree->file_size);
    tree->bytes += array->bytes;
    FV_TRY(fv_strdup(&array->path, path, err));
    H5Iinc_ref(dataset);
    array->dataset = dataset;
    tree->count++;
    return FV_OK;
}

/* --- groups --- */

/* What an optimiser remembers is of no use here and may be twice as large as the weights. */
static int is_left_out(const char *path)
{
    return strcmp(path, "optimizer_weights") == 0 || strcmp(path, "optimizer") == 0 ||
           strcmp(path, "_optimizer") == 0;
}

static fv_status read_group(h5_tree *tree, hid_t group, const char *path, int depth, fv_error *err);

static fv_status read_object(h5_tree *tree, hid_t object, const char *path, int depth, fv_error *err)
{
    switch (H5Iget_type(object)) {
    case H5I_GROUP:
        return read_group(tree, object, path, depth + 1, err);
    case H5I_DATASET:
        return add_array(tree, object, path, err);
    default: /* a named type */
        return FV_OK;
    }
}

/* path: of the group on entry, of the link inside. */
static fv_status read_link(h5_tree *tree, hid_t group, hsize_t index, char *path, int depth, fv_error *err)
{
    H5L_info_t info;
    size_t length = strlen(path), at = length ? length + 1 : 0;
    ssize_t size = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, path + at,
                                      PATH_MOST - at, H5P_DEFAULT);
    if (size <= 0 ||
        H5Lget_info_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, &info, H5P_DEFAULT) < 0)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (group '/%.200s' cannot be listed)",
                       length ? path : "");
    if ((size_t)size >= PATH_MOST - at) return fv_fail(err, FV_STATUS_UNSUPPORTED, "a path is too long");
    if (length) path[length] = '/';
    if (is_left_out(path)) return FV_OK;
    if (info.type != H5L_TYPE_HARD)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "'%.200s' is %s link, which is refused", path,
                       info.type == H5L_TYPE_SOFT       ? "a soft"
                       : info.type == H5L_TYPE_EXTERNAL ? "an external"
                                                        : "a user-defined");
    hid_t object = H5Oopen(group, path + at, H5P_DEFAULT);
    if (object < 0)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file ('%.200s' cannot be opened)", path);
    fv_status status = read_object(tree, object, path, depth, err);
    H5Oclose(object);
    return status;
}

static fv_status read_group(h5_tree *tree, hid_t group, const char *path, int depth, fv_error *err)
{
    H5G_info_t info;
    char inner[PATH_MOST];
    if (depth > DEPTH_MOST)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "groups are nested more than %d deep", DEPTH_MOST);
    FV_TRY(h5_texts_read(tree, group, path, err));
    if (H5Gget_info(group, &info) < 0)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (group '/%.200s' cannot be read)", path);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        if (++tree->links > LINKS_MOST)
            return fv_fail(err, FV_STATUS_UNSUPPORTED, "more than %d groups and data sets", LINKS_MOST);
        snprintf(inner, sizeof inner, "%s", path);
        FV_TRY(read_link(tree, group, i, inner, depth, err));
    }
    return FV_OK;
}

fv_status h5_tree_read(h5_tree *tree, hid_t file, fv_error *err)
{
    tree->texts = json_object();
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    if (root < 0) return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (no root group)");
    fv_status status = read_group(tree, root, "", 0, err);
    H5Gclose(root);
    return status;
}

void h5_tree_free(h5_tree *tree)
{
    for (size_t i = 0; i < tree->count; i++) {
        H5Dclose(tree->arrays[i].dataset);
        H5Tclose(tree->arrays[i].type);
        fv_free(tree->arrays[i].path);
    }
    fv_free(tree->arrays);
    json_decref(tree->texts);
}
