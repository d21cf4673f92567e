/* Shared by the files that bind fovea.Tensor; each adds its methods to the class that tensor.c creates. */
#ifndef FV_BIND_TENSOR_H
#define FV_BIND_TENSOR_H

#include "bind/fvl.h"

/* Adds methods and metamethods (either may be NULL) to the Tensor class of the module table at the top. */
void fvl_tensor_extend(lua_State *L, const luaL_Reg *methods, const luaL_Reg *metamethods);

/* Ends a method or operator: status raises (also for lack of memory: an operator cannot return nil, message),
 * otherwise the tensor in the box at the top of the stack is the result. */
int fvl_tensor_result(lua_State *L, fv_status status, const fv_error *err);

/* The operand at arg: a tensor, or a number, for which *scalar (over *value) is filled and returned. */
const fv_tensor *fvl_operand(lua_State *L, int arg, fv_tensor *scalar, float *value, const char *what);

/* The axis at a stack index, from 0: an integer from 1, negative from the end, or one of the names batch,
 * channel, depth, height, width. The names follow the rank: 2 H W, 3 C H W, 4 N C H W, 5 N C D H W. */
int fvl_check_axis(lua_State *L, int arg, const fv_shape *shape, const char *what);

/* Turns a position (from 1, negative from the end) into one from 0; out of range stays out of range. */
int64_t fvl_position(lua_Integer position, int64_t size);

/* As fvl_check_keys, for tables that also hold a list. */
void fvl_check_named_keys(lua_State *L, int arg, const char *const known[], const char *what);

#endif
