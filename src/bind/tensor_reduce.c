/* Tensor reductions and order statistics in Lua. */
#include "bind/tensor.h"
#include "tensor/detect.h"
#include "tensor/inspect.h"
#include "tensor/matmul.h"
#include "tensor/order.h"
#include "tensor/reduce.h"

/* The axes of argument 2 as bits: one axis, or a list of axes with the option keep_dims. */
static unsigned axes_argument(lua_State *L, const fv_shape *shape, int *keep_dims, const char *what)
{
    static const char *const known[] = {"keep_dims", NULL};
    unsigned axes = 0;
    *keep_dims = 0;
    if (!lua_istable(L, 2)) return 1u << fvl_check_axis(L, 2, shape, what);
    fvl_check_named_keys(L, 2, known, what);
    *keep_dims = fvl_opt_boolean(L, 2, "keep_dims", 0, what);
    lua_Integer n = luaL_len(L, 2);
    if (!n) return ~0u;
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, 2, i);
        unsigned bit = 1u << fvl_check_axis(L, lua_gettop(L), shape, what);
        if (axes & bit) luaL_error(L, "%s: axis '%s' is named twice", what, luaL_tolstring(L, -1, NULL));
        axes |= bit;
        lua_pop(L, 1);
    }
    return axes;
}

/* t:sum() -> number (any: boolean); t:sum(axis) or t:sum{axes..., keep_dims = false} -> tensor. Upvalue 1:
 * the fv_reduction.
 */
static int m_reduce(lua_State *L)
{
    fv_error err;
    fv_reduction op = (fv_reduction)lua_tointeger(L, lua_upvalueindex(1));
    fv_tensor *t = fvl_check_tensor(L, 1);
    if (lua_isnoneornil(L, 2)) {
        double value;
        if (fv_tensor_reduce_all(&value, op, t, &err)) return fvl_raise(L, &err);
        if (op == FV_REDUCE_ANY)
            lua_pushboolean(L, value != 0); /* the number 0 would be true in Lua */
        else
            lua_pushnumber(L, value);
        return 1;
    }
    int keep_dims;
    unsigned axes = axes_argument(L, &t->shape, &keep_dims, fv_reduction_name(op));
    return fvl_tensor_result(L, fv_tensor_reduce(fvl_new_tensor(L), op, t, axes, keep_dims, &err), &err);
}

/* t:argmax() -> flat index, value; t:argmax(axis) -> tensor of indices. Indices count from 1. */
static int m_argmax(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        int axis = fvl_check_axis(L, 2, &t->shape, "argmax");
        return fvl_tensor_result(L, fv_tensor_argmax_axis(fvl_new_tensor(L), t, axis, 1, &err), &err);
    }
    size_t at;
    if (fv_tensor_argmax(&at, t, &err)) return fvl_raise(L, &err);
    lua_pushinteger(L, (lua_Integer)at + 1);
    lua_pushnumber(L, (lua_Number)t->data[at]);
    return 2;
}

static int m_softmax(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    int axis = fvl_check_axis(L, 2, &t->shape, "softmax");
    return fvl_tensor_result(L, fv_tensor_softmax(fvl_new_tensor(L), t, axis, &err), &err);
}

static int m_matmul(lua_State *L)
{
    fv_error err;
    fv_tensor *a = fvl_check_tensor(L, 1), *b = fvl_check_tensor(L, 2);
    return fvl_tensor_result(L, fv_tensor_matmul(fvl_new_tensor(L), a, b, &err), &err);
}

/* t:sort() -> all elements, ascending, rank 1 */
static int m_sort(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    return fvl_tensor_result(L, fv_tensor_sort(fvl_new_tensor(L), t, &err), &err);
}

/* t:ranks() -> mid-ranks from 1, shape of t */
static int m_ranks(lua_State *L)
{
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    return fvl_tensor_result(L, fv_tensor_ranks(fvl_new_tensor(L), t, &err), &err);
}

/* t:quantile(q), 0 <= q <= 1 */
static int m_quantile(lua_State *L)
{
    fv_error err;
    double value;
    fv_tensor *t = fvl_check_tensor(L, 1);
    if (fv_tensor_quantile(&value, t, luaL_checknumber(L, 2), &err)) return fvl_raise(L, &err);
    lua_pushnumber(L, value);
    return 1;
}

/* t:top_k(k) -> mask, whether the cut went through equal values */
static int m_top_k(lua_State *L)
{
    fv_error err;
    int ties;
    fv_tensor *t = fvl_check_tensor(L, 1);
    lua_Integer k = luaL_checkinteger(L, 2);
    luaL_argcheck(L, k >= 0, 2, "must not be negative");
    fvl_tensor_result(L, fv_tensor_top_k(fvl_new_tensor(L), &ties, t, (size_t)k, &err), &err);
    lua_pushboolean(L, ties);
    return 2;
}

/* t:detection(mask[, within]) -> area under the ROC curve, average precision, of the scores t */
static int m_detection(lua_State *L)
{
    fv_error err;
    fv_detection found;
    const fv_tensor *t = fvl_check_tensor(L, 1), *mask = fvl_check_tensor(L, 2);
    const fv_tensor *within = lua_isnoneornil(L, 3) ? NULL : fvl_check_tensor(L, 3);
    if (fv_tensor_detection(&found, t, mask, within, &err)) return fvl_raise(L, &err);
    lua_pushnumber(L, found.roc);
    lua_pushnumber(L, found.precision);
    return 2;
}

/* t:histogram{bins = 256, min = , max = } -> counts, edges; the range of the finite elements by default. */
static int m_histogram(lua_State *L)
{
    static const char *const known[] = {"bins", "min", "max", NULL};
    fv_error err;
    fv_tensor *t = fvl_check_tensor(L, 1);
    fvl_check_keys(L, 2, known, "histogram");
    lua_Integer bins = fvl_opt_integer(L, 2, "bins", 256, "histogram");
    fv_summary s = fv_tensor_summary(t);
    int empty = s.min != s.min; /* no finite element: any range will do */
    double low = fvl_opt_number(L, 2, "min", empty ? 0 : s.min, "histogram");
    double high = fvl_opt_number(L, 2, "max", empty ? low + 1 : s.max, "histogram");
    lua_settop(L, 1);
    fv_tensor **counts = fvl_new_tensor(L), **edges = fvl_new_tensor(L);
    if (fv_tensor_histogram(counts, edges, t, bins, low, high, &err)) return fvl_raise(L, &err);
    fvl_tensor_filled(L);
    return 2;
}

int fvl_open_tensor_reduce(lua_State *L);
int fvl_open_tensor_reduce(lua_State *L)
{
    static const luaL_Reg methods[] = {{"argmax", m_argmax},       {"softmax", m_softmax},
                                       {"matmul", m_matmul},       {"sort", m_sort},
                                       {"quantile", m_quantile},   {"top_k", m_top_k},
                                       {"histogram", m_histogram}, {"ranks", m_ranks},
                                       {"detection", m_detection}, {NULL, NULL}};
    fvl_tensor_extend(L, methods, NULL);
    lua_getfield(L, -1, "Tensor");
    for (int op = 0; op < FV_REDUCE_COUNT; op++) {
        lua_pushinteger(L, op);
        lua_pushcclosure(L, m_reduce, 1);
        lua_setfield(L, -2, fv_reduction_name((fv_reduction)op));
    }
    lua_pop(L, 1);
    return 0;
}
