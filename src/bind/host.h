/* The parts of the fovea binary: host.c (start, commands), host_lua.c (the arguments of lua(1)) and
 * host_line.c (the interactive loop). */
#ifndef FV_BIND_HOST_H
#define FV_BIND_HOST_H

#include "bind/fvl.h"

/* Calls the function below the arguments; Ctrl-C interrupts it; an error message gets a traceback. */
int host_call(lua_State *L, int arguments, int results);

/* Prints the error at the top of the stack when status says there is one (and pops it); returns status. */
int host_report(lua_State *L, int status);

/* Pushes the table of arguments with argv[script] at index 0, what is before it at negative ones. */
void host_push_arguments(lua_State *L, char **argv, int script);

/* True when the options hold -E: neither LUA_PATH, LUA_CPATH nor LUA_INIT count. */
int host_ignores_environment(char **argv);

/* Behaves as lua(1) does with these arguments; returns the exit status. */
int host_run_lua(lua_State *L, char **argv);

/* Reads, runs and prints until the end of input: fovea.repl when there is such a module, a plain loop
 * otherwise. */
void host_interact(lua_State *L);

#endif
