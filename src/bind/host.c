/* The fovea binary: a Lua 5.4 interpreter that has the toolkit built in. */
#include "bind/fvl.h"

int main(int argc, char **argv)
{
    (void)argc;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_requiref(L, "fovea.core", luaopen_fovea_core, 0);
    lua_pop(L, 1);
    int bad = argv[1] && luaL_dofile(L, argv[1]);
    if (bad) fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return bad;
}
