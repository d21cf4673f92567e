/* The line editor of the prompt, libedit: history, completion by a Lua function, Ctrl-C drops the line. */
#include "bind/host.h"

#include <histedit.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { KEPT_ENTRIES = 5000 };

static struct {
    EditLine *el;
    History *history;
    lua_State *L;
    const char *prompt;
    int cancelled; /* Ctrl-C ended the line */
} editor;

/* \1 stands around what takes no place on the screen (colours). */
static char *prompt_text(EditLine *el)
{
    (void)el;
    return (char *)(uintptr_t)editor.prompt;
}

/* Calls the function at index 2 with the line and the cursor (bytes before it); leaves its two results. */
static int call_completion(lua_State *L)
{
    const LineInfo *line = el_line(editor.el);
    lua_pushlstring(L, line->buffer, (size_t)(line->lastchar - line->buffer));
    lua_pushinteger(L, line->cursor - line->buffer);
    lua_call(L, 2, 2);
    return 2;
}

/* Tab. An error in the completion is no reason to disturb the user: nothing happens. */
static unsigned char on_tab(EditLine *el, int key)
{
    lua_State *L = editor.L;
    unsigned char result = CC_NORM;
    (void)key;
    if (!lua_isfunction(L, 2)) return CC_ERROR;
    int top = lua_gettop(L);
    lua_pushcfunction(L, call_completion);
    lua_pushvalue(L, 2);
    if (lua_pcall(L, 1, 2, 0) == LUA_OK) {
        const char *insert = lua_tostring(L, -2), *list = lua_tostring(L, -1);
        if (insert && *insert) result = el_insertstr(el, insert) == 0 ? CC_REFRESH : CC_ERROR;
        if (list) {
            printf("\n%s\n", list);
            fflush(stdout);
            result = CC_REDISPLAY;
        }
    }
    lua_settop(L, top);
    return result;
}

static unsigned char on_cancel(EditLine *el, int key)
{
    (void)el, (void)key;
    editor.cancelled = 1;
    fputs("^C\n", stdout);
    return CC_EOF;
}

/* Ctrl-Z. The editor's own handler puts the terminal in order before and after. */
static unsigned char on_suspend(EditLine *el, int key)
{
    (void)el, (void)key;
    raise(SIGTSTP);
    return CC_REDISPLAY;
}

static void bind_keys(EditLine *el)
{
    static const char *const keys[][2] = {
        {"^I", "fovea-complete"},
        {"^C", "fovea-cancel"},
        {"^Z", "fovea-suspend"},
        {"^R", "em-inc-search-prev"},
        {"^W", "ed-delete-prev-word"},
        {"\\e[A", "ed-search-prev-history"},
        {"\\e[B", "ed-search-next-history"},
        {"\\eOA", "ed-search-prev-history"},
        {"\\eOB", "ed-search-next-history"},
        {"\\e[H", "ed-move-to-beg"},
        {"\\e[F", "ed-move-to-end"},
        {"\\eOH", "ed-move-to-beg"},
        {"\\eOF", "ed-move-to-end"},
        {"\\e[1~", "ed-move-to-beg"},
        {"\\e[4~", "ed-move-to-end"},
        {"\\e[3~", "ed-delete-next-char"},
        {"\\e[1;5C", "em-next-word"},
        {"\\e[1;5D", "ed-prev-word"},
    };
    el_set(el, EL_ADDFN, "fovea-complete", "complete the word before the cursor", on_tab);
    el_set(el, EL_ADDFN, "fovea-cancel", "drop the line", on_cancel);
    el_set(el, EL_ADDFN, "fovea-suspend", "stop the program for a while", on_suspend);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) el_set(el, EL_BIND, keys[i][0], keys[i][1], NULL);
    /* While a line is edited Ctrl-C and Ctrl-Z are keys, not signals. */
    el_set(el, EL_SETTY, "-d", "-isig", NULL);
}

static void close_editor(void)
{
    if (editor.el) el_end(editor.el);
    if (editor.history) history_end(editor.history);
    editor.el = NULL;
    editor.history = NULL;
}

/* The editor lives until the program ends; the marker in the registry closes it with the Lua state. */
static int mm_gc(lua_State *L)
{
    (void)L;
    close_editor();
    return 0;
}

static void open_editor(lua_State *L)
{
    HistEvent event;
    if (editor.el) return;
    lua_newuserdatauv(L, 1, 0);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, mm_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    lua_setfield(L, LUA_REGISTRYINDEX, "fovea.host.editor");
    setlocale(LC_CTYPE, "");
    editor.history = history_init();
    editor.el = el_init("fovea", stdin, stdout, stderr);
    if (!editor.el || !editor.history) {
        close_editor();
        luaL_error(L, "the line editor does not start (is TERM set?)");
    }
    history(editor.history, &event, H_SETSIZE, KEPT_ENTRIES);
    history(editor.history, &event, H_SETUNIQUE, 1);
    el_set(editor.el, EL_PROMPT_ESC, prompt_text, '\1');
    el_set(editor.el, EL_HIST, history, editor.history);
    el_set(editor.el, EL_EDITOR, "emacs");
    el_set(editor.el, EL_SIGNAL, 1);
    el_source(editor.el, NULL);
    bind_keys(editor.el);
}

int host_read_line(lua_State *L)
{
    int count = 0;
    lua_settop(L, 2);
    editor.prompt = luaL_checkstring(L, 1);
    open_editor(L);
    editor.L = L;
    editor.cancelled = 0;
    void (*before)(int) = signal(SIGINT, SIG_IGN);
    const char *line = el_gets(editor.el, &count);
    signal(SIGINT, before);
    if (editor.cancelled)
        lua_pushboolean(L, 0);
    else if (!line || count <= 0)
        lua_pushnil(L);
    else
        lua_pushlstring(L, line, (size_t)(line[count - 1] == '\n' ? count - 1 : count));
    return 1;
}

int host_add_history(lua_State *L)
{
    HistEvent event;
    const char *text = luaL_checkstring(L, 1);
    open_editor(L);
    history(editor.history, &event, H_ENTER, text);
    return 0;
}
