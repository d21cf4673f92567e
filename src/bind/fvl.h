/* Helpers shared by the binding files: the only layer that includes lua.h.
 *
 * Rules for a binding function: settop first, check all arguments, create the userdata (empty, with its
 * metatable) before the resource, call one C function, return. Names by role: l_* functions of a module
 * table, m_* methods, mm_* metamethods. C counts from 0 and Lua from 1: the conversion happens here only. */
#ifndef FV_BIND_FVL_H
#define FV_BIND_FVL_H

#include "base/status.h"
#include "tensor/tensor.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

/* Opens the module "fovea.core" (declared here for the host binary). */
int luaopen_fovea_core(lua_State *L);

/* Misuse raises a Lua error with the text of err (position of the caller in front); an external failure
 * pushes nil, message, code and returns 3. Use as `if (status) return fvl_fail(L, &err);`. */
int fvl_fail(lua_State *L, const fv_error *err);

/* As fvl_fail, but always raises: for functions that have no nil, message result (arithmetic). */
int fvl_raise(lua_State *L, const fv_error *err);

/* Creates the metatable `name` with the given methods (in __index) and metamethods; leaves the stack as it
 * was. metamethods should hold __gc; __close is set to the same function. The method table is also stored as
 * field `name` after the last dot in the module table at the top of the stack (so that Lua code can add
 * methods). */
void fvl_class(lua_State *L, const char *name, const luaL_Reg *methods, const luaL_Reg *metamethods);

/* Pushes a new userdata of class `name` holding a NULL pointer and `uservalues` user values; the caller fills
 * the box when the resource exists. */
void **fvl_box(lua_State *L, const char *name, int uservalues);

/* The pointer in the box at index arg; raises when the type is wrong or the object is closed. */
void *fvl_unbox(lua_State *L, int arg, const char *name);

/* --- tensors --- */

#define FVL_TENSOR "fovea.Tensor"

/* The tensor at arg; raises otherwise. Borrowed: valid while the value is on the stack. */
fv_tensor *fvl_check_tensor(lua_State *L, int arg);

/* The tensor at arg, or NULL when it is none. */
fv_tensor *fvl_test_tensor(lua_State *L, int arg);

/* Pushes an empty tensor box (step one of box first, resource second). */
fv_tensor **fvl_new_tensor(lua_State *L);

/* Counts the bytes of the tensor in the box at the top of the stack towards the collection budget, collecting
 * when it is exceeded. Call once the box is filled. Returns 1, so that it can end a binding function. */
int fvl_tensor_filled(lua_State *L);

/* Reads a shape from a table of integers at arg ({1, 3, 64, 64}); raises with `what` in the text. */
fv_shape fvl_check_shape(lua_State *L, int arg, const char *what);

/* Pushes a table with the dimensions. */
void fvl_push_shape(lua_State *L, const fv_shape *shape);

/* --- option tables --- */

/* Field of the option table at arg; `what` starts the error text ("conv: option 'stride' ..."). The default
 * is returned when the table or the field is nil. */
lua_Integer fvl_opt_integer(lua_State *L, int arg, const char *field, lua_Integer fallback, const char *what);
lua_Number fvl_opt_number(lua_State *L, int arg, const char *field, lua_Number fallback, const char *what);
int fvl_opt_boolean(lua_State *L, int arg, const char *field, int fallback, const char *what);
/* Index of the string in choices (NULL-terminated); choices[fallback] is the default. */
int fvl_opt_choice(lua_State *L, int arg, const char *field, int fallback, const char *const choices[],
                   const char *what);
/* Raises when the table at arg has a key that is not in the NULL-terminated list. */
void fvl_check_keys(lua_State *L, int arg, const char *const known[], const char *what);

#endif
