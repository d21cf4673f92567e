/* fovea.core.onnx_read(path): a parsed ONNX file as plain Lua tables. lua/fovea/import/onnx gives them
 * meaning.
 *
 *   { ir_version, producer, producer_version, opsets = { [domain] = version }, metadata = { key = value },
 *     graph = GRAPH, functions = { { name, domain, overload, inputs, outputs, attributes = { names },
 *                                    defaults = { [name] = value }, nodes, opsets } } }
 *   GRAPH = { name, nodes, initializers = { VALUE ... }, inputs = { { name, dtype, dims } }, outputs }
 *   node = { op_type, domain, overload, name, inputs, outputs, attributes = { [name] = value }, metadata,
 *            references = { [attribute name] = name of the function's attribute } }
 *   VALUE = { name, dtype, shape, tensor = Tensor } for floating-point types, ints = { ... } for the others
 */
#include "io/onnx.h"
#include "bind/fvl.h"
#include "io/file.h"

#include <limits.h>
#include <stdio.h>

#define FVL_ONNX  "fovea.OnnxFile"
#define FVL_BLOCK "fovea.OnnxBlock"

/* What the recursion carries. */
typedef struct source {
    lua_State *L;
    const fv_onnx *onnx;
    fv_error *err;
} source;

static fv_status push_graph(source *s, const Onnx__GraphProto *graph);

static void set_string(lua_State *L, const char *field, const char *text)
{
    lua_pushstring(L, text ? text : "");
    lua_setfield(L, -2, field);
}

static void set_strings(lua_State *L, const char *field, char *const *strings, size_t count)
{
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lua_pushstring(L, strings[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, field);
}

static void set_entries(lua_State *L, const char *field, Onnx__StringStringEntryProto *const *entries,
                        size_t count)
{
    lua_newtable(L);
    for (size_t i = 0; i < count; i++)
        if (entries[i]->key) set_string(L, entries[i]->key, entries[i]->value);
    lua_setfield(L, -2, field);
}

static void set_opsets(lua_State *L, Onnx__OperatorSetIdProto *const *opsets, size_t count)
{
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, opsets[i]->version);
        lua_setfield(L, -2, opsets[i]->domain ? opsets[i]->domain : "");
    }
    lua_setfield(L, -2, "opsets");
}

/* --- tensors --- */

/* Sets field `ints` of the table at the top; the array lives in a box, so that an error in Lua frees it. */
static fv_status set_integers(source *s, const Onnx__TensorProto *t, const char *what)
{
    size_t count;
    lua_State *L = s->L;
    int64_t **box = (int64_t **)fvl_box(L, FVL_BLOCK, 0);
    FV_TRY(fv_onnx_integers(box, &count, s->onnx, t, what, s->err));
    if (count > INT_MAX) return fv_fail(s->err, FV_STATUS_MEMORY, "%s has too many elements", what);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushinteger(L, (*box)[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    fv_free(*box);
    *box = NULL;
    lua_remove(L, -2);
    lua_setfield(L, -2, "ints");
    return FV_OK;
}

static fv_status push_value(source *s, const Onnx__TensorProto *t, const char *kind, const char *name)
{
    char what[192];
    fv_onnx_info info;
    lua_State *L = s->L;
    luaL_checkstack(L, 8, "onnx_read");
    snprintf(what, sizeof what, "%s '%.160s'", kind, name ? name : "");
    FV_TRY(fv_onnx_tensor_info(&info, t, what, s->err));
    lua_createtable(L, 0, 4);
    set_string(L, "name", t->name);
    set_string(L, "dtype", fv_dtype_name(info.dtype));
    fvl_push_shape(L, &info.shape);
    lua_setfield(L, -2, "shape");
    if (!fv_onnx_is_float(info.dtype)) return set_integers(s, t, what);
    fv_tensor **box = fvl_new_tensor(L);
    FV_TRY(fv_onnx_floats(box, s->onnx, t, what, s->err));
    fvl_tensor_filled(L);
    lua_setfield(L, -2, "tensor");
    return FV_OK;
}

/* --- attributes --- */

/* AttributeProto.AttributeType */
enum { ATTR_NONE, ATTR_F, ATTR_I, ATTR_S, ATTR_T, ATTR_G, ATTR_FLOATS, ATTR_INTS, ATTR_STRINGS };

/* The declared type, or for the files of old versions the field that is filled. */
static int attribute_type(const Onnx__AttributeProto *a)
{
    if (a->type) return a->type;
    if (a->has_f) return ATTR_F;
    if (a->has_i) return ATTR_I;
    if (a->has_s) return ATTR_S;
    if (a->t) return ATTR_T;
    if (a->g) return ATTR_G;
    if (a->n_floats) return ATTR_FLOATS;
    if (a->n_strings) return ATTR_STRINGS;
    return ATTR_INTS;
}

static void push_list(lua_State *L, const Onnx__AttributeProto *a, int type)
{
    size_t count = type == ATTR_FLOATS ? a->n_floats : type == ATTR_INTS ? a->n_ints : a->n_strings;
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        if (type == ATTR_FLOATS)
            lua_pushnumber(L, (lua_Number)a->floats[i]);
        else if (type == ATTR_INTS)
            lua_pushinteger(L, a->ints[i]);
        else
            lua_pushlstring(L, (const char *)a->strings[i].data, a->strings[i].len);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static fv_status push_attribute(source *s, const Onnx__AttributeProto *a, const char *node)
{
    lua_State *L = s->L;
    int type = attribute_type(a);
    switch (type) {
    case ATTR_F:
        lua_pushnumber(L, (lua_Number)a->f);
        return FV_OK;
    case ATTR_I:
        lua_pushinteger(L, a->i);
        return FV_OK;
    case ATTR_S:
        lua_pushlstring(L, (const char *)a->s.data, a->s.len);
        return FV_OK;
    case ATTR_FLOATS:
    case ATTR_INTS:
    case ATTR_STRINGS:
        push_list(L, a, type);
        return FV_OK;
    case ATTR_T:
        if (a->t) return push_value(s, a->t, "the tensor of node", node);
        break;
    case ATTR_G:
        if (a->g) return push_graph(s, a->g);
        break;
    default:
        break;
    }
    return fv_fail(s->err, FV_STATUS_UNSUPPORTED,
                   "attribute '%.100s' of node '%.160s' has type %d, which is not supported", a->name, node,
                   type);
}

/* Sets the fields `attributes` and `references` of the table at the top. */
static fv_status set_attributes(source *s, Onnx__AttributeProto *const *attributes, size_t count,
                                const char *node)
{
    lua_State *L = s->L;
    lua_newtable(L);
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const Onnx__AttributeProto *a = attributes[i];
        if (a->ref_attr_name && *a->ref_attr_name) {
            set_string(L, a->name, a->ref_attr_name);
            continue;
        }
        FV_TRY(push_attribute(s, a, node));
        lua_setfield(L, -3, a->name);
    }
    lua_setfield(L, -3, "references");
    lua_setfield(L, -2, "attributes");
    return FV_OK;
}

/* --- nodes and graphs --- */

/* Sets the field `nodes` of the table at the top. */
static fv_status set_nodes(source *s, Onnx__NodeProto *const *nodes, size_t count)
{
    lua_State *L = s->L;
    luaL_checkstack(L, 8, "onnx_read");
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const Onnx__NodeProto *n = nodes[i];
        lua_createtable(L, 0, 9);
        set_string(L, "op_type", n->op_type);
        set_string(L, "domain", n->domain);
        set_string(L, "overload", n->overload);
        set_string(L, "name", n->name);
        set_strings(L, "inputs", n->input, n->n_input);
        set_strings(L, "outputs", n->output, n->n_output);
        set_entries(L, "metadata", n->metadata_props, n->n_metadata_props);
        FV_TRY(set_attributes(s, n->attribute, n->n_attribute, n->name ? n->name : ""));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "nodes");
    return FV_OK;
}

/* A written dimension as an integer, a symbolic one as its name, an unknown one as false. */
static void push_dimension(lua_State *L, const Onnx__TensorShapeProto__Dimension *dim)
{
    if (dim->has_dim_value && dim->dim_value > 0)
        lua_pushinteger(L, dim->dim_value);
    else if (dim->dim_param && *dim->dim_param)
        lua_pushstring(L, dim->dim_param);
    else
        lua_pushboolean(L, 0);
}

static void set_values(lua_State *L, const char *field, Onnx__ValueInfoProto *const *values, size_t count)
{
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        const Onnx__TypeProto__Tensor *type = values[i]->type ? values[i]->type->tensor_type : NULL;
        lua_newtable(L);
        set_string(L, "name", values[i]->name);
        lua_pushinteger(L, type ? type->elem_type : 0);
        lua_setfield(L, -2, "elem_type");
        if (type && type->shape) {
            lua_newtable(L);
            for (size_t d = 0; d < type->shape->n_dim; d++) {
                push_dimension(L, type->shape->dim[d]);
                lua_rawseti(L, -2, (lua_Integer)d + 1);
            }
            lua_setfield(L, -2, "dims");
        }
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, field);
}

static fv_status push_graph(source *s, const Onnx__GraphProto *graph)
{
    lua_State *L = s->L;
    luaL_checkstack(L, 8, "onnx_read");
    lua_newtable(L);
    set_string(L, "name", graph->name);
    FV_TRY(set_nodes(s, graph->node, graph->n_node));
    lua_newtable(L);
    for (size_t i = 0; i < graph->n_initializer; i++) {
        FV_TRY(push_value(s, graph->initializer[i], "initialiser", graph->initializer[i]->name));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "initializers");
    set_values(L, "inputs", graph->input, graph->n_input);
    set_values(L, "outputs", graph->output, graph->n_output);
    return FV_OK;
}

static fv_status push_function(source *s, const Onnx__FunctionProto *f)
{
    lua_State *L = s->L;
    lua_newtable(L);
    set_string(L, "name", f->name);
    set_string(L, "domain", f->domain);
    set_string(L, "overload", f->overload);
    set_strings(L, "inputs", f->input, f->n_input);
    set_strings(L, "outputs", f->output, f->n_output);
    FV_TRY(set_attributes(s, f->attribute_proto, f->n_attribute_proto, f->name ? f->name : ""));
    lua_getfield(L, -1, "attributes");
    lua_setfield(L, -2, "defaults");
    set_strings(L, "attributes", f->attribute, f->n_attribute);
    set_opsets(L, f->opset_import, f->n_opset_import);
    return set_nodes(s, f->node, f->n_node);
}

static fv_status push_model(source *s)
{
    lua_State *L = s->L;
    const Onnx__ModelProto *model = s->onnx->model;
    lua_newtable(L);
    lua_pushinteger(L, model->ir_version);
    lua_setfield(L, -2, "ir_version");
    set_string(L, "producer", model->producer_name);
    set_string(L, "producer_version", model->producer_version);
    set_opsets(L, model->opset_import, model->n_opset_import);
    set_entries(L, "metadata", model->metadata_props, model->n_metadata_props);
    lua_newtable(L);
    for (size_t i = 0; i < model->n_functions; i++) {
        FV_TRY(push_function(s, model->functions[i]));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "functions");
    FV_TRY(push_graph(s, model->graph));
    lua_setfield(L, -2, "graph");
    return FV_OK;
}

static int l_onnx_read(lua_State *L)
{
    fv_error err;
    lua_settop(L, 1);
    const char *path = luaL_checkstring(L, 1);
    fv_onnx **box = (fv_onnx **)fvl_box(L, FVL_ONNX, 0);
    if (fv_onnx_read_file(box, path, &err) != FV_OK) return fvl_fail(L, &err);
    source s = {L, *box, &err};
    if (push_model(&s) != FV_OK) {
        fv_file_prefix(&err, path, err.code);
        return fvl_fail(L, &err);
    }
    fv_onnx_free(*box);
    *box = NULL;
    return 1;
}

static int mm_onnx_gc(lua_State *L)
{
    fv_onnx **box = luaL_checkudata(L, 1, FVL_ONNX);
    fv_onnx_free(*box);
    *box = NULL;
    return 0;
}

static int mm_block_gc(lua_State *L)
{
    void **box = luaL_checkudata(L, 1, FVL_BLOCK);
    fv_free(*box);
    *box = NULL;
    return 0;
}

static void metatable(lua_State *L, const char *name, lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int fvl_open_onnx(lua_State *L);
int fvl_open_onnx(lua_State *L)
{
    metatable(L, FVL_ONNX, mm_onnx_gc);
    metatable(L, FVL_BLOCK, mm_block_gc);
    lua_pushcfunction(L, l_onnx_read);
    lua_setfield(L, -2, "onnx_read");
    return 0;
}
