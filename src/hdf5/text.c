#include "hdf5/walk.h"

#include "base/alloc.h"
#include <stdio.h>
#include <string.h>

enum { TEXT_MOST = 16 << 20, STRINGS_MOST = 100000, LISTS_MOST = 1000 };

/* --- the value of an attribute --- */

/* NULL for bytes that are no UTF-8. */
static json_t *to_json(const char *bytes, size_t most)
{
    size_t size = 0;
    while (size < most && bytes[size]) size++;
    return json_stringn(bytes, size);
}

/* Strings of variable length: an array of pointers, which the library allocates. */
static fv_status read_variable(json_t *list, hid_t attribute, hid_t type, hid_t space, size_t count,
                               h5_tree *tree, fv_error *err)
{
    fv_status status;
    char **strings = NULL;
    hid_t memory = H5Tcopy(H5T_C_S1);
    int filled = 0;
    FV_TRY_GOTO(fv_calloc(&strings, count, sizeof *strings, err));
    H5Tset_size(memory, H5T_VARIABLE);
    H5Tset_cset(memory, H5Tget_cset(type));
    filled = H5Aread(attribute, memory, strings) >= 0;
    if (!filled) status = fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (a text cannot be read)");
    for (size_t i = 0; filled && i < count; i++) {
        const char *text = strings[i] ? strings[i] : "";
        tree->text += strlen(text);
        json_array_append_new(list, tree->text > TEXT_MOST ? NULL : to_json(text, strlen(text)));
    }
done:
    if (filled) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, strings);
    H5Tclose(memory);
    fv_free(strings);
    return status;
}

static fv_status read_fixed(json_t *list, hid_t attribute, hid_t type, size_t count, h5_tree *tree,
                            fv_error *err)
{
    char *bytes;
    size_t size = H5Tget_size(type);
    if (size == 0 || count > TEXT_MOST / size || tree->text > TEXT_MOST - count * size)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (attributes of too many bytes)");
    tree->text += count * size;
    FV_TRY(fv_calloc(&bytes, count * size, 1, err));
    fv_status status = FV_OK;
    if (H5Aread(attribute, type, bytes) < 0)
        status = fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (a text cannot be read)");
    for (size_t i = 0; status == FV_OK && i < count; i++)
        json_array_append_new(list, to_json(bytes + i * size, size));
    fv_free(bytes);
    return status;
}

static fv_status read_strings(json_t *list, hid_t attribute, hid_t type, hid_t space, size_t count,
                              h5_tree *tree, fv_error *err)
{
    if (count > STRINGS_MOST)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (an attribute of %zu texts)", count);
    if (H5Tis_variable_str(type) > 0)
        FV_TRY(read_variable(list, attribute, type, space, count, tree, err));
    else
        FV_TRY(read_fixed(list, attribute, type, count, tree, err));
    if (json_array_size(list) != count)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (texts that are too long or not UTF-8)");
    return FV_OK;
}

/* *out: a string, a list, or NULL for an attribute that is no text. An empty list of names is stored as an
 * empty list of numbers. */
static fv_status read_attribute(json_t **out, hid_t attribute, h5_tree *tree, fv_error *err)
{
    fv_status status = FV_OK;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    json_t *list = json_array();
    *out = NULL;
    hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (type < 0 || count < 0)
        status = fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (an attribute cannot be read)");
    else if (count > 0 && H5Tget_class(type) == H5T_STRING)
        status = read_strings(list, attribute, type, space, (size_t)count, tree, err);
    if (status == FV_OK && (count == 0 || json_array_size(list))) {
        *out = H5Sget_simple_extent_type(space) == H5S_SCALAR ? json_array_get(list, 0) : list;
        json_incref(*out);
    }
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    json_decref(list);
    return status;
}

/* --- the attributes of a group --- */

/* Adds the attribute to object; *found: whether there is one of that name. */
static fv_status add_text(h5_tree *tree, json_t *object, hid_t group, const char *name, int *found,
                          fv_error *err)
{
    json_t *value;
    htri_t present = H5Aexists(group, name);
    *found = present > 0;
    if (present == 0) return FV_OK;
    hid_t attribute = present < 0 ? H5I_INVALID_HID : H5Aopen(group, name, H5P_DEFAULT);
    if (attribute < 0)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (attribute '%s' cannot be read)", name);
    fv_status status = read_attribute(&value, attribute, tree, err);
    H5Aclose(attribute);
    if (status == FV_OK && value) json_object_set_new(object, name, value);
    return status;
}

/* A list that does not fit into one attribute is split: NAME0, NAME1, ... */
static fv_status add_list(h5_tree *tree, json_t *object, hid_t group, const char *name, fv_error *err)
{
    char part[64];
    int found;
    FV_TRY(add_text(tree, object, group, name, &found, err));
    for (int i = 0; i < LISTS_MOST && !(i == 0 && found); i++) {
        snprintf(part, sizeof part, "%s%d", name, i);
        FV_TRY(add_text(tree, object, group, part, &found, err));
        if (!found) break;
    }
    return FV_OK;
}

fv_status h5_texts_read(h5_tree *tree, hid_t group, const char *path, fv_error *err)
{
    static const char *const names[] = {"keras_version", "backend", "model_config", "name", NULL};
    static const char *const lists[] = {"layer_names", "weight_names", NULL};
    fv_status status = FV_OK;
    int found;
    json_t *object = json_object();
    for (int i = 0; names[i]; i++) FV_TRY_GOTO(add_text(tree, object, group, names[i], &found, err));
    for (int i = 0; lists[i]; i++) FV_TRY_GOTO(add_list(tree, object, group, lists[i], err));
    if (json_object_size(object) && json_object_set(tree->texts, path, object) != 0)
        status = fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (a name is not UTF-8)");
done:
    json_decref(object);
    return status;
}

int h5_says_bfloat16(hid_t dataset)
{
    h5_tree scrap = {0};
    fv_error err;
    json_t *value = NULL;
    hid_t attribute =
        H5Aexists(dataset, "dtype") > 0 ? H5Aopen(dataset, "dtype", H5P_DEFAULT) : H5I_INVALID_HID;
    if (attribute < 0) return 0;
    int says = read_attribute(&value, attribute, &scrap, &err) == FV_OK && json_is_string(value) &&
               strcmp(json_string_value(value), "bfloat16") == 0;
    json_decref(value);
    H5Aclose(attribute);
    return says;
}
