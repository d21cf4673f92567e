/* The fovea binary as lua(1): options -e -l -i -v -E -W - --, a script and its arguments, LUA_INIT. */
#include "bind/host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct options {
    int interactive, version, chunks, no_environment; /* -i, -v, -e, -E */
    int script;                                       /* index in argv; 0: none */
} options;

static int is_switch(const char *text, char letter)
{
    return text[0] == '-' && text[1] == letter && !text[2];
}

/* Reads the options up to the script; returns the index of one that is wrong, or 0. */
static int read_options(char **argv, options *o)
{
    *o = (options){0};
    int i = 1;
    for (; argv[i] && argv[i][0] == '-' && argv[i][1]; i++) {
        const char *text = argv[i];
        if (strcmp(text, "--") == 0) {
            i++;
            break;
        }
        if (text[1] == 'e' || text[1] == 'l') {
            o->chunks |= text[1] == 'e';
            if (!text[2] && (!argv[i + 1] || argv[++i][0] == '-')) return text == argv[i] ? i : i - 1;
        } else if (is_switch(text, 'i')) {
            o->interactive = o->version = 1;
        } else if (is_switch(text, 'v')) {
            o->version = 1;
        } else if (is_switch(text, 'E')) {
            o->no_environment = 1;
        } else if (!is_switch(text, 'W')) {
            return i;
        }
    }
    o->script = argv[i] ? i : 0;
    return 0;
}

int host_ignores_environment(char **argv)
{
    options o;
    return argv[0] && !read_options(argv, &o) && o.no_environment;
}

static int usage(const char *wrong)
{
    int needs_value = wrong[1] == 'e' || wrong[1] == 'l';
    lua_writestringerror(needs_value ? "fovea: '%s' needs an argument\n" : "fovea: unknown option '%s'\n",
                         wrong);
    lua_writestringerror("%s", "usage: fovea COMMAND ...            (fovea --help lists the commands)\n"
                               "       fovea [options] [script [args]]\n"
                               "  -e stat  execute the statement     -l mod  require the module (or g=mod)\n"
                               "  -i       interactive mode          -v      show the version\n"
                               "  -E       ignore the environment    -W      turn warnings on\n"
                               "  --       stop handling options     -       execute standard input\n");
    return 2;
}

static int run_chunk(lua_State *L, int load_status)
{
    if (load_status == LUA_OK) load_status = host_call(L, 0, 0);
    return host_report(L, load_status);
}

static int run_text(lua_State *L, const char *text, const char *name)
{
    return run_chunk(L, luaL_loadbuffer(L, text, strlen(text), name));
}

/* -l mod and -l g=mod: requires the module into the global variable of its name (up to a '-') or g. */
static int load_module(lua_State *L, const char *name)
{
    const char *equals = strchr(name, '=');
    const char *module = equals ? equals + 1 : name;
    size_t length = equals ? (size_t)(equals - name) : strcspn(name, "-");
    lua_getglobal(L, "require");
    lua_pushstring(L, module);
    int status = host_call(L, 1, 1);
    if (status != LUA_OK) return host_report(L, status);
    lua_pushglobaltable(L);
    lua_pushlstring(L, name, length);
    lua_pushvalue(L, -3);
    lua_settable(L, -3);
    lua_pop(L, 2);
    return LUA_OK;
}

/* The options that do something, in their order. */
static int run_options(lua_State *L, char **argv, int end)
{
    for (int i = 1; i < end; i++) {
        char letter = argv[i][1];
        if (letter == 'W') lua_warning(L, "@on", 0);
        if (letter != 'e' && letter != 'l') continue;
        const char *value = argv[i][2] ? argv[i] + 2 : argv[++i];
        int status = letter == 'e' ? run_text(L, value, "=(command line)") : load_module(L, value);
        if (status != LUA_OK) return status;
    }
    return LUA_OK;
}

static int run_init(lua_State *L)
{
    const char *name = "=LUA_INIT_5_4", *init = getenv(name + 1);
    if (!init) init = getenv((name = "=LUA_INIT") + 1);
    if (!init) return LUA_OK;
    return init[0] == '@' ? run_chunk(L, luaL_loadfile(L, init + 1)) : run_text(L, init, name);
}

/* Runs argv[script] (- is standard input) with the arguments after it. LUA_ERRFILE when it cannot be opened.
 */
static int run_script(lua_State *L, char **argv, int script)
{
    const char *name = argv[script];
    if (strcmp(name, "-") == 0 && strcmp(argv[script - 1], "--") != 0) name = NULL;
    int status = luaL_loadfile(L, name);
    if (status == LUA_ERRFILE && name && !strpbrk(name, "./")) {
        lua_pop(L, 1);
        lua_pushfstring(L, "'%s' is neither a command nor a file (fovea --help lists the commands)", name);
    }
    if (status != LUA_OK) return host_report(L, status);
    int count = 0;
    luaL_checkstack(L, 1, "too many arguments");
    for (char **argument = argv + script + 1; *argument; argument++, count++) {
        luaL_checkstack(L, 1, "too many arguments");
        lua_pushstring(L, *argument);
    }
    return host_report(L, host_call(L, count, 0));
}

int host_run_lua(lua_State *L, char **argv)
{
    options o;
    int argc = 0;
    while (argv[argc]) argc++;
    int wrong = argc > 0 ? read_options(argv, &o) : 0;
    if (wrong) return usage(argv[wrong]);
    if (!argc) o = (options){0};
    host_push_arguments(L, argv, o.script);
    lua_setglobal(L, "arg");
    if (o.version) {
        lua_getglobal(L, "require");
        lua_pushliteral(L, "fovea.core");
        lua_call(L, 1, 1);
        lua_getfield(L, -1, "version");
        lua_call(L, 0, 1);
        printf("fovea %s, %s\n", lua_tostring(L, -1), LUA_RELEASE);
        lua_pop(L, 2);
    }
    if (!o.no_environment && run_init(L) != LUA_OK) return 1;
    if (run_options(L, argv, o.script ? o.script : argc) != LUA_OK) return 1;
    int status = o.script ? run_script(L, argv, o.script) : LUA_OK;
    if (status != LUA_OK) return status == LUA_ERRFILE ? 2 : 1; /* a wrong name is misuse */
    if (o.interactive)
        host_interact(L);
    else if (!o.script && !o.chunks && !o.version) {
        if (isatty(STDIN_FILENO))
            host_interact(L);
        else
            return run_chunk(L, luaL_loadfile(L, NULL)) != LUA_OK;
    }
    return 0;
}
