/* fovea.core.json: JSON text to Lua values. Writing is in lua/fovea/json.lua. */
#include "io/json.h"
#include "bind/fvl.h"

#define JSON_BOX "fovea.core.json"

enum { MOST_LEVELS = 200 }; /* of nesting */

typedef struct decoder {
    lua_State *L;
    int null;  /* stack index of what stands for null */
    int array; /* stack index of the metatable of empty arrays */
} decoder;

static void push_value(const decoder *d, json_t *value);

/* Empty arrays carry a mark, so that they are not written as {} later. */
static void push_array(const decoder *d, json_t *array)
{
    size_t count = json_array_size(array);
    lua_createtable(d->L, count < 1000000 ? (int)count : 0, 0);
    for (size_t i = 0; i < count; i++) {
        push_value(d, json_array_get(array, i));
        lua_rawseti(d->L, -2, (lua_Integer)i + 1);
    }
    if (count) return;
    lua_pushvalue(d->L, d->array);
    lua_setmetatable(d->L, -2);
}

static void push_object(const decoder *d, json_t *object)
{
    const char *key;
    json_t *value;
    lua_newtable(d->L);
    json_object_foreach(object, key, value)
    {
        lua_pushstring(d->L, key);
        push_value(d, value);
        lua_rawset(d->L, -3);
    }
}

static void push_value(const decoder *d, json_t *value)
{
    luaL_checkstack(d->L, 6, "JSON that is nested too deep");
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        push_object(d, value);
        break;
    case JSON_ARRAY:
        push_array(d, value);
        break;
    case JSON_STRING:
        lua_pushlstring(d->L, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        lua_pushinteger(d->L, json_integer_value(value));
        break;
    case JSON_REAL:
        lua_pushnumber(d->L, json_real_value(value));
        break;
    case JSON_NULL:
        lua_pushvalue(d->L, d->null);
        break;
    default:
        lua_pushboolean(d->L, json_is_true(value));
    }
}

static int levels_fit(json_t *value, int left)
{
    const char *key;
    json_t *item;
    size_t i;
    if (!json_is_object(value) && !json_is_array(value)) return 1;
    if (!left) return 0;
    json_array_foreach(value, i, item) if (!levels_fit(item, left - 1)) return 0;
    json_object_foreach(value, key, item) if (!levels_fit(item, left - 1)) return 0;
    return 1;
}

/* Releases what is left when Lua runs out of memory in the middle. */
static int mm_json_gc(lua_State *L)
{
    json_t **box = lua_touserdata(L, 1);
    json_decref(*box);
    *box = NULL;
    return 0;
}

/* decode(text, null, array_metatable) -> value | nil, message, code */
static int l_decode(lua_State *L)
{
    fv_error err;
    size_t size;
    lua_settop(L, 3);
    const char *text = luaL_checklstring(L, 1, &size);
    luaL_checktype(L, 3, LUA_TTABLE);
    json_t **box = (json_t **)fvl_box(L, JSON_BOX, 0);
    if (fv_json_parse(box, text, size, JSON_ALLOW_NUL, &err)) return fvl_fail(L, &err);
    if (!levels_fit(*box, MOST_LEVELS)) {
        fv_fail(&err, FV_STATUS_FORMAT, "damaged JSON (more than %d levels)", MOST_LEVELS);
        return fvl_fail(L, &err);
    }
    push_value(&(decoder){L, 2, 3}, *box);
    json_decref(*box);
    *box = NULL;
    return 1;
}

int fvl_open_json(lua_State *L);
int fvl_open_json(lua_State *L)
{
    static const luaL_Reg functions[] = {{"decode", l_decode}, {NULL, NULL}};
    luaL_newmetatable(L, JSON_BOX);
    lua_pushcfunction(L, mm_json_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "json");
    return 0;
}
