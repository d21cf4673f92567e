/* Tensor maths in Lua: operators, element-wise methods and comparisons. */
#include "bind/tensor.h"
#include "tensor/math.h"

#include <math.h>

/* upvalue 1: the fv_binary */
static int m_binary(lua_State *L)
{
    fv_error err;
    fv_tensor scalar[2];
    float value[2];
    fv_binary op = (fv_binary)lua_tointeger(L, lua_upvalueindex(1));
    const fv_tensor *a = fvl_operand(L, 1, &scalar[0], &value[0], fv_binary_name(op));
    const fv_tensor *b = fvl_operand(L, 2, &scalar[1], &value[1], fv_binary_name(op));
    return fvl_tensor_result(L, fv_tensor_binary(fvl_new_tensor(L), op, a, b, &err), &err);
}

/* upvalue 1: the fv_unary */
static int m_unary(lua_State *L)
{
    fv_error err;
    fv_unary op = (fv_unary)lua_tointeger(L, lua_upvalueindex(1));
    fv_tensor *a = fvl_check_tensor(L, 1);
    return fvl_tensor_result(L, fv_tensor_unary(fvl_new_tensor(L), op, a, &err), &err);
}

/* condition:where(a, b) */
static int m_where(lua_State *L)
{
    fv_error err;
    fv_tensor scalar[2];
    float value[2];
    const fv_tensor *condition = fvl_check_tensor(L, 1);
    const fv_tensor *a = fvl_operand(L, 2, &scalar[0], &value[0], "where");
    const fv_tensor *b = fvl_operand(L, 3, &scalar[1], &value[1], "where");
    return fvl_tensor_result(L, fv_tensor_where(fvl_new_tensor(L), condition, a, b, &err), &err);
}

/* t:clamp(low, high); nil: no limit on that side */
static int m_clamp(lua_State *L)
{
    fv_error err;
    fv_tensor *a = fvl_check_tensor(L, 1);
    float low = (float)luaL_optnumber(L, 2, -HUGE_VAL), high = (float)luaL_optnumber(L, 3, HUGE_VAL);
    return fvl_tensor_result(L, fv_tensor_clamp(fvl_new_tensor(L), a, low, high, &err), &err);
}

/* In the table at the top, field `name` = function with op as its upvalue. */
static void set_operation(lua_State *L, const char *name, lua_CFunction function, int op)
{
    lua_pushinteger(L, op);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

static void set_operators(lua_State *L)
{
    static const struct {
        const char *event;
        fv_binary op;
    } operators[] = {{"__add", FV_BINARY_ADD}, {"__sub", FV_BINARY_SUB}, {"__mul", FV_BINARY_MUL},
                     {"__div", FV_BINARY_DIV}, {"__pow", FV_BINARY_POW}, {"__band", FV_BINARY_AND},
                     {"__bor", FV_BINARY_OR},  {"__bxor", FV_BINARY_XOR}};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        set_operation(L, operators[i].event, m_binary, (int)operators[i].op);
    set_operation(L, "__unm", m_unary, FV_UNARY_NEG);
    set_operation(L, "__bnot", m_unary, FV_UNARY_NOT);
}

int fvl_open_tensor_math(lua_State *L);
int fvl_open_tensor_math(lua_State *L)
{
    static const luaL_Reg methods[] = {{"where", m_where}, {"clamp", m_clamp}, {NULL, NULL}};
    fvl_tensor_extend(L, methods, NULL);
    lua_getfield(L, -1, "Tensor");
    for (int op = 0; op < FV_BINARY_COUNT; op++)
        set_operation(L, fv_binary_name((fv_binary)op), m_binary, op);
    for (int op = 0; op < FV_UNARY_COUNT; op++) set_operation(L, fv_unary_name((fv_unary)op), m_unary, op);
    luaL_getmetatable(L, FVL_TENSOR);
    set_operators(L);
    lua_pop(L, 2);
    return 0;
}
