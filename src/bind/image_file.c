/* fovea.core.image_file: pictures between files and tensors, pixel values as stored. */
#include "bind/fvl.h"
#include "io/image.h"

#include <stdlib.h>
#include <string.h>

/* --- reading --- */

static fv_image_options check_read_options(lua_State *L, int arg, const char *what)
{
    static const char *const known[] = {"max_pixels", "orient", "page", NULL};
    fvl_check_keys(L, arg, known, what);
    fv_image_options options = {.max_pixels =
                                    fvl_opt_integer(L, arg, "max_pixels", FV_IMAGE_MAX_PIXELS, what),
                                .ignore_orientation = !fvl_opt_boolean(L, arg, "orient", 1, what)};
    if (options.max_pixels < 1) luaL_error(L, "%s: option 'max_pixels' must be at least 1", what);
    lua_Integer page = fvl_opt_integer(L, arg, "page", 1, what);
    if (page < 1 || page > INT32_MAX) luaL_error(L, "%s: option 'page' must be at least 1", what);
    options.page = (int)page - 1;
    return options;
}

static void push_info(lua_State *L, const fv_image_info *info)
{
#define X(name) #name,
    static const char *const formats[] = {FV_IMAGE_FORMATS(X)};
#undef X
    lua_createtable(L, 0, 10);
    lua_pushstring(L, formats[info->format]);
    lua_setfield(L, -2, "format");
    const struct {
        const char *name;
        lua_Integer value;
    } fields[] = {{"width", info->width},       {"height", info->height},
                  {"channels", info->channels}, {"bit_depth", info->bit_depth},
                  {"white", info->white},       {"orientation", info->orientation},
                  {"pages", info->pages}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushboolean(L, info->has_alpha);
    lua_setfield(L, -2, "has_alpha");
    lua_pushboolean(L, info->palette);
    lua_setfield(L, -2, "palette");
}

/* read(path, {max_pixels =, orient = true, page = 1}) -> tensor, info | nil, message, code */
static int l_read(lua_State *L)
{
    fv_error err;
    fv_image_info info;
    lua_settop(L, 2);
    const char *path = luaL_checkstring(L, 1);
    fv_image_options options = check_read_options(L, 2, "image_file.read");
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_image_read(box, &info, path, &options, &err)) return fvl_fail(L, &err);
    fvl_tensor_filled(L);
    push_info(L, &info);
    return 2;
}

/* decode(bytes, options) -> tensor, info | nil, message, code */
static int l_decode(lua_State *L)
{
    fv_error err;
    fv_image_info info;
    size_t size;
    lua_settop(L, 2);
    const char *data = luaL_checklstring(L, 1, &size);
    fv_image_options options = check_read_options(L, 2, "image_file.decode");
    fv_tensor **box = fvl_new_tensor(L);
    if (fv_image_decode(box, &info, data, size, &options, &err)) return fvl_fail(L, &err);
    fvl_tensor_filled(L);
    push_info(L, &info);
    return 2;
}

/* --- writing --- */

static int by_key(const void *a, const void *b)
{
    return strcmp(((const fv_image_text *)a)->key, ((const fv_image_text *)b)->key);
}

static const char *check_text(lua_State *L, int index, const char *what)
{
    size_t size;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &size) : NULL;
    if (!text || strlen(text) != size)
        luaL_error(L, "%s: option 'text' must map strings to strings without zero bytes", what);
    return text;
}

/* The table at `table` as an array sorted by key, left on the stack; the strings stay in the table. */
static void collect_text(lua_State *L, int table, fv_png_options *options, const char *what)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) count++;
    fv_image_text *text = lua_newuserdatauv(L, (count + 1) * sizeof *text, 0);
    count = 0;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
        text[count++] = (fv_image_text){check_text(L, -2, what), check_text(L, -1, what)};
    qsort(text, count, sizeof *text, by_key);
    options->text = text;
    options->text_count = count;
}

/* Leaves the text table and its array on the stack, above arg, which must be the top. */
static fv_png_options check_write_options(lua_State *L, int arg, const char *what)
{
    static const char *const known[] = {"bit_depth", "text", NULL};
    fvl_check_keys(L, arg, known, what);
    fv_png_options options = {.bit_depth = (int)fvl_opt_integer(L, arg, "bit_depth", 8, what)};
    if (lua_isnil(L, arg) || lua_getfield(L, arg, "text") == LUA_TNIL) return options;
    if (!lua_istable(L, -1)) luaL_error(L, "%s: option 'text' must be a table", what);
    collect_text(L, arg + 1, &options, what);
    return options;
}

/* write(path, tensor, {bit_depth = 8, text = {key = value}}) -> true | nil, message, code */
static int l_write(lua_State *L)
{
    fv_error err;
    lua_settop(L, 3);
    const char *path = luaL_checkstring(L, 1);
    const fv_tensor *image = fvl_check_tensor(L, 2);
    fv_png_options options = check_write_options(L, 3, "image_file.write");
    if (fv_png_write(path, image, &options, &err)) return fvl_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* Collected by Lua when pushing the string runs out of memory. */
static int mm_bytes_gc(lua_State *L)
{
    void **box = lua_touserdata(L, 1);
    fv_free(*box);
    *box = NULL;
    return 0;
}

/* encode(tensor, options) -> PNG bytes | nil, message, code */
static int l_encode(lua_State *L)
{
    fv_error err;
    size_t size;
    lua_settop(L, 2);
    const fv_tensor *image = fvl_check_tensor(L, 1);
    fv_png_options options = check_write_options(L, 2, "image_file.encode");
    uint8_t **box = (uint8_t **)fvl_box(L, "fovea.core.bytes", 0);
    if (fv_png_encode(box, &size, image, &options, &err)) return fvl_fail(L, &err);
    lua_pushlstring(L, (const char *)*box, size);
    fv_free(*box);
    *box = NULL;
    return 1;
}

int fvl_open_image_file(lua_State *L);
int fvl_open_image_file(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", l_read}, {"decode", l_decode}, {"write", l_write}, {"encode", l_encode}, {NULL, NULL}};
    luaL_newmetatable(L, "fovea.core.bytes");
    lua_pushcfunction(L, mm_bytes_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "image_file");
    return 0;
}
