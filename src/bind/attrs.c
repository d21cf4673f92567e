/* Attributes of ops from Lua option tables: one generic reader over the rows that describe them. Positions
 * and axes count from 1 in Lua and from 0 in C; axes may be named. */
#include "bind/graph.h"

#include <math.h>
#include <string.h>

int fvl_open_attrs(lua_State *L);

static int bad(lua_State *L, const fv_op *op, const fv_attr *row, const char *wanted)
{
    return luaL_error(L, "%s: '%s' must be %s, not %s", op->name, row->name, wanted, luaL_typename(L, -1));
}

static lua_Integer integer_at_top(lua_State *L, const fv_op *op, const fv_attr *row)
{
    int ok;
    lua_Integer value = lua_tointegerx(L, -1, &ok);
    if (!ok || lua_type(L, -1) != LUA_TNUMBER) bad(L, op, row, "an integer");
    return value;
}

/* Named axes are those of N C [D] [H] W. */
static int64_t axis_at_top(lua_State *L, const fv_op *op, const fv_attr *row)
{
    static const struct {
        const char *name;
        int axis;
    } names[] = {{"batch", 0}, {"channel", 1}, {"depth", -3}, {"height", -2}, {"width", -1}};
    if (lua_type(L, -1) == LUA_TSTRING) {
        const char *name = lua_tostring(L, -1);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcmp(name, names[i].name) == 0) return names[i].axis;
        luaL_error(L, "%s: '%s' has no axis '%s' (batch, channel, depth, height, width)", op->name, row->name,
                   name);
    }
    lua_Integer axis = integer_at_top(L, op, row);
    if (axis == 0) luaL_error(L, "%s: '%s': axes count from 1 (or -1 from the end)", op->name, row->name);
    return axis > 0 ? axis - 1 : axis;
}

static int64_t index_at_top(lua_State *L, const fv_op *op, const fv_attr *row)
{
    lua_Integer index = integer_at_top(L, op, row);
    if (index == 0)
        luaL_error(L, "%s: '%s': positions count from 1 (or -1 from the end)", op->name, row->name);
    return index > 0 ? index - 1 : index;
}

/* Runs over a list at the top of the stack, or a single value. */
static int list_length(lua_State *L, const fv_op *op, const fv_attr *row)
{
    if (lua_type(L, -1) != LUA_TTABLE) return 0;
    lua_Integer n = luaL_len(L, -1);
    if (n > FV_MAX_RANK)
        luaL_error(L, "%s: '%s' has %d entries, at most %d fit", op->name, row->name, (int)n, FV_MAX_RANK);
    return (int)n;
}

static void read_ints(lua_State *L, const fv_op *op, const fv_attr *row, fv_ints *out)
{
    int is_list = lua_type(L, -1) == LUA_TTABLE, axes = row->kind == FV_ATTR_AXES;
    out->count = is_list ? list_length(L, op, row) : 1;
    for (int i = 0; i < out->count; i++) {
        if (is_list) lua_rawgeti(L, -1, i + 1);
        out->value[i] = axes ? axis_at_top(L, op, row) : integer_at_top(L, op, row);
        if (is_list) lua_pop(L, 1);
    }
}

static double number_at_top(lua_State *L, const fv_op *op, const fv_attr *row)
{
    if (lua_type(L, -1) != LUA_TNUMBER) bad(L, op, row, "a number");
    return lua_tonumber(L, -1);
}

static void read_floats(lua_State *L, const fv_op *op, const fv_attr *row, fv_floats *out)
{
    int is_list = lua_type(L, -1) == LUA_TTABLE;
    out->count = is_list ? list_length(L, op, row) : 1;
    for (int i = 0; i < out->count; i++) {
        if (is_list) lua_rawgeti(L, -1, i + 1);
        out->value[i] = number_at_top(L, op, row);
        if (is_list) lua_pop(L, 1);
    }
}

static int choice_at_top(lua_State *L, const fv_op *op, const fv_attr *row)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (!text) return bad(L, op, row, "a string");
    for (int i = 0; row->choices[i]; i++)
        if (strcmp(row->choices[i], text) == 0) return i;
    lua_pushliteral(L, "");
    for (int i = 0; row->choices[i]; i++) {
        lua_pushfstring(L, "%s'%s'", i ? ", " : "", row->choices[i]);
        lua_concat(L, 2);
    }
    return luaL_error(L, "%s: '%s' must be one of %s, not '%s'", op->name, row->name, lua_tostring(L, -1),
                      text);
}

/* The value is at the top of the stack. */
static void read_attr(lua_State *L, const fv_op *op, const fv_attr *row, void *field)
{
    switch (row->kind) {
    case FV_ATTR_INT:
        *(int64_t *)field = integer_at_top(L, op, row);
        break;
    case FV_ATTR_AXIS:
        *(int64_t *)field = axis_at_top(L, op, row);
        break;
    case FV_ATTR_INDEX:
        *(int64_t *)field = index_at_top(L, op, row);
        break;
    case FV_ATTR_FLOAT:
        *(double *)field = number_at_top(L, op, row);
        break;
    case FV_ATTR_CHOICE:
        *(int *)field = choice_at_top(L, op, row);
        break;
    case FV_ATTR_SPATIAL:
    case FV_ATTR_INTS:
    case FV_ATTR_AXES:
        read_ints(L, op, row, field);
        break;
    case FV_ATTR_SPATIAL_FLOATS:
        read_floats(L, op, row, field);
        break;
    case FV_ATTR_BOOL:
        if (lua_type(L, -1) != LUA_TBOOLEAN) bad(L, op, row, "true or false");
        *(int *)field = lua_toboolean(L, -1);
        break;
    }
}

static void check_names(lua_State *L, int arg, const fv_op *op)
{
    for (lua_pushnil(L); lua_next(L, arg); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TNUMBER) continue;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        const fv_attr *row = op->attrs;
        while (row && row->name && strcmp(row->name, key) != 0) row++;
        if ((row && row->name) || strcmp(key, "name") == 0) continue;
        lua_pushfstring(L, "%s: unknown option '%s' (it has: name", op->name, key);
        for (row = op->attrs; row && row->name; row++) {
            lua_pushfstring(L, ", %s", row->name);
            lua_concat(L, 2);
        }
        lua_pushliteral(L, ")");
        lua_concat(L, 2);
        luaL_error(L, "%s", lua_tostring(L, -1));
    }
}

void fvl_read_attrs(lua_State *L, int arg, const fv_op *op, void *attrs)
{
    fv_op_defaults(op, attrs);
    check_names(L, arg, op);
    for (const fv_attr *row = op->attrs; row && row->name; row++) {
        if (lua_getfield(L, arg, row->name) != LUA_TNIL)
            read_attr(L, op, row, (char *)attrs + row->offset);
        else if (isnan(row->initial))
            luaL_error(L, "%s: option '%s' is required (%s)", op->name, row->name, row->doc);
        lua_pop(L, 1);
    }
}

/* Positions and axes from 1 on; those from the end are negative in both. */
static lua_Integer outside(const fv_attr *row, int64_t value)
{
    int is_position = row->kind == FV_ATTR_AXIS || row->kind == FV_ATTR_AXES || row->kind == FV_ATTR_INDEX;
    return is_position && value >= 0 ? value + 1 : value;
}

static void push_attr(lua_State *L, const fv_attr *row, const void *field)
{
    const fv_ints *ints = field;
    const fv_floats *floats = field;
    switch (row->kind) {
    case FV_ATTR_INT:
    case FV_ATTR_AXIS:
    case FV_ATTR_INDEX:
        lua_pushinteger(L, outside(row, *(const int64_t *)field));
        break;
    case FV_ATTR_FLOAT:
        lua_pushnumber(L, *(const double *)field);
        break;
    case FV_ATTR_CHOICE:
        lua_pushstring(L, row->choices[*(const int *)field]);
        break;
    case FV_ATTR_BOOL:
        lua_pushboolean(L, *(const int *)field);
        break;
    case FV_ATTR_SPATIAL:
    case FV_ATTR_INTS:
    case FV_ATTR_AXES:
        lua_createtable(L, ints->count, 0);
        for (int i = 0; i < ints->count; i++) {
            lua_pushinteger(L, outside(row, ints->value[i]));
            lua_rawseti(L, -2, i + 1);
        }
        break;
    case FV_ATTR_SPATIAL_FLOATS:
        lua_createtable(L, floats->count, 0);
        for (int i = 0; i < floats->count; i++) {
            lua_pushnumber(L, floats->value[i]);
            lua_rawseti(L, -2, i + 1);
        }
        break;
    }
}

void fvl_push_attrs(lua_State *L, const fv_op *op, const void *attrs)
{
    lua_newtable(L);
    for (const fv_attr *row = op ? op->attrs : NULL; row && row->name; row++) {
        push_attr(L, row, (const char *)attrs + row->offset);
        lua_setfield(L, -2, row->name);
    }
}

static void push_row(lua_State *L, const fv_attr *row)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, row->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, row->doc);
    lua_setfield(L, -2, "doc");
    lua_pushboolean(L, isnan(row->initial));
    lua_setfield(L, -2, "required");
    if (!row->choices) return;
    lua_newtable(L);
    for (int i = 0; row->choices[i]; i++) {
        lua_pushstring(L, row->choices[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "choices");
}

/* ops(): list of { name, doc, sources = {min, max}, attributes = { {name, doc, required, choices}, ... } }.
 */
static int l_ops(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; fv_op_at(i); i++) {
        const fv_op *op = fv_op_at(i);
        lua_createtable(L, 0, 4);
        lua_pushstring(L, op->name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, op->doc);
        lua_setfield(L, -2, "doc");
        lua_createtable(L, 2, 0);
        lua_pushinteger(L, op->src_min);
        lua_rawseti(L, -2, 1);
        lua_pushinteger(L, op->src_max);
        lua_rawseti(L, -2, 2);
        lua_setfield(L, -2, "sources");
        lua_newtable(L);
        int n = 0;
        for (const fv_attr *row = op->attrs; row && row->name; row++) {
            push_row(L, row);
            lua_rawseti(L, -2, ++n);
        }
        lua_setfield(L, -2, "attributes");
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

int fvl_open_attrs(lua_State *L)
{
    lua_pushcfunction(L, l_ops);
    lua_setfield(L, -2, "ops");
    return 0;
}
