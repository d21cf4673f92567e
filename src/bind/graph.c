/* fovea.Graph and fovea.Node: building graphs from Lua. Every op is a method of a graph; one function serves
 * them all: graph:conv { x, w, b, stride = 2, name = "enc1" }. */
#include "bind/graph.h"

#include <string.h>

fv_graph *fvl_check_graph(lua_State *L, int arg)
{
    return fvl_unbox(L, arg, FVL_GRAPH);
}

fv_node *fvl_check_node(lua_State *L, int arg)
{
    return fvl_unbox(L, arg, FVL_NODE);
}

/* Pushes a node; its graph, at index graph, becomes its user value and so stays alive. */
static void push_node(lua_State *L, int graph, fv_node *node)
{
    graph = lua_absindex(L, graph);
    void **box = fvl_box(L, FVL_NODE, 1);
    *box = node;
    lua_pushvalue(L, graph);
    lua_setiuservalue(L, -2, 1);
}

static int l_graph(lua_State *L)
{
    fv_error err;
    void **box = fvl_box(L, FVL_GRAPH, 0);
    fv_status status = fv_graph_new((fv_graph **)box, &err);
    return status ? fvl_fail(L, &err) : 1;
}

static const char *name_option(lua_State *L, int arg)
{
    if (lua_isnoneornil(L, arg)) return NULL;
    luaL_checktype(L, arg, LUA_TTABLE);
    int type = lua_getfield(L, arg, "name");
    if (type != LUA_TNIL && type != LUA_TSTRING) luaL_error(L, "option 'name' must be a string");
    return lua_tostring(L, -1); /* stays on the stack */
}

static int m_input(lua_State *L)
{
    fv_error err;
    fv_node *node;
    lua_settop(L, 3);
    fv_graph *graph = fvl_check_graph(L, 1);
    fv_shape shape = fvl_check_shape(L, 2, "input");
    if (fv_graph_input(graph, &shape, name_option(L, 3), &node, &err)) return fvl_raise(L, &err);
    push_node(L, 1, node);
    return 1;
}

static int add_tensor(lua_State *L, int is_parameter)
{
    fv_error err;
    fv_node *node;
    lua_settop(L, 3);
    fv_graph *graph = fvl_check_graph(L, 1);
    fv_tensor *tensor = fvl_check_tensor(L, 2);
    fv_status status = (is_parameter ? fv_graph_parameter
                                     : fv_graph_constant)(graph, tensor, name_option(L, 3), &node, &err);
    if (status) return fvl_raise(L, &err);
    push_node(L, 1, node);
    return 1;
}

static int m_param(lua_State *L)
{
    return add_tensor(L, 1);
}

static int m_constant(lua_State *L)
{
    return add_tensor(L, 0);
}

/* The op is the upvalue. The array part of the table holds the sources. */
static int m_op(lua_State *L)
{
    fv_error err;
    const fv_op *op = lua_touserdata(L, lua_upvalueindex(1));
    fv_node *node;
    lua_settop(L, 2);
    fv_graph *graph = fvl_check_graph(L, 1);
    if (lua_type(L, 2) != LUA_TTABLE)
        return luaL_error(L, "%s: a table { src, ..., option = value } is expected, not %s", op->name,
                          luaL_typename(L, 2));
    int count = (int)luaL_len(L, 2);
    fv_node **src = lua_newuserdatauv(L, sizeof *src * (size_t)(count + 1), 0);
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 2, i + 1);
        if (!luaL_testudata(L, -1, FVL_NODE))
            return luaL_error(L, "%s: source %d must be a node, not %s", op->name, i + 1,
                              luaL_typename(L, -1));
        src[i] = fvl_check_node(L, -1);
        lua_pop(L, 1);
    }
    void *attrs = lua_newuserdatauv(L, op->attrs_size + 1, 0);
    fvl_read_attrs(L, 2, op, attrs);
    fv_status status = fv_graph_add(graph, op, count, src, attrs, name_option(L, 2), &node, &err);
    if (status) return fvl_raise(L, &err);
    push_node(L, 1, node);
    return 1;
}

/* nodes(): list of all nodes in order. */
static int m_nodes(lua_State *L)
{
    fv_graph *graph = fvl_check_graph(L, 1);
    lua_newtable(L);
    for (int i = 0; i < fv_graph_node_count(graph); i++) {
        push_node(L, 1, fv_graph_node(graph, i));
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* node(name): the node of that name, or nil. */
static int m_node(lua_State *L)
{
    fv_node *node = fv_graph_find(fvl_check_graph(L, 1), luaL_checkstring(L, 2));
    if (!node) return 0;
    push_node(L, 1, node);
    return 1;
}

static int mm_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FVL_GRAPH);
    fv_graph_release(*box);
    *box = NULL;
    return 0;
}

static int mm_tostring(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FVL_GRAPH);
    if (*box)
        lua_pushfstring(L, "fovea.Graph: %d nodes", fv_graph_node_count(*box));
    else
        lua_pushliteral(L, "fovea.Graph: closed");
    return 1;
}

/* --- nodes --- */

static int m_node_name(lua_State *L)
{
    lua_pushstring(L, fvl_check_node(L, 1)->name);
    return 1;
}

static int m_node_rename(lua_State *L)
{
    fv_error err;
    fv_node *node = fvl_check_node(L, 1);
    const char *name = luaL_checkstring(L, 2);
    lua_getiuservalue(L, 1, 1);
    if (fv_graph_rename(fvl_check_graph(L, -1), node, name, &err)) return fvl_raise(L, &err);
    lua_settop(L, 1);
    return 1;
}

static int m_node_shape(lua_State *L)
{
    fvl_push_shape(L, &fvl_check_node(L, 1)->shape);
    return 1;
}

static int m_node_kind(lua_State *L)
{
    lua_pushstring(L, fv_node_kind(fvl_check_node(L, 1)));
    return 1;
}

/* id(): position in the graph, from 1. */
static int m_node_id(lua_State *L)
{
    lua_pushinteger(L, fvl_check_node(L, 1)->id + 1);
    return 1;
}

static int m_node_sources(lua_State *L)
{
    const fv_node *node = fvl_check_node(L, 1);
    lua_getiuservalue(L, 1, 1);
    lua_newtable(L);
    for (int i = 0; i < node->src_count; i++) {
        push_node(L, -2, node->src[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* tensor(): copy-free view of the tensor of a parameter or constant; nil for others. */
static int m_node_tensor(lua_State *L)
{
    fv_node *node = fvl_check_node(L, 1);
    if (!node->tensor) return 0;
    fv_tensor **box = fvl_new_tensor(L);
    *box = fv_tensor_retain(node->tensor);
    return 1;
}

/* The sources of a new node: those of the list at arg, or those of `node` but for the first, which is the
 * node at arg. In memory of the Lua stack; pushes the graph that they are in. */
static fv_node **sources_again(lua_State *L, int arg, const fv_node *node, int *count)
{
    int is_list = lua_type(L, arg) == LUA_TTABLE;
    *count = is_list ? (int)luaL_len(L, arg) : node->src_count;
    fv_node **src = lua_newuserdatauv(L, sizeof *src * (size_t)(*count + 1), 0);
    for (int i = 0; i < *count && is_list; i++) {
        lua_rawgeti(L, arg, i + 1);
        src[i] = fvl_check_node(L, -1);
        lua_pop(L, 1);
    }
    for (int i = 0; i < *count && !is_list; i++) src[i] = i ? node->src[i] : fvl_check_node(L, arg);
    if (is_list)
        lua_rawgeti(L, arg, 1);
    else
        lua_pushvalue(L, 1);
    luaL_argcheck(L, *count > 0, arg, "has no nodes");
    lua_getiuservalue(L, -1, 1);
    return src;
}

/* again(source, name): the same op with the same options on another first source, as a new node; with a list,
 * on all of those, in the graph that they belong to. */
static int m_node_again(lua_State *L)
{
    fv_error err;
    fv_node *made;
    int count;
    lua_settop(L, 3);
    const fv_node *node = fvl_check_node(L, 1);
    const char *name = luaL_optstring(L, 3, NULL);
    luaL_argcheck(L, node->op, 1, "is not the result of an op");
    fv_node **src = sources_again(L, 2, node, &count);
    int at = lua_gettop(L);
    if (fv_graph_add(fvl_check_graph(L, at), node->op, count, src, node->attrs, name, &made, &err))
        return fvl_raise(L, &err);
    push_node(L, at, made);
    return 1;
}

/* options(): what the op was made with, as its method takes it. */
static int m_node_options(lua_State *L)
{
    const fv_node *node = fvl_check_node(L, 1);
    fvl_push_attrs(L, node->op, node->attrs);
    return 1;
}

static int m_node_macs(lua_State *L)
{
    const fv_node *node = fvl_check_node(L, 1);
    lua_pushnumber(L, node->op && node->op->macs ? node->op->macs(node) : 0.0);
    return 1;
}

static int m_node_graph(lua_State *L)
{
    fvl_check_node(L, 1);
    lua_getiuservalue(L, 1, 1);
    return 1;
}

static int mm_node_tostring(lua_State *L)
{
    const fv_node *node = fvl_check_node(L, 1);
    char text[FV_SHAPE_TEXT];
    lua_pushfstring(L, "fovea.Node: %s %s %s", fv_node_kind(node), node->name,
                    fv_shape_text(&node->shape, text));
    return 1;
}

static int mm_node_eq(lua_State *L)
{
    void **a = luaL_testudata(L, 1, FVL_NODE), **b = luaL_testudata(L, 2, FVL_NODE);
    lua_pushboolean(L, a && b && *a == *b);
    return 1;
}

static void add_op_methods(lua_State *L)
{
    lua_getfield(L, -1, "Graph");
    for (int i = 0; fv_op_at(i); i++) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)fv_op_at(i));
        lua_pushcclosure(L, m_op, 1);
        lua_setfield(L, -2, fv_op_at(i)->name);
    }
    lua_pop(L, 1);
}

int fvl_open_graph(lua_State *L);
int fvl_open_graph(lua_State *L)
{
    static const luaL_Reg methods[] = {{"input", m_input}, {"param", m_param}, {"constant", m_constant},
                                       {"nodes", m_nodes}, {"node", m_node},   {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", mm_gc}, {"__tostring", mm_tostring}, {NULL, NULL}};
    static const luaL_Reg node_methods[] = {
        {"name", m_node_name},   {"rename", m_node_rename},   {"shape", m_node_shape},
        {"kind", m_node_kind},   {"sources", m_node_sources}, {"tensor", m_node_tensor},
        {"macs", m_node_macs},   {"again", m_node_again},     {"options", m_node_options},
        {"graph", m_node_graph}, {"id", m_node_id},           {NULL, NULL}};
    static const luaL_Reg node_metamethods[] = {
        {"__tostring", mm_node_tostring}, {"__eq", mm_node_eq}, {NULL, NULL}};
    fvl_class(L, FVL_GRAPH, methods, metamethods);
    fvl_class(L, FVL_NODE, node_methods, node_metamethods);
    add_op_methods(L);
    lua_pushcfunction(L, l_graph);
    lua_setfield(L, -2, "graph");
    return 0;
}
