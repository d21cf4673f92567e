/* fovea.core.terminal: the size of the terminal, what it can show, and pictures as the text it draws them
 * from (src/io/terminal.h). What may be written where is decided in lua/fovea/terminal.lua. */
#include "io/terminal.h"
#include "bind/fvl.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const protocols[] = {"symbols", "sixel", "kitty", "iterm2", NULL};
static const char *const colours[] = {"none", "16", "256", "true", NULL};

/* size() -> columns, rows[, cell width, cell height in pixels]; nil when standard output is no terminal */
static int l_size(lua_State *L)
{
    struct winsize size;
    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        return 0;
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    if (size.ws_xpixel < size.ws_col || size.ws_ypixel < size.ws_row) return 2;
    lua_pushinteger(L, size.ws_xpixel / size.ws_col);
    lua_pushinteger(L, size.ws_ypixel / size.ws_row);
    return 4;
}

/* detect() -> protocol, colours: what the environment promises; nil when built without pictures */
static int l_detect(lua_State *L)
{
    fv_terminal terminal;
    if (!fv_terminal_has_pictures()) return 0;
    fv_terminal_detect(&terminal);
    lua_pushstring(L, protocols[terminal.protocol]);
    lua_pushstring(L, colours[terminal.colours]);
    return 2;
}

/* What the sink fills: the text outlives the call that draws, so that Lua may run out of memory after it. */
typedef struct text {
    char *bytes;
    size_t size;
} text;

static fv_status keep(void *context, const char *bytes, size_t size, fv_error *err)
{
    text *t = context;
    FV_TRY(fv_calloc(&t->bytes, size + 1, 1, err));
    memcpy(t->bytes, bytes, size);
    t->size = size;
    return FV_OK;
}

static int mm_text_gc(lua_State *L)
{
    text *t = lua_touserdata(L, 1);
    fv_free(t->bytes);
    t->bytes = NULL;
    return 0;
}

/* picture(tensor, {columns=, rows=, protocol=, colours=, cell_width=, cell_height=}) -> text */
static int l_picture(lua_State *L)
{
    static const char *const known[] = {"columns",    "rows",        "protocol", "colours",
                                        "cell_width", "cell_height", NULL};
    fv_error err;
    lua_settop(L, 2);
    fv_tensor *picture = fvl_check_tensor(L, 1);
    fvl_check_keys(L, 2, known, "terminal");
    fv_terminal terminal = {
        (fv_terminal_protocol)fvl_opt_choice(L, 2, "protocol", FV_TERMINAL_SYMBOLS, protocols, "terminal"),
        (fv_terminal_colours)fvl_opt_choice(L, 2, "colours", FV_TERMINAL_TRUE, colours, "terminal"),
        (int)fvl_opt_integer(L, 2, "columns", 80, "terminal"),
        (int)fvl_opt_integer(L, 2, "rows", 24, "terminal"),
        (int)fvl_opt_integer(L, 2, "cell_width", 0, "terminal"),
        (int)fvl_opt_integer(L, 2, "cell_height", 0, "terminal"),
    };
    text *t = lua_newuserdatauv(L, sizeof *t, 0);
    *t = (text){NULL, 0};
    luaL_setmetatable(L, "fovea.core.terminal.text");
    if (fv_terminal_picture(picture, &terminal, keep, t, &err)) return fvl_fail(L, &err);
    lua_pushlstring(L, t->bytes, t->size);
    fv_free(t->bytes);
    t->bytes = NULL;
    return 1;
}

int fvl_open_terminal(lua_State *L);
int fvl_open_terminal(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"size", l_size}, {"detect", l_detect}, {"picture", l_picture}, {NULL, NULL}};
    luaL_newmetatable(L, "fovea.core.terminal.text");
    lua_pushcfunction(L, mm_text_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "terminal");
    return 0;
}
