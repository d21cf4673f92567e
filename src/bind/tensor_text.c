/* tostring(tensor): shape, range, mean and a corner of the values. */
#include "bind/tensor.h"
#include "tensor/inspect.h"

#include <stdio.h>

enum { CORNER = 6 }; /* rows and columns shown */

/* "tensor 1x3x64x64, min -1.5, max 2, mean 0.25, 3 NaN" */
static void add_summary(luaL_Buffer *b, const fv_tensor *t)
{
    char line[FV_SHAPE_TEXT + 160], shape[FV_SHAPE_TEXT];
    fv_summary s = fv_tensor_summary(t);
    snprintf(line, sizeof line, "tensor %s", fv_shape_text(&t->shape, shape));
    luaL_addstring(b, line);
    if (s.min == s.min) {
        snprintf(line, sizeof line, ", min %.4g, max %.4g, mean %.4g", s.min, s.max, s.mean);
        luaL_addstring(b, line);
    }
    if (s.nans) {
        snprintf(line, sizeof line, ", %zu NaN", s.nans);
        luaL_addstring(b, line);
    }
    if (s.infinities) {
        snprintf(line, sizeof line, ", %zu infinite", s.infinities);
        luaL_addstring(b, line);
    }
}

static void add_row(luaL_Buffer *b, const float *row, int64_t n)
{
    char number[32];
    luaL_addstring(b, "\n ");
    for (int64_t i = 0; i < n && i < CORNER; i++) {
        if (row[i] != row[i]) /* the sign of NaN is noise */
            snprintf(number, sizeof number, " %10s", "nan");
        else
            snprintf(number, sizeof number, " %10.4g", (double)row[i]);
        luaL_addstring(b, number);
    }
    if (n > CORNER) luaL_addstring(b, "  ...");
}

/* The first rows and columns of the last two axes, at the first position of the others. */
static void add_corner(luaL_Buffer *b, const fv_tensor *t)
{
    int rank = t->shape.rank;
    int64_t width = rank ? t->shape.dim[rank - 1] : 1;
    int64_t height = rank > 1 ? t->shape.dim[rank - 2] : 1;
    for (int64_t i = 0; i < height && i < CORNER; i++) add_row(b, t->data + i * width, width);
    if (height > CORNER) luaL_addstring(b, "\n  ...");
}

static int mm_tostring(lua_State *L)
{
    luaL_Buffer b;
    fv_tensor **box = luaL_checkudata(L, 1, FVL_TENSOR);
    if (!*box) {
        lua_pushliteral(L, "tensor (closed)");
        return 1;
    }
    luaL_buffinit(L, &b);
    add_summary(&b, *box);
    if ((*box)->count) add_corner(&b, *box);
    luaL_pushresult(&b);
    return 1;
}

int fvl_open_tensor_text(lua_State *L);
int fvl_open_tensor_text(lua_State *L)
{
    static const luaL_Reg metamethods[] = {{"__tostring", mm_tostring}, {NULL, NULL}};
    fvl_tensor_extend(L, NULL, metamethods);
    return 0;
}
