/* fovea.Plan: a graph compiled for one purpose, run from Lua. */
#include "graph/plan.h"
#include "bind/graph.h"
#include "cam/tap_maps.h"

#define FVL_PLAN "fovea.Plan"

static fv_plan *check_plan(lua_State *L, int arg)
{
    return fvl_unbox(L, arg, FVL_PLAN);
}

/* Reads options[field], a list of nodes, into memory owned by the Lua stack. */
static fv_node_list node_list(lua_State *L, int arg, const char *field)
{
    fv_node_list list = {0};
    if (lua_getfield(L, arg, field) == LUA_TNIL) return list;
    if (lua_type(L, -1) != LUA_TTABLE) luaL_error(L, "plan: option '%s' must be a list of nodes", field);
    list.count = (int)luaL_len(L, -1);
    fv_node **nodes = lua_newuserdatauv(L, sizeof *nodes * (size_t)(list.count + 1), 0);
    for (int i = 0; i < list.count; i++) {
        lua_rawgeti(L, -2, i + 1);
        nodes[i] = fvl_check_node(L, -1);
        lua_pop(L, 1);
    }
    list.node = nodes;
    return list;
}

/* graph:plan { mode = "infer" | "explain" | "train", taps = {...}, seeds = {...}, gradients = {...},
 * means = {...}, given = {...} (nodes that are set like inputs), fold = true, exact = false, precision =
 * "f32" | "bf16", memory = bytes (0: no limit; when it is too little, the smallest that works is the fourth
 * result), statistics = "batch" | "running" (of batch normalisation in train mode) } */
static int m_graph_plan(lua_State *L)
{
    static const char *const keys[] = {"mode", "taps",  "seeds",     "gradients",  "means",  "given",
                                       "fold", "exact", "precision", "statistics", "memory", NULL};
    static const char *const modes[] = {"infer", "explain", "train", NULL};
    static const char *const statistics[] = {"batch", "running", NULL};
    static const char *const precisions[] = {"f32", "bf16", NULL};
    fv_error err;
    lua_settop(L, 2);
    fv_graph *graph = fvl_check_graph(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    fvl_check_keys(L, 2, keys, "plan");
    fv_plan_spec spec = {.mode = (fv_mode)fvl_opt_choice(L, 2, "mode", FV_MODE_INFER, modes, "plan")};
    spec.keep_all = !fvl_opt_boolean(L, 2, "fold", 1, "plan");
    lua_Integer budget = fvl_opt_integer(L, 2, "memory", 0, "plan");
    if (budget < 0) return luaL_error(L, "plan: option 'memory' must not be negative");
    size_t least = 0;
    spec.budget = (size_t)budget;
    spec.least = &least;
    spec.fixed_statistics = fvl_opt_choice(L, 2, "statistics", 0, statistics, "plan");
    spec.exact = fvl_opt_boolean(L, 2, "exact", 0, "plan");
    spec.bfloat = fvl_opt_choice(L, 2, "precision", 0, precisions, "plan");
    spec.taps = node_list(L, 2, "taps");
    spec.seeds = node_list(L, 2, "seeds");
    spec.gradients = node_list(L, 2, "gradients");
    spec.given = node_list(L, 2, "given");
    spec.means = node_list(L, 2, "means");
    void **box = fvl_box(L, FVL_PLAN, 0);
    if (fv_plan_new((fv_plan **)box, graph, &spec, &err) == FV_OK) return 1;
    int count = fvl_fail(L, &err);
    if (!least) return count;
    lua_pushinteger(L, (lua_Integer)least);
    return count + 1;
}

static int m_set_input(lua_State *L)
{
    fv_error err;
    fv_status status =
        fv_plan_set_input(check_plan(L, 1), fvl_check_node(L, 2), fvl_check_tensor(L, 3), &err);
    return status ? fvl_fail(L, &err) : (lua_settop(L, 1), 1);
}

/* Reads a list of integers at arg, less `base`. */
static fv_ints check_ints(lua_State *L, int arg, int base)
{
    fv_ints list = {0};
    luaL_checktype(L, arg, LUA_TTABLE);
    list.count = (int)luaL_len(L, arg);
    luaL_argcheck(L, list.count <= FV_MAX_RANK, arg, "has too many entries");
    for (int i = 0; i < list.count; i++) {
        lua_rawgeti(L, arg, i + 1);
        luaL_argcheck(L, lua_isinteger(L, -1), arg, "must be a list of integers");
        list.value[i] = lua_tointeger(L, -1) - base;
        lua_pop(L, 1);
    }
    return list;
}

/* set_part(node, item, at, size, tensor, from_item, from): a box of a batch item of an input or given node
 * becomes a box of a batch item of the tensor; at, size and from have one entry per spatial axis. */
static int m_set_part(lua_State *L)
{
    fv_error err;
    lua_settop(L, 8);
    fv_plan *plan = check_plan(L, 1);
    const fv_node *node = fvl_check_node(L, 2);
    fv_plan_part part = {.tensor = fvl_check_tensor(L, 6)};
    part.item = luaL_checkinteger(L, 3) - 1;
    part.from_item = luaL_checkinteger(L, 7) - 1;
    part.at = check_ints(L, 4, 1);
    part.size = check_ints(L, 5, 0);
    part.from = check_ints(L, 8, 1);
    return fv_plan_set_part(plan, node, &part, &err) ? fvl_fail(L, &err) : (lua_settop(L, 1), 1);
}

static int m_set_seed(lua_State *L)
{
    fv_error err;
    fv_status status = fv_plan_set_seed(check_plan(L, 1), fvl_check_node(L, 2), fvl_check_tensor(L, 3), &err);
    return status ? fvl_fail(L, &err) : (lua_settop(L, 1), 1);
}

static int m_forward(lua_State *L)
{
    fv_error err;
    return fv_plan_forward(check_plan(L, 1), &err) ? fvl_fail(L, &err) : (lua_settop(L, 1), 1);
}

/* forward_plans(list): the forward passes of all, each in a thread of its own. */
static int l_forward_plans(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    luaL_checktype(L, 1, LUA_TTABLE);
    int count = (int)luaL_len(L, 1);
    fv_plan **plans = lua_newuserdatauv(L, sizeof *plans * (size_t)(count + 1), 0);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 1, i + 1);
        plans[i] = check_plan(L, -1);
        lua_pop(L, 1);
    }
    if (fv_plan_forward_all(plans, count, &err)) return fvl_fail(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* set_run(n): the next forward pass is number n, from 1 on; dropout draws by it. */
static int m_set_run(lua_State *L)
{
    fv_plan *plan = check_plan(L, 1);
    lua_Integer run = luaL_checkinteger(L, 2);
    luaL_argcheck(L, run >= 1, 2, "passes count from 1");
    fv_plan_set_run(plan, (uint64_t)run - 1);
    lua_settop(L, 1);
    return 1;
}

static int m_backward(lua_State *L)
{
    fv_error err;
    return fv_plan_backward(check_plan(L, 1), &err) ? fvl_fail(L, &err) : (lua_settop(L, 1), 1);
}

static int m_value(lua_State *L)
{
    fv_error err;
    fv_plan *plan = check_plan(L, 1);
    fv_node *node = fvl_check_node(L, 2);
    fv_status status = fv_plan_value(plan, node, fvl_new_tensor(L), &err);
    return status ? fvl_fail(L, &err) : fvl_tensor_filled(L);
}

static int m_gradient(lua_State *L)
{
    fv_error err;
    fv_plan *plan = check_plan(L, 1);
    fv_node *node = fvl_check_node(L, 2);
    fv_status status = fv_plan_gradient(plan, node, fvl_new_tensor(L), &err);
    return status ? fvl_fail(L, &err) : fvl_tensor_filled(L);
}

/* gradient_means(node) -> means over the positions of the gradient of a node of `means`, N x C x 1 x 1, and
 * of its magnitude. */
static int m_gradient_means(lua_State *L)
{
    fv_error err;
    lua_settop(L, 2);
    fv_plan *plan = check_plan(L, 1);
    fv_node *node = fvl_check_node(L, 2);
    fv_tensor **means = fvl_new_tensor(L), **magnitudes = fvl_new_tensor(L);
    fv_status status = fv_plan_gradient_means(plan, node, means, magnitudes, &err);
    return status ? fvl_fail(L, &err) : fvl_tensor_filled(L) + 1;
}

/* maps(node, weights) -> sum over the channels of a tap times weights, for one question after the other:
 * weights hold Q x N x C numbers, the maps are Q N x 1 x spatial. */
static int m_maps(lua_State *L)
{
    fv_error err;
    fv_plan_tap tap;
    lua_settop(L, 3);
    fv_plan *plan = check_plan(L, 1);
    fv_node *node = fvl_check_node(L, 2);
    fv_tensor *weights = fvl_check_tensor(L, 3), **out = fvl_new_tensor(L);
    fv_status status = fv_plan_look(plan, node, &tap, &err);
    if (status == FV_OK) status = fv_cam_tap_maps(out, &tap, weights, &err);
    return status ? fvl_fail(L, &err) : fvl_tensor_filled(L);
}

static void set_string(lua_State *L, const char *field, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

/* steps(): list of { phase, pass, node, op, implementation, shape, macs, seconds, bytes }; macs are those of
 * the node's forward pass, pass is missing in what the plan adds. */
static int m_steps(lua_State *L)
{
    const fv_plan *plan = check_plan(L, 1);
    lua_newtable(L);
    for (int i = 0; i < fv_plan_step_count(plan); i++) {
        fv_step_info info = fv_plan_step(plan, i);
        lua_createtable(L, 0, 9);
        set_string(L, "phase", info.phase);
        if (info.pass) set_string(L, "pass", info.pass);
        set_string(L, "node", info.node->name);
        set_string(L, "op", fv_node_kind(info.node));
        set_string(L, "implementation", info.implementation);
        fvl_push_shape(L, &info.node->shape);
        lua_setfield(L, -2, "shape");
        lua_pushnumber(L, info.node->op && info.node->op->macs ? info.node->op->macs(info.node) : 0.0);
        lua_setfield(L, -2, "macs");
        lua_pushnumber(L, info.seconds);
        lua_setfield(L, -2, "seconds");
        lua_pushnumber(L, info.bytes);
        lua_setfield(L, -2, "bytes");
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* memory(): bytes of the arena, of packed weights, of the scratchpad, of weights, and the most at a time; and
 * what is done to save memory: segments, exact. */
static int m_memory(lua_State *L)
{
    fv_plan_memory use = fv_plan_memory_use(check_plan(L, 1));
    const struct {
        const char *name;
        size_t bytes;
    } fields[] = {{"arena", use.arena},
                  {"packed", use.packed},
                  {"scratchpad", use.scratchpad},
                  {"weights", use.weights},
                  {"peak", use.peak}};
    lua_createtable(L, 0, 7);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        lua_pushinteger(L, (lua_Integer)fields[i].bytes);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushinteger(L, use.segments);
    lua_setfield(L, -2, "segments");
    lua_pushboolean(L, use.exact);
    lua_setfield(L, -2, "exact");
    return 1;
}

/* close(): gives its memory back at once; also by <close> and the collector. */
static int mm_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FVL_PLAN);
    fv_plan_free(*box);
    *box = NULL;
    return 0;
}

static int mm_tostring(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FVL_PLAN);
    if (*box)
        lua_pushfstring(L, "fovea.Plan: %d steps", fv_plan_step_count(*box));
    else
        lua_pushliteral(L, "fovea.Plan: closed");
    return 1;
}

int fvl_open_plan(lua_State *L);
int fvl_open_plan(lua_State *L)
{
    static const luaL_Reg methods[] = {{"set_input", m_set_input}, {"set_seed", m_set_seed},
                                       {"forward", m_forward},     {"backward", m_backward},
                                       {"value", m_value},         {"gradient", m_gradient},
                                       {"steps", m_steps},         {"memory", m_memory},
                                       {"set_run", m_set_run},     {"close", mm_gc},
                                       {"set_part", m_set_part},   {"gradient_means", m_gradient_means},
                                       {"maps", m_maps},           {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", mm_gc}, {"__tostring", mm_tostring}, {NULL, NULL}};
    fvl_class(L, FVL_PLAN, methods, metamethods);
    lua_pushcfunction(L, l_forward_plans);
    lua_setfield(L, -2, "forward_plans");
    lua_getfield(L, -1, "Graph");
    lua_pushcfunction(L, m_graph_plan);
    lua_setfield(L, -2, "plan");
    lua_pop(L, 1);
    return 0;
}
