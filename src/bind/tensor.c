/* fovea.Tensor in Lua: life cycle, collection budget and constructors. */
#include "bind/tensor.h"
#include "base/random.h"
#include "tensor/math.h"

#include <string.h>

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

/* --- collection budget: Lua sees eight bytes where C holds megabytes --- */

typedef struct budget {
    size_t limit; /* bytes that may come on top of floor before a collection */
    size_t floor; /* least bytes in use since the last collection */
} budget;

static const char budget_key; /* its address is the key in the registry */

static budget *budget_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &budget_key);
    budget *b = lua_touserdata(L, -1);
    lua_pop(L, 1); /* the registry keeps it */
    return b;
}

int fvl_tensor_filled(lua_State *L)
{
    budget *b = budget_of(L);
    size_t now = fv_alloc_bytes();
    if (now < b->floor) b->floor = now;
    if (now - b->floor > b->limit) {
        lua_gc(L, LUA_GCCOLLECT);
        b->floor = fv_alloc_bytes();
    }
    return 1;
}

/* memory_budget([bytes]) -> the budget before the call. */
static int l_memory_budget(lua_State *L)
{
    budget *b = budget_of(L);
    lua_Integer bytes = luaL_optinteger(L, 1, (lua_Integer)b->limit);
    luaL_argcheck(L, bytes >= 0, 1, "must not be negative");
    lua_pushinteger(L, (lua_Integer)b->limit);
    b->limit = (size_t)bytes;
    return 1;
}

static void open_budget(lua_State *L)
{
    budget *b = lua_newuserdatauv(L, sizeof *b, 0);
    *b = (budget){(size_t)64 << 20, fv_alloc_bytes()};
    lua_rawsetp(L, LUA_REGISTRYINDEX, &budget_key);
}

/* --- arguments --- */

fv_shape fvl_check_shape(lua_State *L, int arg, const char *what)
{
    fv_shape shape = {0};
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_Integer rank = luaL_len(L, arg);
    if (rank > FV_MAX_RANK) luaL_error(L, "%s: at most %d dimensions, not %I", what, FV_MAX_RANK, rank);
    shape.rank = (int)rank;
    for (int i = 0; i < shape.rank; i++) {
        int ok;
        lua_geti(L, arg, i + 1);
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

const fv_tensor *fvl_operand(lua_State *L, int arg, fv_tensor *scalar, float *value, const char *what)
{
    if (lua_type(L, arg) == LUA_TNUMBER) {
        *value = (float)lua_tonumber(L, arg);
        *scalar = fv_tensor_scalar(value);
        return scalar;
    }
    if (!luaL_testudata(L, arg, FVL_TENSOR))
        luaL_error(L, "%s: operand must be a tensor or a number, not %s", what, luaL_typename(L, arg));
    return fvl_check_tensor(L, arg);
}

/* Axis names by rank; position in the string list is the axis. */
static const char *const axis_names[FV_MAX_RANK + 1][FV_MAX_RANK] = {
    [2] = {"height", "width"},
    [3] = {"channel", "height", "width"},
    [4] = {"batch", "channel", "height", "width"},
    [5] = {"batch", "channel", "depth", "height", "width"},
};

int fvl_check_axis(lua_State *L, int arg, const fv_shape *shape, const char *what)
{
    char text[FV_SHAPE_TEXT];
    int ok, axis = -1;
    if (lua_type(L, arg) == LUA_TSTRING) {
        const char *name = lua_tostring(L, arg);
        for (int i = 0; i < shape->rank && axis_names[shape->rank][i]; i++)
            if (strcmp(axis_names[shape->rank][i], name) == 0) axis = i;
    } else {
        lua_Integer number = lua_tointegerx(L, arg, &ok);
        if (!ok) luaL_error(L, "%s: an axis is an integer or a name, not %s", what, luaL_typename(L, arg));
        axis = (int)fvl_position(number, shape->rank);
    }
    if (axis < 0 || axis >= shape->rank)
        luaL_error(L, "%s: axis '%s' does not exist in a tensor of shape %s", what,
                   luaL_tolstring(L, arg, NULL), fv_shape_text(shape, text));
    return axis;
}

int64_t fvl_position(lua_Integer position, int64_t size)
{
    if (position > 0 && position <= size) return position - 1;
    return position < 0 && position >= -size ? position + size : -1;
}

void fvl_check_named_keys(lua_State *L, int arg, const char *const known[], const char *what)
{
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) continue;
        int i = 0;
        while (known[i] && strcmp(known[i], lua_tostring(L, -1)) != 0) i++;
        if (!known[i]) luaL_error(L, "%s: unknown option '%s'", what, lua_tostring(L, -1));
    }
}

/* --- constructors: lack of memory gives nil, message, code --- */

static int constructed(lua_State *L, fv_status status, const fv_error *err)
{
    return status ? fvl_fail(L, err) : fvl_tensor_filled(L);
}

/* blank(shape): the elements are undefined, and memory is only set aside. For graphs of which only the shapes
 * matter. */
static int l_blank(lua_State *L)
{
    fv_error err;
    fv_shape shape = fvl_check_shape(L, 1, "blank");
    if (fv_tensor_new(fvl_new_tensor(L), &shape, &err)) return fvl_fail(L, &err);
    return fvl_tensor_filled(L);
}

/* zeros(dims) */
static int l_zeros(lua_State *L)
{
    fv_error err;
    fv_shape shape = fvl_check_shape(L, 1, "zeros");
    return constructed(L, fv_tensor_full(fvl_new_tensor(L), &shape, 0, &err), &err);
}

/* full(dims, value) */
static int l_full(lua_State *L)
{
    fv_error err;
    fv_shape shape = fvl_check_shape(L, 1, "full");
    float value = (float)luaL_checknumber(L, 2);
    return constructed(L, fv_tensor_full(fvl_new_tensor(L), &shape, value, &err), &err);
}

/* tensor(dims, values): values is a flat list. */
static int l_tensor(lua_State *L)
{
    fv_error err;
    char text[FV_SHAPE_TEXT];
    size_t count;
    fv_shape shape = fvl_check_shape(L, 1, "tensor");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    if (fv_shape_count(&shape, &count, &err)) return fvl_raise(L, &err);
    if (count != (size_t)luaL_len(L, 2))
        return luaL_error(L, "tensor: shape %s has %I elements, the list has %I", fv_shape_text(&shape, text),
                          (lua_Integer)count, luaL_len(L, 2));
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_tensor_new(box, &shape, &err)) return fvl_fail(L, &err);
    for (size_t i = 0; i < count; i++) {
        int ok;
        lua_geti(L, 2, (lua_Integer)i + 1);
        (*box)->data[i] = (float)lua_tonumberx(L, -1, &ok);
        if (!ok) return luaL_error(L, "tensor: value %I is not a number", (lua_Integer)i + 1);
        lua_pop(L, 1);
    }
    return fvl_tensor_filled(L);
}

/* uniform(dims, {seed = 0, min = 0, max = 1}): in [min, max) but for rounding to float. */
static int l_uniform(lua_State *L)
{
    static const char *const known[] = {"seed", "min", "max", NULL};
    fv_error err;
    fv_shape shape = fvl_check_shape(L, 1, "uniform");
    fvl_check_keys(L, 2, known, "uniform");
    uint64_t seed = (uint64_t)fvl_opt_integer(L, 2, "seed", 0, "uniform");
    double low = fvl_opt_number(L, 2, "min", 0, "uniform"), high = fvl_opt_number(L, 2, "max", 1, "uniform");
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_tensor_new(box, &shape, &err)) return fvl_fail(L, &err);
    for (size_t i = 0; i < (*box)->count; i++)
        (*box)->data[i] = (float)(low + (high - low) * fv_random_uniform(seed, 0, i));
    return fvl_tensor_filled(L);
}

/* normal(dims, {seed = 0, mean = 0, std = 1}) */
static int l_normal(lua_State *L)
{
    static const char *const known[] = {"seed", "mean", "std", NULL};
    fv_error err;
    fv_shape shape = fvl_check_shape(L, 1, "normal");
    fvl_check_keys(L, 2, known, "normal");
    uint64_t seed = (uint64_t)fvl_opt_integer(L, 2, "seed", 0, "normal");
    double mean = fvl_opt_number(L, 2, "mean", 0, "normal"), std = fvl_opt_number(L, 2, "std", 1, "normal");
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_tensor_new(box, &shape, &err)) return fvl_fail(L, &err);
    for (size_t i = 0; i < (*box)->count; i++)
        (*box)->data[i] = (float)(mean + std * fv_random_normal(seed, 0, i));
    return fvl_tensor_filled(L);
}

/* --- class --- */

int fvl_tensor_result(lua_State *L, fv_status status, const fv_error *err)
{
    return status ? fvl_raise(L, err) : fvl_tensor_filled(L);
}

static int mm_gc(lua_State *L)
{
    fv_tensor **box = luaL_checkudata(L, 1, FVL_TENSOR);
    fv_tensor_release(*box);
    *box = NULL;
    return 0;
}

void fvl_tensor_extend(lua_State *L, const luaL_Reg *methods, const luaL_Reg *metamethods)
{
    if (methods) {
        lua_getfield(L, -1, "Tensor");
        luaL_setfuncs(L, methods, 0);
        lua_pop(L, 1);
    }
    if (metamethods) {
        luaL_getmetatable(L, FVL_TENSOR);
        luaL_setfuncs(L, metamethods, 0);
        lua_pop(L, 1);
    }
}

int fvl_open_tensor(lua_State *L);
int fvl_open_tensor(lua_State *L)
{
    static const luaL_Reg functions[] = {{"memory_budget", l_memory_budget},
                                         {"blank", l_blank},
                                         {"zeros", l_zeros},
                                         {"full", l_full},
                                         {"tensor", l_tensor},
                                         {"uniform", l_uniform},
                                         {"normal", l_normal},
                                         {NULL, NULL}};
    static const luaL_Reg methods[] = {{NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", mm_gc}, {NULL, NULL}};
    open_budget(L);
    fvl_class(L, FVL_TENSOR, methods, metamethods);
    luaL_setfuncs(L, functions, 0);
    return 0;
}
