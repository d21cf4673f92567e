/* fovea.core.open_torch(path): files of torch.save as plain Lua tables. lua/fovea/import/torch.lua finds the
 * weights in them.
 *
 *   reader:content() -> VALUE
 *   VALUE = boolean, number, string, or a table with the field `kind`:
 *     { kind = "dict", keys = { VALUE ... }, values = { VALUE ... } }
 *     { kind = "list" | "tuple", VALUE ... }
 *     { kind = "tensor", number =, shape =, dtype = }
 *     { kind = "none" | "opaque" }
 *   reader:read(number) -> Tensor
 */
#include "io/torch.h"
#include "bind/fvl.h"

#define FVL_TORCH "fovea.TorchFile"

/* open_torch(path) -> reader | nil, message, code. The path stays as user value 1, for messages. */
static int l_open_torch(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    const char *path = luaL_checkstring(L, 1);
    fv_torch **box = (fv_torch **)fvl_box(L, FVL_TORCH, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    if (fv_torch_open(box, path, &err)) return fvl_fail(L, &err);
    return 1;
}

static void set_kind(lua_State *L, const char *kind)
{
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
}

static void push_tensor(lua_State *L, const fv_torch *torch, size_t index)
{
    const fv_torch_tensor *tensor = &torch->tensors[index];
    lua_createtable(L, 0, 4);
    set_kind(L, "tensor");
    lua_pushinteger(L, (lua_Integer)index + 1);
    lua_setfield(L, -2, "number");
    fvl_push_shape(L, &tensor->shape);
    lua_setfield(L, -2, "shape");
    lua_pushstring(L, fv_dtype_name(torch->storages[tensor->storage].dtype));
    lua_setfield(L, -2, "dtype");
}

/* Containers are empty at first. */
static void push_value(lua_State *L, const fv_torch *torch, const fv_pickle_value *value)
{
    switch (value->kind) {
    case FV_PICKLE_BOOL:
        lua_pushboolean(L, value->as.integer != 0);
        return;
    case FV_PICKLE_INT:
        lua_pushinteger(L, value->as.integer);
        return;
    case FV_PICKLE_FLOAT:
        lua_pushnumber(L, value->as.number);
        return;
    case FV_PICKLE_STRING:
    case FV_PICKLE_BYTES:
        lua_pushlstring(L, value->as.text.bytes, value->as.text.size);
        return;
    case FV_PICKLE_OBJECT:
        if (value->as.object.type != FV_TORCH_TENSOR) break;
        push_tensor(L, torch, value->as.object.index);
        return;
    default:
        break;
    }
    static const char *const kinds[] = {[FV_PICKLE_NONE] = "none",
                                        [FV_PICKLE_TUPLE] = "tuple",
                                        [FV_PICKLE_LIST] = "list",
                                        [FV_PICKLE_DICT] = "dict",
                                        [FV_PICKLE_OPAQUE] = NULL};
    lua_createtable(L, 0, 1);
    set_kind(L, kinds[value->kind] ? kinds[value->kind] : "opaque");
}

/* Items first, first + step, ... of a value into the table at the top; `all` holds the values. */
static void fill(lua_State *L, const fv_pickle_value *value, uint32_t first, uint32_t step, int all)
{
    lua_Integer n = 0;
    for (uint32_t i = first; i < value->as.items.count; i += step) {
        lua_rawgeti(L, all, (lua_Integer)value->as.items.ids[i] + 1);
        lua_rawseti(L, -2, ++n);
    }
}

static void fill_value(lua_State *L, const fv_pickle_value *value, int all)
{
    static const char *const fields[] = {"keys", "values"};
    if (value->kind == FV_PICKLE_TUPLE || value->kind == FV_PICKLE_LIST) fill(L, value, 0, 1, all);
    for (uint32_t i = 0; i < 2 && value->kind == FV_PICKLE_DICT; i++) {
        lua_createtable(L, (int)(value->as.items.count / 2), 0);
        fill(L, value, i, 2, all);
        lua_setfield(L, -2, fields[i]);
    }
}

/* reader:content(). All values are made first and filled after, so that neither depth nor sharing matter. */
static int m_content(lua_State *L)
{
    lua_settop(L, 1);
    const fv_torch *torch = fvl_unbox(L, 1, FVL_TORCH);
    const fv_pickle *pickle = &torch->pickle;
    lua_createtable(L, (int)pickle->count, 0);
    for (size_t i = 0; i < pickle->count; i++) {
        push_value(L, torch, &pickle->values[i]);
        lua_rawseti(L, 2, (lua_Integer)i + 1);
    }
    for (size_t i = 0; i < pickle->count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        fill_value(L, &pickle->values[i], 2);
        lua_pop(L, 1);
    }
    lua_rawgeti(L, 2, (lua_Integer)pickle->root + 1);
    return 1;
}

/* reader:read(number) -> tensor | nil, message, code */
static int m_read(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_torch *torch = fvl_unbox(L, 1, FVL_TORCH);
    lua_Integer number = luaL_checkinteger(L, 2);
    luaL_argcheck(L, number >= 1 && (lua_Unsigned)number <= torch->tensor_count, 2,
                  "no tensor of that number");
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_torch_read(box, torch, &torch->tensors[number - 1], &err)) {
        lua_getiuservalue(L, 1, 1);
        fv_fail_prefix(&err, lua_tostring(L, -1));
        return fvl_fail(L, &err);
    }
    return fvl_tensor_filled(L);
}

/* reader:close(), also by <close> and the collector */
static int m_close(lua_State *L)
{
    fv_torch **box = luaL_checkudata(L, 1, FVL_TORCH);
    fv_torch_close(*box);
    *box = NULL;
    return 0;
}

static int mm_tostring(lua_State *L)
{
    fv_torch **box = luaL_checkudata(L, 1, FVL_TORCH);
    lua_getiuservalue(L, 1, 1);
    if (*box)
        lua_pushfstring(L, "torch file %s (%d tensors)", lua_tostring(L, -1), (int)(*box)->tensor_count);
    else
        lua_pushfstring(L, "torch file %s (closed)", lua_tostring(L, -1));
    return 1;
}

int fvl_open_torch(lua_State *L);
int fvl_open_torch(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"content", m_content}, {"read", m_read}, {"close", m_close}, {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", m_close}, {"__tostring", mm_tostring}, {NULL, NULL}};
    fvl_class(L, FVL_TORCH, methods, metamethods);
    lua_pushcfunction(L, l_open_torch);
    lua_setfield(L, -2, "open_torch");
    return 0;
}
