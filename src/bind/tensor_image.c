/* Tensors as images and masks in Lua: components, distance, resize. */
#include "bind/tensor.h"
#include "tensor/label.h"
#include "tensor/region.h"
#include "tensor/resample.h"

/* mask:components{connectivity = 8 or 26} -> labels, number, list of sizes */
static int m_components(lua_State *L)
{
    static const char *const known[] = {"connectivity", NULL};
    fv_error err;
    size_t n;
    fv_tensor *mask = fvl_check_tensor(L, 1);
    fvl_check_keys(L, 2, known, "components");
    lua_Integer connectivity = fvl_opt_integer(L, 2, "connectivity", 0, "components");
    if (connectivity < 0 || connectivity > 26) connectivity = -1; /* the core names the valid ones */
    fv_tensor **labels = fvl_new_tensor(L);
    fvl_tensor_result(L, fv_tensor_components(labels, &n, mask, (int)connectivity, &err), &err);
    lua_pushinteger(L, (lua_Integer)n);
    int64_t *sizes = lua_newuserdatauv(L, (n + 1) * sizeof *sizes, 0);
    fv_component_sizes(sizes, n, *labels);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, sizes[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_remove(L, -2); /* the scratch userdata */
    return 3;
}

/* mask:distance{spacing = {1, 1}}: from every voxel to the nearest one of the mask */
static int m_distance(lua_State *L)
{
    static const char *const known[] = {"spacing", NULL};
    fv_error err;
    double spacing[3] = {1, 1, 1};
    fv_tensor *mask = fvl_check_tensor(L, 1);
    int axes = fv_mask_axes(&mask->shape);
    fvl_check_keys(L, 2, known, "distance");
    if (!lua_isnoneornil(L, 2) && lua_getfield(L, 2, "spacing") != LUA_TNIL) {
        luaL_argcheck(L, lua_istable(L, -1), 2, "spacing must be a list of 2 or 3 numbers");
        lua_Integer n = luaL_len(L, -1);
        luaL_argcheck(L, n == 2 || n == 3, 2, "spacing must be a list of 2 or 3 numbers");
        axes = (int)n;
        for (int i = 0; i < axes; i++, lua_pop(L, 1)) {
            int ok;
            lua_geti(L, -1, i + 1);
            spacing[i] = lua_tonumberx(L, -1, &ok);
            luaL_argcheck(L, ok, 2, "spacing must be a list of 2 or 3 numbers");
        }
    }
    return fvl_tensor_result(L, fv_tensor_distance(fvl_new_tensor(L), mask, axes, spacing, &err), &err);
}

/* t:resize{h, w, mode = "linear", coordinates = "half_pixel"}: as many trailing axes as there are sizes */
static int m_resize(lua_State *L)
{
    static const char *const known[] = {"mode", "coordinates", NULL};
    static const char *const modes[] = {"linear", "nearest", NULL};
    static const char *const rules[] = {"half_pixel", "align_corners", "asymmetric", NULL};
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    fvl_check_named_keys(L, 2, known, "resize");
    int mode = fvl_opt_choice(L, 2, "mode", FV_RESIZE_LINEAR, modes, "resize");
    int rule = fvl_opt_choice(L, 2, "coordinates", FV_COORDINATES_HALF_PIXEL, rules, "resize");
    fv_shape size = fvl_check_shape(L, 2, "resize");
    return fvl_tensor_result(L,
                             fv_tensor_resize(fvl_new_tensor(L), t, size.rank, size.dim, (fv_resize_mode)mode,
                                              (fv_coordinates)rule, &err),
                             &err);
}

/* labels:max_by_label(values, n) -> list of the largest value of each label 1..n */
static int m_max_by_label(lua_State *L)
{
    fv_error err;
    fv_tensor *labels = fvl_check_tensor(L, 1), *values = fvl_check_tensor(L, 2);
    lua_Integer n = luaL_checkinteger(L, 3);
    luaL_argcheck(L, n >= 0 && n <= 1 << 24, 3, "is not a number of labels");
    float *max = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *max, 0);
    if (fv_label_max(max, (size_t)n, labels, values, &err)) return fvl_raise(L, &err);
    lua_createtable(L, (int)n, 0);
    for (lua_Integer i = 0; i < n; i++) {
        lua_pushnumber(L, (lua_Number)max[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* labels:keep_labels{true, false, ...} -> mask of the voxels whose label is kept */
static int m_keep_labels(lua_State *L)
{
    fv_error err;
    fv_tensor *labels = fvl_check_tensor(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t n = (size_t)luaL_len(L, 2);
    unsigned char *keep = lua_newuserdatauv(L, n + 1, 0);
    for (size_t i = 0; i < n; i++) {
        lua_geti(L, 2, (lua_Integer)i + 1);
        keep[i] = (unsigned char)lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    return fvl_tensor_result(L, fv_label_keep(fvl_new_tensor(L), labels, keep, n, &err), &err);
}

/* t:local_mean(size[, axes]): over the window around each voxel of the last axes (2 or 3 as for components)
 */
static int m_local_mean(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    lua_Integer size = luaL_checkinteger(L, 2), axes = luaL_optinteger(L, 3, fv_mask_axes(&t->shape));
    luaL_argcheck(L, axes >= 0 && axes <= FV_MAX_RANK, 3, "is not a number of axes");
    return fvl_tensor_result(L, fv_tensor_local_mean(fvl_new_tensor(L), t, (int)axes, size, &err), &err);
}

int fvl_open_tensor_image(lua_State *L);
int fvl_open_tensor_image(lua_State *L)
{
    static const luaL_Reg methods[] = {{"components", m_components},
                                       {"distance", m_distance},
                                       {"resize", m_resize},
                                       {"max_by_label", m_max_by_label},
                                       {"keep_labels", m_keep_labels},
                                       {"local_mean", m_local_mean},
                                       {NULL, NULL}};
    fvl_tensor_extend(L, methods, NULL);
    return 0;
}
