/* fovea.Tensor in Lua. */
#include "bind/fvl.h"

fv_tensor *fvl_check_tensor(lua_State *L, int arg)
{
    return fvl_unbox(L, arg, FVL_TENSOR);
}

fv_tensor *fvl_test_tensor(lua_State *L, int arg)
{
    fv_tensor **box = luaL_testudata(L, arg, FVL_TENSOR);
    return box ? *box : NULL;
}

fv_tensor **fvl_new_tensor(lua_State *L)
{
    return (fv_tensor **)fvl_box(L, FVL_TENSOR, 0);
}

int fvl_tensor_filled(lua_State *L)
{
    (void)L;
    return 1;
}

fv_shape fvl_check_shape(lua_State *L, int arg, const char *what)
{
    fv_shape shape = {0};
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_Integer rank = luaL_len(L, arg);
    if (rank > FV_MAX_RANK) luaL_error(L, "%s: at most %d dimensions, not %d", what, FV_MAX_RANK, (int)rank);
    shape.rank = (int)rank;
    for (int i = 0; i < shape.rank; i++) {
        int ok;
        lua_rawgeti(L, arg, i + 1);
        shape.dim[i] = lua_tointegerx(L, -1, &ok);
        if (!ok || shape.dim[i] < 0) luaL_error(L, "%s: dimension %d must be an integer >= 0", what, i + 1);
        lua_pop(L, 1);
    }
    return shape;
}

void fvl_push_shape(lua_State *L, const fv_shape *shape)
{
    lua_createtable(L, shape->rank, 0);
    for (int i = 0; i < shape->rank; i++) {
        lua_pushinteger(L, shape->dim[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

static int mm_gc(lua_State *L)
{
    fv_tensor **box = luaL_checkudata(L, 1, FVL_TENSOR);
    fv_tensor_release(*box);
    *box = NULL;
    return 0;
}

int fvl_open_tensor(lua_State *L);
int fvl_open_tensor(lua_State *L)
{
    static const luaL_Reg methods[] = {{NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", mm_gc}, {NULL, NULL}};
    fvl_class(L, FVL_TENSOR, methods, metamethods);
    return 0;
}
