/* fovea.core.file: whole files as strings, and writing that leaves either the old file or the new one. */
#include "io/file.h"
#include "bind/fvl.h"
#include "io/hash.h"

static int mm_file_gc(lua_State *L)
{
    fv_file_close(lua_touserdata(L, 1));
    return 0;
}

/* read(path, {limit = bytes}) -> string | nil, message, code */
static int l_read(lua_State *L)
{
    static const char *const known[] = {"limit", NULL};
    fv_error err;
    lua_settop(L, 2);
    const char *path = luaL_checkstring(L, 1);
    fvl_check_keys(L, 2, known, "file.read");
    lua_Integer limit = fvl_opt_integer(L, 2, "limit", 0, "file.read");
    luaL_argcheck(L, limit >= 0, 2, "option 'limit' must not be negative");
    fv_file *file = lua_newuserdatauv(L, sizeof *file, 0);
    *file = (fv_file){0};
    luaL_setmetatable(L, "fovea.core.file");
    if (fv_file_read(file, path, (size_t)limit, &err)) return fvl_fail(L, &err);
    lua_pushlstring(L, (const char *)file->data, file->size);
    fv_file_close(file);
    return 1;
}

/* write(path, string[, {durable = true}]) -> true | nil, message, code. durable = false leaves it to the
 * system when the file reaches the disc: after a breakdown of the machine it may be missing or empty. */
static int l_write(lua_State *L)
{
    static const char *const known[] = {"durable", NULL};
    fv_error err;
    size_t size;
    lua_settop(L, 3);
    const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &size);
    fvl_check_keys(L, 3, known, "file.write");
    int is_quick = !lua_isnil(L, 3) && lua_getfield(L, 3, "durable") == LUA_TBOOLEAN && !lua_toboolean(L, -1);
    if ((is_quick ? fv_file_write_quickly : fv_file_write)(path, text, size, &err)) return fvl_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* hash(path) -> 32 hexadecimal digits of the content | nil, message, code */
static int l_hash(lua_State *L)
{
    fv_error err;
    char text[FV_HASH_TEXT];
    if (fv_hash_file(text, luaL_checkstring(L, 1), &err)) return fvl_fail(L, &err);
    lua_pushstring(L, text);
    return 1;
}

/* hash_text(string) -> 32 hexadecimal digits, those of a file with this content */
static int l_hash_text(lua_State *L)
{
    char text[FV_HASH_TEXT];
    size_t size;
    const char *bytes = luaL_checklstring(L, 1, &size);
    fv_hash_bytes(text, bytes, size);
    lua_pushstring(L, text);
    return 1;
}

int fvl_open_file(lua_State *L);
int fvl_open_file(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", l_read}, {"write", l_write}, {"hash", l_hash}, {"hash_text", l_hash_text}, {NULL, NULL}};
    luaL_newmetatable(L, "fovea.core.file");
    lua_pushcfunction(L, mm_file_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "file");
    return 0;
}
