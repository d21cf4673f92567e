/* fovea.core.picture: colours and drawing on RGB tensors (src/cam/picture.h). Pixels count from 1 here;
 * strokes are in continuous coordinates, where 0.5, 0.5 is the centre of the first pixel. */
#include "cam/picture.h"
#include "bind/fvl.h"
#include "cam/window.h"

/* {r, g, b} at arg, 0..255 each. */
static void check_colour(lua_State *L, int arg, float colour[3])
{
    luaL_checktype(L, arg, LUA_TTABLE);
    for (int i = 0; i < 3; i++) {
        int ok;
        lua_rawgeti(L, arg, i + 1);
        colour[i] = (float)lua_tonumberx(L, -1, &ok);
        luaL_argcheck(L, ok, arg, "a colour is a list of three numbers, 0..255");
        lua_pop(L, 1);
    }
}

/* colour(map, table, low, high) -> picture */
static int l_colour(lua_State *L)
{
    fv_error err;
    lua_settop(L, 4);
    fv_tensor *map = fvl_check_tensor(L, 1), *table = fvl_check_tensor(L, 2);
    double low = luaL_checknumber(L, 3), high = luaL_checknumber(L, 4);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_picture_colour(out, map, table, low, high, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* blend(below, above, alpha[, weight map]) -> picture */
static int l_blend(lua_State *L)
{
    fv_error err;
    lua_settop(L, 4);
    fv_tensor *below = fvl_check_tensor(L, 1), *above = fvl_check_tensor(L, 2);
    double alpha = luaL_checknumber(L, 3);
    fv_tensor *weight = lua_isnil(L, 4) ? NULL : fvl_check_tensor(L, 4), **out = fvl_new_tensor(L);
    if (fv_picture_blend(out, below, above, alpha, weight, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* contour(picture, mask, colour[, thickness]): draws into picture and returns it. */
static int l_contour(lua_State *L)
{
    fv_error err;
    float colour[3];
    lua_settop(L, 4);
    fv_tensor *picture = fvl_check_tensor(L, 1), *mask = fvl_check_tensor(L, 2);
    check_colour(L, 3, colour);
    lua_Integer thickness = luaL_optinteger(L, 4, 1);
    luaL_argcheck(L, thickness >= 1 && thickness <= 64, 4, "thickness is not in 1..64");
    if (fv_picture_contour(picture, mask, colour, (int)thickness, &err)) return fvl_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* A pixel index or extent: kept small enough that sums of two cannot overflow. */
static int64_t check_pixel(lua_State *L, int arg)
{
    lua_Integer v = luaL_checkinteger(L, arg);
    luaL_argcheck(L, v >= -1000000000 && v <= 1000000000, arg, "too far from the picture");
    return v;
}

/* rectangle(picture, top, left, height, width, colour) -> picture */
static int l_rectangle(lua_State *L)
{
    fv_error err;
    float colour[3];
    lua_settop(L, 6);
    fv_tensor *picture = fvl_check_tensor(L, 1);
    int64_t top = check_pixel(L, 2) - 1, left = check_pixel(L, 3) - 1;
    int64_t height = check_pixel(L, 4), width = check_pixel(L, 5);
    check_colour(L, 6, colour);
    if (fv_picture_rectangle(picture, top, left, height, width, colour, &err)) return fvl_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* paste(picture, part, top, left) -> picture */
static int l_paste(lua_State *L)
{
    fv_error err;
    lua_settop(L, 4);
    fv_tensor *picture = fvl_check_tensor(L, 1), *part = fvl_check_tensor(L, 2);
    int64_t top = check_pixel(L, 3) - 1, left = check_pixel(L, 4) - 1;
    if (fv_picture_paste(picture, part, top, left, &err)) return fvl_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* strokes(picture, {x0, y0, x1, y1, ...}, radius, colour) -> picture */
static int l_strokes(lua_State *L)
{
    fv_error err;
    float colour[3];
    lua_settop(L, 4);
    fv_tensor *picture = fvl_check_tensor(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    double radius = luaL_checknumber(L, 3);
    check_colour(L, 4, colour);
    size_t n = lua_rawlen(L, 2);
    luaL_argcheck(L, n % 4 == 0, 2, "wants four numbers per segment");
    double *segments = lua_newuserdatauv(L, (n + 1) * sizeof *segments, 0);
    for (size_t i = 0; i < n; i++) {
        int ok;
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        segments[i] = lua_tonumberx(L, -1, &ok);
        luaL_argcheck(L, ok && segments[i] > -1e9 && segments[i] < 1e9, 2, "wants numbers near the picture");
        lua_pop(L, 1);
    }
    if (fv_picture_strokes(picture, segments, n / 4, radius, colour, &err)) return fvl_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* window(tensor, top, left, height, width[, "zero"|"reflect"]) -> tensor: of the last two axes */
static int l_window(lua_State *L)
{
    static const char *const fills[] = {"zero", "reflect", NULL};
    fv_error err;
    lua_settop(L, 6);
    fv_tensor *src = fvl_check_tensor(L, 1);
    int64_t top = check_pixel(L, 2) - 1, left = check_pixel(L, 3) - 1;
    int64_t height = check_pixel(L, 4), width = check_pixel(L, 5);
    fv_window_fill fill = (fv_window_fill)luaL_checkoption(L, 6, "zero", fills);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_window(out, src, top, left, height, width, fill, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

int fvl_open_picture(lua_State *L);
int fvl_open_picture(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"colour", l_colour}, {"blend", l_blend},     {"contour", l_contour}, {"rectangle", l_rectangle},
        {"paste", l_paste},   {"strokes", l_strokes}, {"window", l_window},   {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "picture");
    return 0;
}
