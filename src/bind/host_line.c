/* What the prompt needs from C: the module fovea.host, which only this binary has, and the way into
 * fovea.repl. */
#include "bind/host.h"

/* call(handler, f, ...): as xpcall(f, handler, ...), and Ctrl-C stops it with the error "interrupted!". */
static int l_call(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    int status = host_guarded(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 1);
    lua_pushboolean(L, status == LUA_OK);
    lua_replace(L, 1);
    return lua_gettop(L);
}

int luaopen_fovea_host(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"call", l_call}, {"read_line", host_read_line}, {"add_history", host_add_history}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

void host_interact(lua_State *L)
{
    lua_getglobal(L, "require");
    lua_pushliteral(L, "fovea.repl");
    if (host_report(L, host_call(L, 1, 1)) != LUA_OK) return;
    lua_getfield(L, -1, "run");
    host_report(L, host_call(L, 0, 0));
}
