/* Checks that need no knowledge of operators, over a freshly unpacked model. Recursion through subgraphs is
 * bounded by the depth guard. */
#include "io/onnx.h"

#include <stdio.h>

static fv_status check_graph(const Onnx__GraphProto *graph, fv_error *err);

static fv_status check_tensor(const Onnx__TensorProto *tensor, const char *kind, const char *name,
                              fv_error *err)
{
    char what[192];
    fv_onnx_info info;
    snprintf(what, sizeof what, "%s '%.160s'", kind, name ? name : "");
    return fv_onnx_tensor_info(&info, tensor, what, err);
}

static fv_status check_node(const Onnx__NodeProto *node, fv_error *err)
{
    const char *name = node->name && *node->name ? node->name : node->n_output ? node->output[0] : "";
    if (!node->op_type || !*node->op_type)
        return fv_fail(err, FV_STATUS_FORMAT, "node '%.160s' has no operator type", name);
    for (size_t i = 0; i < node->n_attribute; i++) {
        const Onnx__AttributeProto *a = node->attribute[i];
        if (!a->name || !*a->name)
            return fv_fail(err, FV_STATUS_FORMAT, "node '%.160s' has an attribute without a name", name);
        if (a->t) FV_TRY(check_tensor(a->t, "the tensor of node", name, err));
        if (a->g) FV_TRY(check_graph(a->g, err));
    }
    return FV_OK;
}

/* Declared dimensions: a missing or named one is free, a written one must make sense. */
static fv_status check_value(const Onnx__ValueInfoProto *value, const char *kind, fv_error *err)
{
    const char *name = value->name ? value->name : "";
    const Onnx__TypeProto__Tensor *type = value->type ? value->type->tensor_type : NULL;
    int64_t product = 1;
    if (!*name) return fv_fail(err, FV_STATUS_FORMAT, "a graph %s has no name", kind);
    for (size_t i = 0; type && type->shape && i < type->shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = type->shape->dim[i];
        if (!dim->has_dim_value) continue;
        if (dim->dim_value < 0)
            return fv_fail(err, FV_STATUS_FORMAT, "graph %s '%.160s' has the negative dimension %lld", kind,
                           name, (long long)dim->dim_value);
        int64_t factor = dim->dim_value ? dim->dim_value : 1;
        if (__builtin_mul_overflow(product, factor, &product) || product > INT64_MAX / 8)
            return fv_fail(err, FV_STATUS_FORMAT, "the dimensions of graph %s '%.160s' overflow", kind, name);
    }
    return FV_OK;
}

static fv_status check_graph(const Onnx__GraphProto *graph, fv_error *err)
{
    if (graph->n_sparse_initializer)
        return fv_fail(err, FV_STATUS_UNSUPPORTED, "sparse initialisers are not supported");
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const Onnx__TensorProto *t = graph->initializer[i];
        if (!t->name || !*t->name) return fv_fail(err, FV_STATUS_FORMAT, "an initialiser has no name");
        FV_TRY(check_tensor(t, "initialiser", t->name, err));
    }
    for (size_t i = 0; i < graph->n_node; i++) FV_TRY(check_node(graph->node[i], err));
    for (size_t i = 0; i < graph->n_input; i++) FV_TRY(check_value(graph->input[i], "input", err));
    for (size_t i = 0; i < graph->n_output; i++) FV_TRY(check_value(graph->output[i], "output", err));
    return FV_OK;
}

fv_status fv_onnx_check(const Onnx__ModelProto *model, fv_error *err)
{
    if (!model->graph) return fv_fail(err, FV_STATUS_FORMAT, "not an ONNX file: it holds no graph");
    if (!model->n_opset_import)
        return fv_fail(err, FV_STATUS_FORMAT, "no operator set is declared: a truncated file, or not ONNX");
    for (size_t f = 0; f < model->n_functions; f++)
        for (size_t i = 0; i < model->functions[f]->n_node; i++)
            FV_TRY(check_node(model->functions[f]->node[i], err));
    return check_graph(model->graph, err);
}
