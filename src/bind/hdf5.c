/* fovea.core.hdf5: HDF5 files as sets of tensors (see io/hdf5.h for the names and the metadata), and .keras
 * archives, which hold one. */
#include "io/hdf5.h"
#include "bind/fvl.h"
#include "io/keras.h"

#define KERAS_BOX "fovea.core.keras"

/* Pushes an empty reader over the path at index 1, which it keeps for messages. */
static fv_safetensors **new_reader(lua_State *L)
{
    fv_safetensors **box = (fv_safetensors **)fvl_box(L, "fovea.Safetensors", 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    return box;
}

/* open(path) -> reader as of a safetensors file | nil, message, code */
static int l_open(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    const char *path = luaL_checkstring(L, 1);
    if (fv_hdf5_open(new_reader(L), path, &err)) return fvl_fail(L, &err);
    return 1;
}

/* open_bytes(name, bytes) -> reader | nil, message, code */
static int l_open_bytes(lua_State *L)
{
    fv_error err;
    size_t size;
    lua_settop(L, 2);
    const char *name = luaL_checkstring(L, 1), *bytes = luaL_checklstring(L, 2, &size);
    if (fv_hdf5_open_bytes(new_reader(L), bytes, size, name, &err)) return fvl_fail(L, &err);
    return 1;
}

static int mm_keras_gc(lua_State *L)
{
    fv_keras_close(lua_touserdata(L, 1));
    return 0;
}

/* open_keras(path) -> reader, config.json, metadata.json as texts | nil, message, code */
static int l_open_keras(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    const char *path = luaL_checkstring(L, 1);
    fv_safetensors **box = new_reader(L);
    fv_keras *keras = lua_newuserdatauv(L, sizeof *keras, 0);
    *keras = (fv_keras){0};
    luaL_setmetatable(L, KERAS_BOX);
    if (fv_keras_open(keras, path, &err)) return fvl_fail(L, &err);
    lua_pushvalue(L, 2);
    lua_pushstring(L, keras->config);
    lua_pushstring(L, keras->metadata);
    *box = keras->weights;
    keras->weights = NULL;
    fv_keras_close(keras);
    return 3;
}

int fvl_open_hdf5(lua_State *L);
int fvl_open_hdf5(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"open", l_open}, {"open_bytes", l_open_bytes}, {"open_keras", l_open_keras}, {NULL, NULL}};
    luaL_newmetatable(L, KERAS_BOX);
    lua_pushcfunction(L, mm_keras_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "hdf5");
    return 0;
}
