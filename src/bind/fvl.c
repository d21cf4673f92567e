#include "bind/fvl.h"

#include <string.h>

int fvl_raise(lua_State *L, const fv_error *err)
{
    luaL_where(L, 1);
    lua_pushstring(L, err->text);
    lua_concat(L, 2);
    return lua_error(L);
}

int fvl_fail(lua_State *L, const fv_error *err)
{
    if (!fv_status_is_external(err->code)) return fvl_raise(L, err);
    lua_pushnil(L);
    lua_pushstring(L, err->text);
    lua_pushstring(L, fv_status_name(err->code));
    return 3;
}

void fvl_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metamethods)
{
    const char *dot = strrchr(name, '.');
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, metamethods, 0);
    if (lua_getfield(L, -1, "__gc") != LUA_TNIL)
        lua_setfield(L, -2, "__close");
    else
        lua_pop(L, 1);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "__index"); /* stack: module metatable methods */
    lua_setfield(L, -3, dot ? dot + 1 : name);
    lua_pop(L, 1);
}

void **fvl_box(lua_State *L, const char *name, int uservalues)
{
    void **box = lua_newuserdatauv(L, sizeof *box, uservalues);
    *box = NULL;
    luaL_setmetatable(L, name);
    return box;
}

void *fvl_unbox(lua_State *L, int arg, const char *name)
{
    void **box = luaL_checkudata(L, arg, name);
    if (!*box) luaL_error(L, "attempt to use a closed %s", name);
    return *box;
}

/* --- option tables --- */

/* Pushes the field, or nil when there is no table; returns its type. */
static int option(lua_State *L, int arg, const char *field)
{
    if (lua_isnoneornil(L, arg)) {
        lua_pushnil(L);
        return LUA_TNIL;
    }
    luaL_checktype(L, arg, LUA_TTABLE);
    return lua_getfield(L, arg, field);
}

static int option_type_error(lua_State *L, const char *field, const char *wanted, const char *what)
{
    return luaL_error(L, "%s: option '%s' must be %s, not %s", what, field, wanted, luaL_typename(L, -1));
}

lua_Integer fvl_opt_integer(lua_State *L, int arg, const char *field, lua_Integer fallback, const char *what)
{
    int ok = 1;
    lua_Integer value = fallback;
    if (option(L, arg, field) != LUA_TNIL) value = lua_tointegerx(L, -1, &ok);
    if (!ok) option_type_error(L, field, "an integer", what);
    lua_pop(L, 1);
    return value;
}

lua_Number fvl_opt_number(lua_State *L, int arg, const char *field, lua_Number fallback, const char *what)
{
    int ok = 1;
    lua_Number value = fallback;
    if (option(L, arg, field) != LUA_TNIL) value = lua_tonumberx(L, -1, &ok);
    if (!ok) option_type_error(L, field, "a number", what);
    lua_pop(L, 1);
    return value;
}

int fvl_opt_boolean(lua_State *L, int arg, const char *field, int fallback, const char *what)
{
    int value = fallback;
    int type = option(L, arg, field);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN) option_type_error(L, field, "true or false", what);
    if (type != LUA_TNIL) value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

int fvl_opt_choice(lua_State *L, int arg, const char *field, int fallback, const char *const choices[],
                   const char *what)
{
    int found = fallback;
    int type = option(L, arg, field);
    if (type != LUA_TNIL) {
        const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        if (!text) return option_type_error(L, field, "a string", what);
        for (found = 0; choices[found] && strcmp(choices[found], text) != 0; found++) continue;
        if (!choices[found]) {
            lua_pushliteral(L, "");
            for (int i = 0; choices[i]; i++) {
                lua_pushfstring(L, "%s'%s'", i ? ", " : "", choices[i]);
                lua_concat(L, 2);
            }
            return luaL_error(L, "%s: option '%s' must be one of %s, not '%s'", what, field,
                              lua_tostring(L, -1), text);
        }
    }
    lua_pop(L, 1);
    return found;
}

void fvl_check_keys(lua_State *L, int arg, const char *const known[], const char *what)
{
    if (lua_isnoneornil(L, arg)) return;
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, arg)) {
        lua_pop(L, 1);
        const char *key = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
        int i = 0;
        while (key && known[i] && strcmp(known[i], key) != 0) i++;
        if (!key || !known[i]) {
            lua_pushvalue(L, -1);
            luaL_error(L, "%s: unknown option '%s'", what, luaL_tolstring(L, -1, NULL));
        }
    }
}

/* --- module --- */

#define X(name) int fvl_open_##name(lua_State *L);
#include "bind/bind_list.h"
#undef X

__attribute__((visibility("default"))) int luaopen_fovea_core(lua_State *L)
{
    luaL_checkversion(L);
    lua_newtable(L);
#define X(name) fvl_open_##name(L);
#include "bind/bind_list.h"
#undef X
    return 1;
}
