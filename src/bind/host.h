/* The parts of the fovea binary: host.c (start, commands), host_lua.c (the arguments of lua(1)), host_edit.c
 * (the line editor) and host_line.c (what the prompt needs from C). */
#ifndef FV_BIND_HOST_H
#define FV_BIND_HOST_H

#include "bind/fvl.h"

/* Calls the function below the arguments; Ctrl-C interrupts it; an error message gets a traceback. */
int host_call(lua_State *L, int arguments, int results);

/* As host_call with the message handler at index `handler`. patient: a second Ctrl-C does not end the
 * program, it says how to. Ctrl-C does afterwards what it did before. */
int host_guarded(lua_State *L, int arguments, int results, int handler, int patient);

/* Prints the error at the top of the stack when status says there is one (and pops it); returns status. */
int host_report(lua_State *L, int status);

/* Pushes the table of arguments with argv[script] at index 0, what is before it at negative ones. */
void host_push_arguments(lua_State *L, char **argv, int script);

/* True when the options hold -E: neither LUA_PATH, LUA_CPATH nor LUA_INIT count. */
int host_ignores_environment(char **argv);

/* Behaves as lua(1) does with these arguments; returns the exit status. */
int host_run_lua(lua_State *L, char **argv);

/* Runs the prompt, fovea.repl. */
void host_interact(lua_State *L);

/* The module fovea.host. */
int luaopen_fovea_host(lua_State *L);

/* read_line(prompt[, complete]) -> text without newline, nil at the end of input, false after Ctrl-C; for a
 * terminal. complete(line, cursor) -> text to insert or nil, lines to show below or nil. */
int host_read_line(lua_State *L);

/* add_history(text): one entry, which may have several lines. */
int host_add_history(lua_State *L);

#endif
