/* fovea.core.draw: random textures and shapes as fields (src/tensor/noise.h, src/tensor/draw.h). Places are
 * in continuous coordinates, where 0.5, 0.5 is the centre of the first pixel. */
#include "tensor/draw.h"
#include "bind/fvl.h"
#include "tensor/noise.h"

#include <math.h>

/* The side of a grid. */
static int64_t check_side(lua_State *L, int arg)
{
    lua_Integer v = luaL_checkinteger(L, arg);
    luaL_argcheck(L, v >= 1 && v <= 1 << 20, arg, "a side of the grid is in 1..1048576");
    return v;
}

/* The options at 3: seed, cell (pixels), stretch (cell along the angle to cell across), angle, octaves, gain.
 */
static fv_noise check_noise(lua_State *L, const char *what)
{
    static const char *const known[] = {"seed", "cell", "stretch", "angle", "octaves", "gain", NULL};
    fvl_check_keys(L, 3, known, what);
    double cell = fvl_opt_number(L, 3, "cell", 8, what), angle = fvl_opt_number(L, 3, "angle", 0, what);
    lua_Integer octaves = fvl_opt_integer(L, 3, "octaves", 1, what);
    return (fv_noise){
        .seed = (uint64_t)fvl_opt_integer(L, 3, "seed", 0, what),
        .cell_x = cell * fvl_opt_number(L, 3, "stretch", 1, what),
        .cell_y = cell,
        .cosine = cos(angle),
        .sine = sin(angle),
        .octaves = octaves >= 1 && octaves <= 12 ? (int)octaves : -1, /* the core names the valid ones */
        .gain = fvl_opt_number(L, 3, "gain", 0.5, what),
    };
}

/* noise(h, w, {seed = 0, cell = 8, stretch = 1, angle = 0, octaves = 1, gain = 0.5}) -> H x W */
static int l_noise(lua_State *L)
{
    fv_error err;
    lua_settop(L, 3);
    int64_t h = check_side(L, 1), w = check_side(L, 2);
    fv_noise noise = check_noise(L, "noise");
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_noise_fractal(out, h, w, &noise, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* cells(h, w, {seed =, cell =, stretch =, angle =}) -> 3 x H x W: nearest, second nearest, value */
static int l_cells(lua_State *L)
{
    fv_error err;
    lua_settop(L, 3);
    int64_t h = check_side(L, 1), w = check_side(L, 2);
    fv_noise noise = check_noise(L, "cells");
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_noise_cells(out, h, w, &noise, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* grain(dims, seed) -> tensor */
static int l_grain(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_shape shape = fvl_check_shape(L, 1, "grain");
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 2);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_noise_grain(out, &shape, seed, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* The numbers of the list at arg, in a userdata that is pushed. Places stay near enough for exact sums. */
static double *check_numbers(lua_State *L, int arg, size_t *count)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    size_t n = lua_rawlen(L, arg);
    double *numbers = lua_newuserdatauv(L, (n + 1) * sizeof *numbers, 0);
    for (size_t i = 0; i < n; i++) {
        int ok;
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        numbers[i] = lua_tonumberx(L, -1, &ok);
        luaL_argcheck(L, ok && numbers[i] > -1e9 && numbers[i] < 1e9, arg, "wants numbers near the picture");
        lua_pop(L, 1);
    }
    *count = n;
    return numbers;
}

/* strokes(h, w, {x0, y0, r0, x1, y1, r1, value, ...}[, reach = 8]) -> 3 x H x W: field, part of the radius,
 * value */
static int l_strokes(lua_State *L)
{
    enum { PER_STROKE = 7 };
    fv_error err;
    size_t n;
    lua_settop(L, 4);
    int64_t h = check_side(L, 1), w = check_side(L, 2);
    double reach = luaL_optnumber(L, 4, 8), *numbers = check_numbers(L, 3, &n);
    luaL_argcheck(L, n % PER_STROKE == 0, 3, "wants seven numbers per stroke");
    fv_stroke *strokes = lua_newuserdatauv(L, (n + 1) * sizeof *strokes, 0);
    for (size_t i = 0; i < n / PER_STROKE; i++) {
        const double *v = numbers + PER_STROKE * i;
        strokes[i] = (fv_stroke){v[0], v[1], v[2], v[3], v[4], v[5], v[6]};
    }
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_draw_strokes(out, h, w, strokes, n / PER_STROKE, reach, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* blob(h, w, x, y, radius_x, radius_y[, angle = 0[, {a1, b1, a2, b2, ...}]]) -> H x W */
static int l_blob(lua_State *L)
{
    fv_error err;
    size_t n = 0;
    lua_settop(L, 8);
    int64_t h = check_side(L, 1), w = check_side(L, 2);
    double angle = luaL_optnumber(L, 7, 0);
    fv_blob blob = {.x = luaL_checknumber(L, 3),
                    .y = luaL_checknumber(L, 4),
                    .radius_x = luaL_checknumber(L, 5),
                    .radius_y = luaL_checknumber(L, 6),
                    .cosine = cos(angle),
                    .sine = sin(angle)};
    const double *numbers = lua_isnil(L, 8) ? NULL : check_numbers(L, 8, &n);
    luaL_argcheck(L, n % 2 == 0 && n <= 2 * FV_BLOB_HARMONICS, 8,
                  "wants two numbers per harmonic, at most 16 of them");
    blob.harmonics = (int)(n / 2);
    for (size_t k = 0; k < n / 2; k++) {
        blob.a[k] = numbers[2 * k];
        blob.b[k] = numbers[2 * k + 1];
    }
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_draw_blob(out, h, w, &blob, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* cover(field[, softness = 1]) -> coverage 0..1 */
static int l_cover(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_tensor *field = fvl_check_tensor(L, 1);
    double softness = luaL_optnumber(L, 2, 1);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_draw_cover(out, field, softness, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

/* blur(picture, sigma) -> picture */
static int l_blur(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_tensor *picture = fvl_check_tensor(L, 1);
    double sigma = luaL_checknumber(L, 2);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_draw_blur(out, picture, sigma, &err)) return fvl_raise(L, &err);
    return fvl_tensor_filled(L);
}

int fvl_open_draw(lua_State *L);
int fvl_open_draw(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"noise", l_noise},     {"cells", l_cells}, {"grain", l_grain}, {"blob", l_blob},
        {"strokes", l_strokes}, {"cover", l_cover}, {"blur", l_blur},   {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "draw");
    return 0;
}
