/* fovea.core.array_file: tensors in .npy and .safetensors files. */
#include "bind/fvl.h"
#include "io/npy.h"
#include "io/safetensors.h"

#include <string.h>

#define FVL_SAFETENSORS "fovea.Safetensors"

/* --- npy --- */

/* read_npy(path) -> tensor, dtype of the file | nil, message, code */
static int l_read_npy(lua_State *L)
{
    fv_error err;
    fv_dtype dtype;
    lua_settop(L, 1);
    const char *path = luaL_checkstring(L, 1);
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_npy_read(box, &dtype, path, &err)) return fvl_fail(L, &err);
    fvl_tensor_filled(L);
    lua_pushstring(L, fv_dtype_name(dtype));
    return 2;
}

/* write_npy(path, tensor) -> true | nil, message, code */
static int l_write_npy(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    const char *path = luaL_checkstring(L, 1);
    if (fv_npy_write(path, fvl_check_tensor(L, 2), &err)) return fvl_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* --- safetensors: the reader --- */

/* open_safetensors(path) -> reader | nil, message, code. The path stays as user value 1, for messages. */
static int l_open_safetensors(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    const char *path = luaL_checkstring(L, 1);
    fv_safetensors **box = (fv_safetensors **)fvl_box(L, FVL_SAFETENSORS, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    if (fv_safetensors_open(box, path, &err)) return fvl_fail(L, &err);
    return 1;
}

/* The entry named by argument 2; NULL with the three values of a failure pushed when there is none. */
static fv_safetensors_entry *find_entry(lua_State *L)
{
    const fv_safetensors *reader = fvl_unbox(L, 1, FVL_SAFETENSORS);
    const char *name = luaL_checkstring(L, 2);
    fv_safetensors_entry *entry = fv_safetensors_find(reader, name);
    if (entry) return entry;
    lua_pushnil(L);
    lua_getiuservalue(L, 1, 1);
    lua_pushfstring(L, "%s: no tensor '%s'", lua_tostring(L, -1), name);
    lua_replace(L, -2);
    lua_pushstring(L, fv_status_name(FV_STATUS_MISMATCH));
    return NULL;
}

/* reader:names() -> list, sorted */
static int m_names(lua_State *L)
{
    const fv_safetensors *reader = fvl_unbox(L, 1, FVL_SAFETENSORS);
    lua_createtable(L, (int)reader->count, 0);
    for (size_t i = 0; i < reader->count; i++) {
        lua_pushstring(L, reader->entries[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* reader:shape(name) -> table | nil, message, code */
static int m_shape(lua_State *L)
{
    const fv_safetensors_entry *entry = find_entry(L);
    if (!entry) return 3;
    fvl_push_shape(L, &entry->shape);
    return 1;
}

/* reader:dtype(name) -> name of the element type in the file | nil, message, code */
static int m_dtype(lua_State *L)
{
    const fv_safetensors_entry *entry = find_entry(L);
    if (!entry) return 3;
    lua_pushstring(L, fv_dtype_name(entry->dtype));
    return 1;
}

/* reader:read(name) -> tensor | nil, message, code */
static int m_read(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    const fv_safetensors *reader = fvl_unbox(L, 1, FVL_SAFETENSORS);
    fv_safetensors_entry *entry = find_entry(L);
    if (!entry) return 3;
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_safetensors_read(box, reader, entry, &err)) return fvl_fail(L, &err);
    return fvl_tensor_filled(L);
}

/* reader:metadata() -> table of strings */
static int m_metadata(lua_State *L)
{
    const fv_safetensors *reader = fvl_unbox(L, 1, FVL_SAFETENSORS);
    lua_createtable(L, 0, (int)reader->note_count);
    for (size_t i = 0; i < reader->note_count; i++) {
        lua_pushstring(L, reader->notes[i].value);
        lua_setfield(L, -2, reader->notes[i].key);
    }
    return 1;
}

/* reader:close(), also by <close> and the collector */
static int m_close(lua_State *L)
{
    fv_safetensors **box = luaL_checkudata(L, 1, FVL_SAFETENSORS);
    fv_safetensors_close(*box);
    *box = NULL;
    return 0;
}

static int mm_tostring(lua_State *L)
{
    fv_safetensors **box = luaL_checkudata(L, 1, FVL_SAFETENSORS);
    lua_getiuservalue(L, 1, 1);
    if (*box)
        lua_pushfstring(L, "safetensors %s (%d tensors)", lua_tostring(L, -1), (int)(*box)->count);
    else
        lua_pushfstring(L, "safetensors %s (closed)", lua_tostring(L, -1));
    return 1;
}

/* --- safetensors: writing --- */

/* A string of the table entry at the top (key below value); it stays in the table. */
static const char *check_string(lua_State *L, int index, const char *what)
{
    size_t size;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : NULL;
    if (!text || strlen(text) != size)
        luaL_error(L, "write_safetensors: %s must be strings without zero bytes", what);
    return text;
}

static size_t count_fields(lua_State *L, int table)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) count++;
    return count;
}

/* Both push their array, which holds pointers into the table at `table`. */
static fv_safetensors_item *push_items(lua_State *L, int table, size_t count)
{
    fv_safetensors_item *items = lua_newuserdatauv(L, (count + 1) * sizeof *items, 0), *item = items;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), item++) {
        item->name = check_string(L, -2, "tensor names");
        item->tensor = fvl_test_tensor(L, -1);
        if (!item->tensor) luaL_error(L, "write_safetensors: '%s' is not a tensor", item->name);
    }
    return items;
}

static fv_safetensors_note *push_notes(lua_State *L, int table, size_t count)
{
    fv_safetensors_note *notes = lua_newuserdatauv(L, (count + 1) * sizeof *notes, 0), *note = notes;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), note++) {
        note->key = (char *)check_string(L, -2, "metadata keys");
        note->value = (char *)check_string(L, -1, "metadata values");
    }
    return notes;
}

/* write_safetensors(path, {name = tensor}, {dtype = "float32", metadata = {key = value}}) -> true | nil,
 * message, code */
static int l_write_safetensors(lua_State *L)
{
    static const char *const known[] = {"dtype", "metadata", NULL};
    static const char *const choices[] = {"float32", "float16", "bfloat16", "float64", NULL};
    static const fv_dtype dtypes[] = {FV_DTYPE_F32, FV_DTYPE_F16, FV_DTYPE_BF16, FV_DTYPE_F64};
    fv_error err;
    fv_safetensors_note *notes = NULL;
    size_t note_count = 0;
    lua_settop(L, 3);
    const char *path = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    fvl_check_keys(L, 3, known, "write_safetensors");
    fv_dtype dtype = dtypes[fvl_opt_choice(L, 3, "dtype", 0, choices, "write_safetensors")];
    size_t count = count_fields(L, 2);
    fv_safetensors_item *items = push_items(L, 2, count);
    if (!lua_isnil(L, 3) && lua_getfield(L, 3, "metadata") != LUA_TNIL) {
        int table = lua_gettop(L);
        if (!lua_istable(L, table)) luaL_error(L, "write_safetensors: option 'metadata' must be a table");
        note_count = count_fields(L, table);
        notes = push_notes(L, table, note_count);
    }
    if (fv_safetensors_write(path, items, count, notes, note_count, dtype, &err)) return fvl_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

int fvl_open_array_file(lua_State *L);
int fvl_open_array_file(lua_State *L)
{
    static const luaL_Reg methods[] = {{"names", m_names}, {"shape", m_shape},       {"dtype", m_dtype},
                                       {"read", m_read},   {"metadata", m_metadata}, {"close", m_close},
                                       {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", m_close}, {"__tostring", mm_tostring}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"read_npy", l_read_npy},
                                         {"write_npy", l_write_npy},
                                         {"open_safetensors", l_open_safetensors},
                                         {"write_safetensors", l_write_safetensors},
                                         {NULL, NULL}};
    fvl_class(L, FVL_SAFETENSORS, methods, metamethods);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "array_file");
    return 0;
}
