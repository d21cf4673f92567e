/* fovea.core.train: losses with their gradients, and updates of parameters. See tensor/loss.h, optimise.h. */
#include "bind/fvl.h"
#include "tensor/loss.h"
#include "tensor/optimise.h"

/* The list `weights` of the options at arg, one number per channel, in memory of the Lua stack; or NULL. */
static const double *channel_weights(lua_State *L, int arg, const fv_tensor *logits, const char *what)
{
    int channels = logits->shape.rank > 1 ? (int)logits->shape.dim[1] : 0;
    if (lua_isnil(L, arg) || lua_getfield(L, arg, "weights") == LUA_TNIL) return NULL;
    if (!lua_istable(L, -1) || luaL_len(L, -1) != channels)
        luaL_error(L, "%s: option 'weights' must be a list of %d numbers", what, channels);
    double *weights = lua_newuserdatauv(L, sizeof *weights * (size_t)(channels + 1), 0);
    for (int i = 0; i < channels; i++) {
        if (lua_rawgeti(L, -2, i + 1) != LUA_TNUMBER)
            luaL_error(L, "%s: weight %d is not a number", what, i + 1);
        weights[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return weights;
}

/* The result of a loss: its value and the gradient in the box at the top. */
static int push_loss(lua_State *L, fv_status status, double value, const fv_error *err)
{
    if (status) return fvl_fail(L, err);
    fvl_tensor_filled(L);
    lua_pushnumber(L, value);
    lua_insert(L, -2);
    return 2;
}

/* cross_entropy(logits, target, {softmax, gamma, positive, negative, weights}) -> value, gradient */
static int l_cross_entropy(lua_State *L)
{
    static const char *const keys[] = {"softmax", "gamma", "positive", "negative", "weights", NULL};
    static const char what[] = "cross_entropy";
    fv_error err;
    double value = 0.0;
    lua_settop(L, 3);
    const fv_tensor *logits = fvl_check_tensor(L, 1), *target = fvl_check_tensor(L, 2);
    fvl_check_keys(L, 3, keys, what);
    fv_cross_entropy spec = {.softmax = fvl_opt_boolean(L, 3, "softmax", 0, what),
                             .gamma = fvl_opt_number(L, 3, "gamma", 0.0, what),
                             .positive = fvl_opt_number(L, 3, "positive", 1.0, what),
                             .negative = fvl_opt_number(L, 3, "negative", 1.0, what),
                             .weight = channel_weights(L, 3, logits, what)};
    fv_tensor **gradient = fvl_new_tensor(L);
    fv_status status = fv_loss_cross_entropy(&value, gradient, logits, target, &spec, &err);
    return push_loss(L, status, value, &err);
}

/* overlap(logits, target, {softmax, per_image, alpha, beta, smooth, weights}) -> value, gradient */
static int l_overlap(lua_State *L)
{
    static const char *const keys[] = {"softmax", "per_image", "alpha", "beta", "smooth", "weights", NULL};
    static const char what[] = "overlap";
    fv_error err;
    double value = 0.0;
    lua_settop(L, 3);
    const fv_tensor *logits = fvl_check_tensor(L, 1), *target = fvl_check_tensor(L, 2);
    fvl_check_keys(L, 3, keys, what);
    fv_overlap spec = {.softmax = fvl_opt_boolean(L, 3, "softmax", 0, what),
                       .per_image = fvl_opt_boolean(L, 3, "per_image", 0, what),
                       .alpha = fvl_opt_number(L, 3, "alpha", 0.5, what),
                       .beta = fvl_opt_number(L, 3, "beta", 0.5, what),
                       .smooth = fvl_opt_number(L, 3, "smooth", 0.5, what),
                       .weight = channel_weights(L, 3, logits, what)};
    fv_tensor **gradient = fvl_new_tensor(L);
    fv_status status = fv_loss_overlap(&value, gradient, logits, target, &spec, &err);
    return push_loss(L, status, value, &err);
}

/* sgd(weights, gradient, buffer or nil, {rate, momentum, decay, scale, nesterov}), in place */
static int l_sgd(lua_State *L)
{
    static const char *const keys[] = {"rate", "momentum", "decay", "scale", "nesterov", NULL};
    static const char what[] = "sgd";
    fv_error err;
    lua_settop(L, 4);
    fv_tensor *weights = fvl_check_tensor(L, 1), *gradient = fvl_check_tensor(L, 2);
    fv_tensor *buffer = lua_isnil(L, 3) ? NULL : fvl_check_tensor(L, 3);
    fvl_check_keys(L, 4, keys, what);
    fv_sgd_step step = {.rate = fvl_opt_number(L, 4, "rate", 0.0, what),
                        .momentum = fvl_opt_number(L, 4, "momentum", 0.0, what),
                        .decay = fvl_opt_number(L, 4, "decay", 0.0, what),
                        .scale = fvl_opt_number(L, 4, "scale", 1.0, what),
                        .nesterov = fvl_opt_boolean(L, 4, "nesterov", 0, what)};
    if (fv_optimise_sgd(weights, gradient, buffer, &step, &err)) return fvl_fail(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* adam(weights, gradient, mean, square, {beta1, beta2, epsilon, scale, decay, keep, rate_m, rate_g, root}),
 * in place */
static int l_adam(lua_State *L)
{
    static const char *const keys[] = {"beta1", "beta2",  "epsilon", "scale", "decay",
                                       "keep",  "rate_m", "rate_g",  "root",  NULL};
    static const char what[] = "adam";
    fv_error err;
    lua_settop(L, 5);
    fv_tensor *weights = fvl_check_tensor(L, 1), *gradient = fvl_check_tensor(L, 2);
    fv_tensor *mean = fvl_check_tensor(L, 3), *square = fvl_check_tensor(L, 4);
    fvl_check_keys(L, 5, keys, what);
    fv_adam_step step = {.beta1 = fvl_opt_number(L, 5, "beta1", 0.9, what),
                         .beta2 = fvl_opt_number(L, 5, "beta2", 0.999, what),
                         .epsilon = fvl_opt_number(L, 5, "epsilon", 1e-8, what),
                         .scale = fvl_opt_number(L, 5, "scale", 1.0, what),
                         .decay = fvl_opt_number(L, 5, "decay", 0.0, what),
                         .keep = fvl_opt_number(L, 5, "keep", 1.0, what),
                         .rate_m = fvl_opt_number(L, 5, "rate_m", 0.0, what),
                         .rate_g = fvl_opt_number(L, 5, "rate_g", 0.0, what),
                         .root = fvl_opt_number(L, 5, "root", 1.0, what)};
    if (fv_optimise_adam(weights, gradient, mean, square, &step, &err)) return fvl_fail(L, &err);
    lua_settop(L, 1);
    return 1;
}

/* square_sum(tensor) -> number */
static int l_square_sum(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushnumber(L, fv_square_sum(fvl_check_tensor(L, 1)));
    return 1;
}

int fvl_open_train(lua_State *L);
int fvl_open_train(lua_State *L)
{
    static const luaL_Reg functions[] = {{"cross_entropy", l_cross_entropy},
                                         {"overlap", l_overlap},
                                         {"sgd", l_sgd},
                                         {"adam", l_adam},
                                         {"square_sum", l_square_sum},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "train");
    return 0;
}
