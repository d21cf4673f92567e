/* Tensor elements and shapes in Lua: get, set, values, reshape, slice, concat and the like. */
#include "bind/tensor.h"
#include "tensor/inspect.h"
#include "tensor/layout.h"

static int m_shape(lua_State *L)
{
    fvl_push_shape(L, &fvl_check_tensor(L, 1)->shape);
    return 1;
}

static int m_rank(lua_State *L)
{
    lua_pushinteger(L, fvl_check_tensor(L, 1)->shape.rank);
    return 1;
}

static int m_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)fvl_check_tensor(L, 1)->count);
    return 1;
}

/* --- elements --- */

/* The element at the indices in arguments 2, 3, ...; `given` of them. */
static float *element(lua_State *L, const fv_tensor *t, int given, const char *what)
{
    char text[FV_SHAPE_TEXT];
    size_t offset = 0;
    if (given != t->shape.rank)
        luaL_error(L, "%s: %d indices for a tensor of shape %s", what, given, fv_shape_text(&t->shape, text));
    for (int i = 0; i < given; i++) {
        int64_t at = fvl_position(luaL_checkinteger(L, i + 2), t->shape.dim[i]);
        if (at < 0)
            luaL_error(L, "%s: index %I on axis %d is outside shape %s", what, lua_tointeger(L, i + 2), i + 1,
                       fv_shape_text(&t->shape, text));
        offset = offset * (size_t)t->shape.dim[i] + (size_t)at;
    }
    return t->data + offset;
}

/* t:get(i, j, ...) and t(i, j, ...) */
static int m_get(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)*element(L, fvl_check_tensor(L, 1), lua_gettop(L) - 1, "get"));
    return 1;
}

/* t:set(i, j, ..., value), in place */
static int m_set(lua_State *L)
{
    fv_tensor *t = fvl_check_tensor(L, 1);
    float value = (float)luaL_checknumber(L, lua_gettop(L));
    *element(L, t, lua_gettop(L) - 2, "set") = value;
    lua_settop(L, 1);
    return 1;
}

/* t:item() -> the only element */
static int m_item(lua_State *L)
{
    char text[FV_SHAPE_TEXT];
    fv_tensor *t = fvl_check_tensor(L, 1);
    if (t->count != 1)
        return luaL_error(L, "item: shape %s has %I elements, not one", fv_shape_text(&t->shape, text),
                          (lua_Integer)t->count);
    lua_pushnumber(L, (lua_Number)t->data[0]);
    return 1;
}

/* t:fill(value), in place */
static int m_fill(lua_State *L)
{
    fv_tensor *t = fvl_check_tensor(L, 1);
    float value = (float)luaL_checknumber(L, 2);
    for (size_t i = 0; i < t->count; i++) t->data[i] = value;
    lua_settop(L, 1);
    return 1;
}

/* t:assign(other), in place */
static int m_assign(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    if (fv_tensor_assign(t, fvl_check_tensor(L, 2), &err)) return fvl_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* t:values() -> flat list */
static int m_values(lua_State *L)
{
    fv_tensor *t = fvl_check_tensor(L, 1);
    lua_createtable(L, t->count < INT32_MAX ? (int)t->count : 0, 0);
    for (size_t i = 0; i < t->count; i++) {
        lua_pushnumber(L, (lua_Number)t->data[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* Pushes the elements from *next on as nested tables of the axes from `axis` on. */
static void push_nested(lua_State *L, const fv_shape *shape, int axis, const float **next)
{
    if (axis == shape->rank) {
        lua_pushnumber(L, (lua_Number) * (*next)++);
        return;
    }
    luaL_checkstack(L, 2, "nested table");
    lua_newtable(L);
    for (int64_t i = 0; i < shape->dim[axis]; i++) {
        push_nested(L, shape, axis + 1, next);
        lua_rawseti(L, -2, i + 1);
    }
}

/* t:to_table() -> nested lists (a number for rank 0) */
static int m_to_table(lua_State *L)
{
    fv_tensor *t = fvl_check_tensor(L, 1);
    const float *next = t->data;
    push_nested(L, &t->shape, 0, &next);
    return 1;
}

/* --- shapes --- */

static int m_copy(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    return fvl_tensor_result(L, fv_tensor_copy(fvl_new_tensor(L), t, &err), &err);
}

/* The dimensions at arg, one of which may be -1: whatever the count of t leaves. */
static fv_shape reshape_target(lua_State *L, const fv_tensor *t, int arg)
{
    int64_t rest = (int64_t)t->count;
    int unknown = 0;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_Integer rank = luaL_len(L, arg);
    lua_createtable(L, 0, 0);
    for (lua_Integer i = 1; i <= rank; i++) {
        if (lua_geti(L, arg, i) == LUA_TNUMBER && lua_tointeger(L, -1) == -1) {
            if (unknown) luaL_error(L, "reshape: only one dimension may be -1");
            unknown = (int)i;
            lua_pop(L, 1);
            lua_pushinteger(L, 1);
        } else if (lua_tointeger(L, -1) > 0) {
            rest /= lua_tointeger(L, -1);
        }
        lua_seti(L, -2, i);
    }
    fv_shape shape = fvl_check_shape(L, lua_gettop(L), "reshape");
    lua_pop(L, 1);
    if (unknown) shape.dim[unknown - 1] = rest; /* the core refuses it when the counts differ */
    return shape;
}

/* t:reshape{...}: shares the elements */
static int m_reshape(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    fv_shape shape = reshape_target(L, t, 2);
    return fvl_tensor_result(L, fv_tensor_reshape(fvl_new_tensor(L), t, &shape, &err), &err);
}

static int m_flatten(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    fv_shape shape = {.rank = 1, .dim = {(int64_t)t->count}};
    return fvl_tensor_result(L, fv_tensor_reshape(fvl_new_tensor(L), t, &shape, &err), &err);
}

/* t:slice(axis, first, last[, step]): from 1, both ends included, negative from the end */
static int m_slice(lua_State *L)
{
    fv_error err;
    char text[FV_SHAPE_TEXT];
    fv_tensor *t = fvl_check_tensor(L, 1);
    int axis = fvl_check_axis(L, 2, &t->shape, "slice");
    int64_t size = t->shape.dim[axis];
    int64_t first = fvl_position(luaL_checkinteger(L, 3), size);
    int64_t last = fvl_position(luaL_checkinteger(L, 4), size);
    lua_Integer step = luaL_optinteger(L, 5, 1);
    luaL_argcheck(L, step >= 1, 5, "step must be at least 1");
    if (first < 0 || last < first)
        return luaL_error(L, "slice: %I to %I is not a range on axis %d of shape %s", lua_tointeger(L, 3),
                          lua_tointeger(L, 4), axis + 1, fv_shape_text(&t->shape, text));
    int64_t count = (last - first) / step + 1;
    if (step > size) step = 1; /* a single element, whatever the step */
    return fvl_tensor_result(L, fv_tensor_slice(fvl_new_tensor(L), t, axis, first, count, step, &err), &err);
}

/* t:select(axis, index): drops the axis */
static int m_select(lua_State *L)
{
    fv_error err;
    char text[FV_SHAPE_TEXT];
    fv_tensor *t = fvl_check_tensor(L, 1);
    int axis = fvl_check_axis(L, 2, &t->shape, "select");
    int64_t index = fvl_position(luaL_checkinteger(L, 3), t->shape.dim[axis]);
    if (index < 0)
        return luaL_error(L, "select: index %I on axis %d is outside shape %s", lua_tointeger(L, 3), axis + 1,
                          fv_shape_text(&t->shape, text));
    return fvl_tensor_result(L, fv_tensor_select(fvl_new_tensor(L), t, axis, index, &err), &err);
}

/* t:transpose{axes in their new order} */
static int m_transpose(lua_State *L)
{
    fv_error err;
    char text[FV_SHAPE_TEXT];
    int order[FV_MAX_RANK];
    fv_tensor *t = fvl_check_tensor(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (luaL_len(L, 2) != t->shape.rank)
        return luaL_error(L, "transpose: %I axes for a tensor of shape %s", luaL_len(L, 2),
                          fv_shape_text(&t->shape, text));
    for (int i = 0; i < t->shape.rank; i++) {
        lua_geti(L, 2, i + 1);
        order[i] = fvl_check_axis(L, lua_gettop(L), &t->shape, "transpose");
        lua_pop(L, 1);
    }
    return fvl_tensor_result(L, fv_tensor_permute(fvl_new_tensor(L), t, order, &err), &err);
}

/* t:expand{shape}: axes of size 1, and new axes in front, are repeated */
static int m_expand(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    fv_shape shape = fvl_check_shape(L, 2, "expand");
    return fvl_tensor_result(L, fv_tensor_expand(fvl_new_tensor(L), t, &shape, &err), &err);
}

/* concat(list of tensors, axis) */
static int l_concat(lua_State *L)
{
    fv_error err;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_Integer n = luaL_len(L, 1);
    luaL_argcheck(L, n >= 1 && n <= INT16_MAX, 1, "must be a list of tensors");
    const fv_tensor **list = lua_newuserdatauv(L, (size_t)n * sizeof *list, (int)n);
    for (int i = 0; i < (int)n; i++) {
        lua_geti(L, 1, i + 1);
        list[i] = fvl_test_tensor(L, -1);
        if (!list[i])
            return luaL_error(L, "concat: item %d is not a tensor but %s", i + 1, luaL_typename(L, -1));
        lua_setiuservalue(L, 3, i + 1); /* alive even if the list is a proxy that makes its items */
    }
    int axis = fvl_check_axis(L, 2, &list[0]->shape, "concat");
    return fvl_tensor_result(L, fv_tensor_concat(fvl_new_tensor(L), list, (int)n, axis, &err), &err);
}

/* --- questions --- */

static int m_equal(lua_State *L)
{
    lua_pushboolean(L, fv_tensor_equal(fvl_check_tensor(L, 1), fvl_check_tensor(L, 2)));
    return 1;
}

/* t:hash() -> 16 hexadecimal digits over shape and bits */
static int m_hash(lua_State *L)
{
    uint64_t hash = fv_tensor_hash(fvl_check_tensor(L, 1));
    char text[17];
    for (int i = 15; i >= 0; i--, hash >>= 4) text[i] = "0123456789abcdef"[hash & 15];
    lua_pushlstring(L, text, 16);
    return 1;
}

static int m_is_finite(lua_State *L)
{
    lua_pushboolean(L, fv_tensor_is_finite(fvl_check_tensor(L, 1)));
    return 1;
}

static int m_count_nonzero(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)fv_tensor_count_nonzero(fvl_check_tensor(L, 1)));
    return 1;
}

int fvl_open_tensor_access(lua_State *L);
int fvl_open_tensor_access(lua_State *L)
{
    static const luaL_Reg methods[] = {{"shape", m_shape},
                                       {"rank", m_rank},
                                       {"count", m_count},
                                       {"get", m_get},
                                       {"set", m_set},
                                       {"item", m_item},
                                       {"fill", m_fill},
                                       {"assign", m_assign},
                                       {"values", m_values},
                                       {"to_table", m_to_table},
                                       {"copy", m_copy},
                                       {"reshape", m_reshape},
                                       {"flatten", m_flatten},
                                       {"slice", m_slice},
                                       {"select", m_select},
                                       {"transpose", m_transpose},
                                       {"expand", m_expand},
                                       {"equal", m_equal},
                                       {"hash", m_hash},
                                       {"is_finite", m_is_finite},
                                       {"count_nonzero", m_count_nonzero},
                                       {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__call", m_get}, {NULL, NULL}};
    fvl_tensor_extend(L, methods, metamethods);
    lua_pushcfunction(L, l_concat);
    lua_setfield(L, -2, "concat");
    return 0;
}
