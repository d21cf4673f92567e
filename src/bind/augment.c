/* fovea.core.augment: batches for training (src/tensor/augment.h). fovea.core.random: draws by counter. */
#include "tensor/augment.h"
#include "base/random.h"
#include "bind/fvl.h"

/* The field `name` of the table at the top as a tensor, or NULL. The table keeps it alive. */
static const fv_tensor *tensor_field(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    const fv_tensor *tensor = lua_isnil(L, -1) ? NULL : fvl_check_tensor(L, -1);
    lua_pop(L, 1);
    return tensor;
}

/* Up to n numbers of the list `name` of the table at the top; a single number stands for all of them. */
static void list_field(lua_State *L, const char *name, double *values, int n)
{
    int type = lua_getfield(L, -1, name), ok = 1;
    for (int i = 0; i < n && type != LUA_TNIL && ok; i++) {
        if (type == LUA_TTABLE) lua_geti(L, -1, i + 1);
        if (type != LUA_TTABLE || !lua_isnil(L, -1)) values[i] = lua_tonumberx(L, -1, &ok);
        if (type == LUA_TTABLE) lua_pop(L, 1);
    }
    if (!ok) luaL_error(L, "batch: '%s' must be a number or a list of numbers", name);
    lua_pop(L, 1);
}

static double number_field(lua_State *L, const char *name, double fallback)
{
    return fvl_opt_number(L, lua_gettop(L), name, fallback, "batch");
}

/* The record at the top of the stack. */
static void read_sample(lua_State *L, fv_augment *s)
{
    *s = (fv_augment){.place = {1, 0, 0, 0, 1, 0}, .gain = {1, 1, 1, 1}};
    s->image = tensor_field(L, "image");
    s->mask = tensor_field(L, "mask");
    if (!s->image) luaL_error(L, "batch: a sample has no image");
    list_field(L, "place", s->place, 6);
    list_field(L, "gain", s->gain, FV_AUGMENT_CHANNELS);
    list_field(L, "offset", s->offset, FV_AUGMENT_CHANNELS);
    s->elastic = number_field(L, "elastic", 0);
    s->spacing = number_field(L, "spacing", 32);
    s->blur = number_field(L, "blur", 0);
    s->contrast = number_field(L, "contrast", 1);
    s->brightness = number_field(L, "brightness", 0);
    s->gamma = number_field(L, "gamma", 1);
    s->noise = number_field(L, "noise", 0);
    s->seed = (uint64_t)fvl_opt_integer(L, lua_gettop(L), "seed", 0, "batch");
}

/* batch(samples, height, width[, classes]) -> input[, target] | nil, message, code.
 * A sample: { image =, mask =, place = {6 numbers}, elastic =, spacing =, gain =, offset =, blur =, contrast
 * =, brightness =, gamma =, noise =, seed = }; pixels of `place` count from 0. */
static int l_batch(lua_State *L)
{
    fv_error err;
    lua_settop(L, 4);
    luaL_checktype(L, 1, LUA_TTABLE);
    int64_t height = luaL_checkinteger(L, 2), width = luaL_checkinteger(L, 3);
    lua_Integer classes = luaL_optinteger(L, 4, 2), n = luaL_len(L, 1);
    luaL_argcheck(L, n >= 1 && n <= 1 << 20, 1, "wants at least one sample");
    luaL_argcheck(L, classes >= 1 && classes <= 1 << 12, 4, "is not a number of classes");
    fv_augment *samples = lua_newuserdatauv(L, (size_t)n * sizeof *samples, 0);
    for (lua_Integer i = 0; i < n; i++) {
        lua_geti(L, 1, i + 1);
        luaL_argcheck(L, lua_istable(L, -1), 1, "wants a list of tables");
        read_sample(L, &samples[i]);
        lua_pop(L, 1);
    }
    fv_tensor **input = fvl_new_tensor(L), **target = fvl_new_tensor(L);
    if (fv_augment_batch(input, target, samples, n, height, width, (int)classes, &err))
        return fvl_fail(L, &err);
    lua_pushvalue(L, -2);
    fvl_tensor_filled(L);
    lua_pop(L, 1);
    if (*target) fvl_tensor_filled(L);
    if (!*target) lua_pop(L, 1);
    return *target ? 2 : 1;
}

/* pick(mask, share in [0, 1)) -> y, x from 1 of that pixel among those that are not 0; nil when there is none
 */
static int l_pick(lua_State *L)
{
    lua_settop(L, 2);
    const fv_tensor *mask = fvl_check_tensor(L, 1);
    double share = luaL_checknumber(L, 2);
    luaL_argcheck(L, mask->shape.rank == 2, 1, "wants H x W");
    luaL_argcheck(L, share >= 0 && share < 1, 2, "is not in [0, 1)");
    int64_t at = fv_augment_pick(mask, share), width = mask->shape.dim[1];
    if (at < 0) return 0;
    lua_pushinteger(L, at / width + 1);
    lua_pushinteger(L, at % width + 1);
    return 2;
}

/* bits(seed, stream, index) -> 64 random bits as an integer */
static int l_bits(lua_State *L)
{
    lua_settop(L, 3);
    lua_pushinteger(L, (lua_Integer)fv_random_bits((uint64_t)luaL_checkinteger(L, 1),
                                                   (uint64_t)luaL_checkinteger(L, 2),
                                                   (uint64_t)luaL_checkinteger(L, 3)));
    return 1;
}

/* uniform(seed, stream, index) -> number in [0, 1) */
static int l_uniform(lua_State *L)
{
    lua_settop(L, 3);
    lua_pushnumber(L, fv_random_uniform((uint64_t)luaL_checkinteger(L, 1), (uint64_t)luaL_checkinteger(L, 2),
                                        (uint64_t)luaL_checkinteger(L, 3)));
    return 1;
}

int fvl_open_augment(lua_State *L);
int fvl_open_augment(lua_State *L)
{
    static const luaL_Reg functions[] = {{"batch", l_batch}, {"pick", l_pick}, {NULL, NULL}};
    static const luaL_Reg draws[] = {{"bits", l_bits}, {"uniform", l_uniform}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "augment");
    luaL_newlib(L, draws);
    lua_setfield(L, -2, "random");
    return 0;
}
