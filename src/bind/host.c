/* The fovea binary: a Lua 5.4 interpreter with the toolkit built in.
 *
 *     fovea COMMAND ...              a command of the tool: lua/fovea/cli/COMMAND.lua exists
 *     fovea --help | --version       the same as a command
 *     fovea [options] [script args]  everything else: the arguments of lua(1)
 *
 * A script whose name is that of a command is run as ./NAME. */
#include "bind/host.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static lua_State *interrupted;         /* the state that Ctrl-C stops */
static volatile sig_atomic_t patience; /* of the prompt: a second Ctrl-C does not kill */
static volatile sig_atomic_t presses;  /* of Ctrl-C during the call */

/* After a second Ctrl-C the hook stays, so that no pcall on the way out can go on. */
static void stop(lua_State *L, lua_Debug *record)
{
    (void)record;
    if (presses < 2) lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted!");
}

/* Lua may only be entered at a safe point: the hook is called at the next instruction. A second Ctrl-C before
 * that kills, or at the prompt, where there is something to lose, says what does. */
static void on_interrupt(int number)
{
    static const char hint[] = "\nstopping as soon as this step is done (Ctrl-\\ ends the program at once)\n";
    if (presses < 2) presses++;
    if (!patience)
        signal(number, SIG_DFL);
    else if (lua_gethook(interrupted) == stop && write(STDERR_FILENO, hint, sizeof hint - 1) < 0)
        return;
    lua_sethook(interrupted, stop, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

static int add_traceback(lua_State *L)
{
    const char *message = lua_tostring(L, 1);
    if (!message) {
        if (luaL_callmeta(L, 1, "__tostring") && lua_type(L, -1) == LUA_TSTRING) return 1;
        message = lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    }
    luaL_traceback(L, L, message, 1);
    return 1;
}

int host_guarded(lua_State *L, int arguments, int results, int handler, int patient)
{
    struct sigaction action = {.sa_handler = on_interrupt},
                     action_before; /* a blocking read is interrupted */
    lua_State *interrupted_before = interrupted;
    sig_atomic_t patience_before = patience;
    interrupted = L;
    patience = patient;
    presses = 0;
    sigaction(SIGINT, &action, &action_before);
    int status = lua_pcall(L, arguments, results, handler);
    sigaction(SIGINT, &action_before, NULL);
    if (lua_gethook(L) == stop) lua_sethook(L, NULL, 0, 0); /* it came too late for this call */
    interrupted = interrupted_before;
    patience = patience_before;
    return status;
}

int host_call(lua_State *L, int arguments, int results)
{
    int base = lua_gettop(L) - arguments;
    lua_pushcfunction(L, add_traceback);
    lua_insert(L, base);
    int status = host_guarded(L, arguments, results, base, 0);
    lua_remove(L, base);
    return status;
}

int host_report(lua_State *L, int status)
{
    if (status != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        lua_writestringerror("fovea: %s\n", message ? message : "(error message is not a string)");
        lua_pop(L, 1);
    }
    return status;
}

/* --- where the Lua files are --- */

static int is_readable(lua_State *L, const char *directory, const char *path)
{
    int found = access(lua_pushfstring(L, "%s%s", directory, path), R_OK) == 0;
    lua_pop(L, 1);
    return found;
}

/* Puts the Lua files that belong to this binary in front of package.path: lua/ of a checkout or
 * share/lua/5.4/ of an installation, in the nearest folder above the binary that has one. */
static void set_path(lua_State *L)
{
    char place[4096];
    static const char *const folders[] = {"/lua/", "/share/lua/5.4/"};
    ssize_t length = readlink("/proc/self/exe", place, sizeof place - 1);
    if (length <= 0) return;
    place[length] = 0;
    for (char *slash = strrchr(place, '/'); slash; slash = strrchr(place, '/')) {
        *slash = 0;
        for (int i = 0; i < 2; i++) {
            const char *folder = lua_pushfstring(L, "%s%s", place, folders[i]);
            if (is_readable(L, folder, "fovea/init.lua")) {
                lua_getglobal(L, "package");
                lua_getfield(L, -1, "path");
                lua_pushfstring(L, "%s?.lua;%s?/init.lua;%s", folder, folder, lua_tostring(L, -1));
                lua_setfield(L, -3, "path");
                lua_pop(L, 3);
                return;
            }
            lua_pop(L, 1);
        }
    }
}

/* --- commands of the tool --- */

/* True for --help, --version and a plain word that names a file of lua/fovea/cli. */
static int is_command(lua_State *L, const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "--version") == 0) return 1;
    if (strspn(word, "abcdefghijklmnopqrstuvwxyz_-") != strlen(word) || word[0] == '-') return 0;
    if (!*word || strcmp(word, "init") == 0) return 0; /* cli/init.lua is the module that runs commands */
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath");
    lua_pushfstring(L, "fovea.cli.%s", word);
    lua_getfield(L, -3, "path");
    int found = lua_pcall(L, 2, 1, 0) == LUA_OK && lua_isstring(L, -1);
    lua_pop(L, 2);
    return found;
}

/* Calls require("fovea.cli").main(args); its result is the exit status (none or true: 0, false: 1). */
static int run_command(lua_State *L, char **argv)
{
    int result = 1;
    lua_getglobal(L, "require");
    lua_pushliteral(L, "fovea.cli");
    if (host_report(L, host_call(L, 1, 1)) != LUA_OK) return result;
    lua_getfield(L, -1, "main");
    host_push_arguments(L, argv, 0);
    if (host_report(L, host_call(L, 1, 1)) == LUA_OK) {
        int is_number;
        lua_Integer code = lua_tointegerx(L, -1, &is_number);
        result = is_number ? (int)code : !(lua_isnil(L, -1) || lua_toboolean(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return result;
}

/* --- start --- */

void host_push_arguments(lua_State *L, char **argv, int script)
{
    lua_newtable(L);
    for (int i = 0; argv[i]; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - script);
    }
}

/* Runs in protected mode: opens the libraries and hands over. Pushes the exit status. */
static int start(lua_State *L)
{
    char **argv = lua_touserdata(L, 1);
    int ignore_environment = host_ignores_environment(argv);
    if (ignore_environment) {
        lua_pushboolean(L, 1);
        lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
    }
    luaL_checkversion(L);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_fovea_core);
    lua_setfield(L, -2, "fovea.core");
    lua_pushcfunction(L, luaopen_fovea_host);
    lua_setfield(L, -2, "fovea.host");
    lua_pop(L, 1);
    set_path(L);
    lua_gc(L, LUA_GCRESTART);
    lua_gc(L, LUA_GCGEN, 0, 0);
    int command = argv[0] && argv[1] && is_command(L, argv[1]);
    lua_pushinteger(L, command ? run_command(L, argv) : host_run_lua(L, argv));
    return 1;
}

int main(int argc, char **argv)
{
    (void)argc;
    lua_State *L = luaL_newstate();
    if (!L) {
        lua_writestringerror("%s", "fovea: not enough memory\n");
        return 1;
    }
    lua_gc(L, LUA_GCSTOP);
    lua_pushcfunction(L, start);
    lua_pushlightuserdata(L, argv);
    int result = host_report(L, lua_pcall(L, 1, 1, 0)) == LUA_OK ? (int)lua_tointeger(L, -1) : 1;
    lua_close(L);
    return result;
}
