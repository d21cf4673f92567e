/* Version, memory in use, and the switches that tests need: fovea.core.version() and friends. */
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/peak.h"
#include "bind/fvl.h"
#include "fovea.h"

#include <time.h>
#include <unistd.h>

static int l_version(lua_State *L)
{
    lua_pushliteral(L, FV_VERSION);
    return 1;
}

/* Bytes held in big buffers (tensors, arenas, packed weights). */
static int l_memory_in_use(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)fv_alloc_bytes());
    return 1;
}

/* For tests: alloc_fail_at(n) makes the n-th allocation from now fail; -1 switches failures off. */
static int l_alloc_fail_at(lua_State *L)
{
    fv_alloc_fail_at((long)luaL_checkinteger(L, 1));
    return 0;
}

static int l_alloc_count(lua_State *L)
{
    lua_pushinteger(L, fv_alloc_count());
    return 1;
}

/* clock(): seconds of a clock that only runs forward. */
static int l_clock(lua_State *L)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    lua_pushnumber(L, (double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
    return 1;
}

/* isatty(fd): whether standard output (1) or standard error (2) is a terminal. */
static int l_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* threads([n]): how many threads are used, after setting it to n. */
static int l_threads(lua_State *L)
{
    if (!lua_isnoneornil(L, 1)) fv_set_threads((int)luaL_checkinteger(L, 1));
    lua_pushinteger(L, fv_threads());
    return 1;
}

/* fma_peak([seconds]): operations per second of multiply-adds in registers, see base/peak.h. */
static int l_fma_peak(lua_State *L)
{
    lua_pushnumber(L, fv_fma_peak(luaL_optnumber(L, 1, 0.2)));
    return 1;
}

int fvl_open_base(lua_State *L);
int fvl_open_base(lua_State *L)
{
    static const luaL_Reg functions[] = {{"version", l_version},
                                         {"memory_in_use", l_memory_in_use},
                                         {"threads", l_threads},
                                         {"clock", l_clock},
                                         {"isatty", l_isatty},
                                         {"alloc_fail_at", l_alloc_fail_at},
                                         {"alloc_count", l_alloc_count},
                                         {"fma_peak", l_fma_peak},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    return 0;
}
