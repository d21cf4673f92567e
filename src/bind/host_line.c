/* The interactive loop: the module fovea.repl when it is there, otherwise a plain one with line editing. */
#include "bind/host.h"

#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pushes the next line without its newline; returns 0 at the end of input. */
static int push_line(lua_State *L, const char *prompt)
{
    if (isatty(STDIN_FILENO)) {
        char *line = readline(prompt);
        if (!line) return 0;
        if (*line) add_history(line);
        lua_pushstring(L, line);
        free(line);
        return 1;
    }
    char buffer[512];
    fputs(prompt, stdout);
    fflush(stdout);
    if (!fgets(buffer, sizeof buffer, stdin)) return 0;
    buffer[strcspn(buffer, "\n")] = 0;
    lua_pushstring(L, buffer);
    return 1;
}

/* A statement that ends too early gives this message: the next line belongs to it. */
static int is_incomplete(lua_State *L, int status)
{
    size_t length;
    const char *message = status == LUA_ERRSYNTAX ? lua_tolstring(L, -1, &length) : NULL;
    return message && length >= 5 && strcmp(message + length - 5, "<eof>") == 0;
}

/* Compiles the source at index 1, first as an expression whose values are printed, then as a statement;
 * leaves the chunk or the message at the top. */
static int compile(lua_State *L)
{
    const char *text = lua_tostring(L, 1);
    const char *expression = lua_pushfstring(L, "return %s", text);
    int status = luaL_loadbuffer(L, expression, strlen(expression), "=stdin");
    if (status == LUA_OK) return status;
    lua_settop(L, 1);
    return luaL_loadbuffer(L, text, strlen(text), "=stdin");
}

/* Reads lines until they are a chunk, left alone on the stack (or a message); returns -1 at the end of input.
 */
static int load_input(lua_State *L)
{
    lua_settop(L, 0);
    if (!push_line(L, "> ")) return -1;
    int status = compile(L);
    while (is_incomplete(L, status) && push_line(L, ">> ")) {
        lua_pushfstring(L, "%s\n%s", lua_tostring(L, 1), lua_tostring(L, -1));
        lua_replace(L, 1);
        lua_settop(L, 1);
        status = compile(L);
    }
    lua_replace(L, 1);
    lua_settop(L, 1);
    return status;
}

static void plain_loop(lua_State *L)
{
    int status;
    while ((status = load_input(L)) != -1) {
        if (status == LUA_OK) status = host_call(L, 0, LUA_MULTRET);
        if (host_report(L, status) != LUA_OK || lua_gettop(L) == 0) continue;
        lua_getglobal(L, "print");
        lua_insert(L, 1);
        host_report(L, lua_pcall(L, lua_gettop(L) - 1, 0, 0));
    }
    fputs("\n", stdout);
}

void host_interact(lua_State *L)
{
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath");
    lua_pushliteral(L, "fovea.repl");
    lua_getfield(L, -3, "path");
    if (lua_pcall(L, 2, 1, 0) != LUA_OK || !lua_isstring(L, -1)) {
        plain_loop(L);
        return;
    }
    lua_getglobal(L, "require");
    lua_pushliteral(L, "fovea.repl");
    if (host_report(L, host_call(L, 1, 1)) != LUA_OK) return;
    lua_getfield(L, -1, "run");
    host_report(L, host_call(L, 0, 0));
}
