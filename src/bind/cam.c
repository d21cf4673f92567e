/* fovea.core.cam: channel weighting, seeds, normalisers. See src/cam for the definitions. */
#include "bind/fvl.h"
#include "cam/combine.h"
#include "cam/normalise.h"
#include "cam/seed.h"

/* channel_weights(gradient) -> N x C x 1 x 1 */
static int l_channel_weights(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    fv_tensor *gradient = fvl_check_tensor(L, 1), **out = fvl_new_tensor(L);
    if (fv_cam_channel_weights(out, gradient, &err)) return fvl_fail(L, &err);
    return fvl_tensor_filled(L);
}

/* combine_channels(activation, weights) -> N x 1 x spatial */
static int l_combine_channels(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_tensor *activation = fvl_check_tensor(L, 1), *alpha = fvl_check_tensor(L, 2);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_cam_combine_channels(out, activation, alpha, &err)) return fvl_fail(L, &err);
    return fvl_tensor_filled(L);
}

/* combine_elements(activation, gradient) -> N x 1 x spatial */
static int l_combine_elements(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_tensor *activation = fvl_check_tensor(L, 1), *gradient = fvl_check_tensor(L, 2);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_cam_combine_elements(out, activation, gradient, &err)) return fvl_fail(L, &err);
    return fvl_tensor_filled(L);
}

/* {kind = "logit"|"sigmoid"|"softmax"|"contrast", class = 1, axis = 2, mean = false} at arg. */
static fv_target check_target(lua_State *L, int arg, const char *what)
{
    static const char *const keys[] = {"kind", "class", "axis", "mean", NULL};
    static const char *const kinds[] = {"logit", "sigmoid", "softmax", "contrast", NULL};
    fvl_check_keys(L, arg, keys, what);
    fv_target t = {.kind = (fv_score_kind)fvl_opt_choice(L, arg, "kind", 0, kinds, what)};
    lua_Integer class = fvl_opt_integer(L, arg, "class", 1, what);
    t.class_index = class >= 1 ? class - 1 : -1;
    lua_Integer axis = fvl_opt_integer(L, arg, "axis", 2, what);
    t.class_axis = axis >= 1 && axis <= FV_MAX_RANK ? (int)axis - 1 : FV_MAX_RANK;
    t.mean = fvl_opt_boolean(L, arg, "mean", 0, what);
    return t;
}

/* seed(logits, weights[, target]) -> tensor shaped like logits */
static int l_seed(lua_State *L)
{
    fv_error err;
    lua_settop(L, 3);
    fv_tensor *logits = fvl_check_tensor(L, 1), *weights = fvl_check_tensor(L, 2);
    fv_target target = check_target(L, 3, "seed");
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_cam_seed(out, logits, weights, &target, &err)) return fvl_fail(L, &err);
    return fvl_tensor_filled(L);
}

/* score(logits, weights[, target]) -> list with one {value=, count=, saturated=} per batch item */
static int l_score(lua_State *L)
{
    fv_error err;
    lua_settop(L, 3);
    fv_tensor *logits = fvl_check_tensor(L, 1), *weights = fvl_check_tensor(L, 2);
    fv_target target = check_target(L, 3, "score");
    size_t items = logits->shape.rank > 0 ? (size_t)logits->shape.dim[0] : 0;
    fv_score *scores = lua_newuserdatauv(L, (items + 1) * sizeof *scores, 0);
    if (fv_cam_score(scores, logits, weights, &target, &err)) return fvl_fail(L, &err);
    lua_createtable(L, (int)items, 0);
    for (size_t i = 0; i < items; i++) {
        lua_createtable(L, 0, 3);
        lua_pushnumber(L, scores[i].value);
        lua_setfield(L, -2, "value");
        lua_pushinteger(L, (lua_Integer)scores[i].count);
        lua_setfield(L, -2, "count");
        lua_pushnumber(L, scores[i].saturated);
        lua_setfield(L, -2, "saturated");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* normalise(map, kind[, parameter]) -> tensor, status name */
static int l_normalise(lua_State *L)
{
    static const char *const kinds[] = {
        "none", "relu_max", "minmax", "minmax_flipped", "absmax", "percentile", "sum", "cohort", NULL};
    static const char *const names[] = {
        [FV_MAP_OK] = "OK",
        [FV_MAP_ALL_NONPOSITIVE] = "ALL_NONPOSITIVE",
        [FV_MAP_CONSTANT] = "CONSTANT",
        [FV_MAP_NONFINITE] = "NONFINITE",
    };
    fv_error err;
    fv_map_status map_status;
    lua_settop(L, 3);
    fv_tensor *map = fvl_check_tensor(L, 1);
    fv_normaliser kind = (fv_normaliser)luaL_checkoption(L, 2, NULL, kinds);
    double parameter = luaL_optnumber(L, 3, 2);
    fv_tensor **out = fvl_new_tensor(L);
    if (fv_cam_normalise(out, map, kind, parameter, &map_status, &err)) return fvl_fail(L, &err);
    fvl_tensor_filled(L);
    lua_pushstring(L, names[map_status]);
    return 2;
}

int fvl_open_cam(lua_State *L);
int fvl_open_cam(lua_State *L)
{
    static const luaL_Reg functions[] = {{"channel_weights", l_channel_weights},
                                         {"combine_channels", l_combine_channels},
                                         {"combine_elements", l_combine_elements},
                                         {"seed", l_seed},
                                         {"score", l_score},
                                         {"normalise", l_normalise},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "cam");
    return 0;
}
