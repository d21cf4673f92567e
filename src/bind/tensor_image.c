/* Tensors as images and masks in Lua: components, distance, resize. */
#include "bind/tensor.h"
#include "tensor/label.h"
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

int fvl_open_tensor_image(lua_State *L);
int fvl_open_tensor_image(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"components", m_components}, {"distance", m_distance}, {"resize", m_resize}, {NULL, NULL}};
    fvl_tensor_extend(L, methods, NULL);
    return 0;
}
