#include "graph/fold.h"

#include <math.h>
#include <string.h>

/* A convolution and what it swallows: dst = activation(norm(conv(src))). */
typedef struct chain {
    const fv_node *conv, *norm, *activation; /* the last two may be NULL */
} chain;

/* Weights with a normalisation folded in, kept so that nodes that share weights go on sharing them. */
typedef struct folded {
    const fv_node *conv, *norm;
    fv_node *weights, *bias;
} folded;

typedef struct fold {
    const fv_graph *graph;
    const unsigned char *keep;
    fv_graph *out;
    fv_node **map;
    int *users;           /* how many sources of other nodes a node is */
    const fv_node **user; /* the last of them */
    folded *done;
    int done_count;
} fold;

static int is_op(const fv_node *node, const char *name)
{
    return node && node->op && strcmp(node->op->name, name) == 0;
}

/* Activations whose gradient follows from their result, so that what went in need not exist. Not tanh: oneDNN
 * looks it up in a table, and in a convolution with a channel count that is no whole vector the lanes past
 * the end look it up with what happens to be there. */
static int can_swallow(const fv_node *node)
{
    static const char *const names[] = {"relu", "leaky_relu", "elu", "clip", "sigmoid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_op(node, names[i])) return fv_op_get(node->op, node->attrs, "alpha") >= 0;
    return 0;
}

/* The one node that uses this one, when nobody looks at it. */
static const fv_node *only_user(const fold *f, const fv_node *node)
{
    if (f->keep[node->id] || f->users[node->id] != 1) return NULL;
    const fv_node *user = f->user[node->id];
    return user->src[0] == node ? user : NULL;
}

static int has_fixed_statistics(const fv_node *norm)
{
    for (int i = 1; i < norm->src_count; i++)
        if (!norm->src[i]->tensor) return 0;
    return 1;
}

/* norm is set only where the weights are there to be changed. */
static chain chain_at(const fold *f, const fv_node *conv)
{
    chain c = {conv, NULL, NULL};
    const fv_node *next = only_user(f, conv);
    int fixed = conv->src[1]->tensor && (conv->src_count < 3 || conv->src[2]->tensor);
    if (is_op(next, "batch_norm") && fixed && has_fixed_statistics(next)) {
        c.norm = next;
        next = only_user(f, next);
    }
    if (can_swallow(next)) c.activation = next;
    return c;
}

/* Axis of the output channels in the weights: 0 of O x I, 1 of I x O (of one group). */
static void scale_weights(const fv_node *conv, const double *factor, const fv_tensor *weights, float *out)
{
    int transposed = is_op(conv, "conv_transpose");
    int64_t groups = (int64_t)fv_op_get(conv->op, conv->attrs, "groups");
    int64_t rows = weights->shape.dim[0], columns = weights->shape.dim[1];
    size_t taps = weights->count / (size_t)(rows * columns);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++) {
            int64_t channel = transposed ? r / (rows / groups) * columns + c : r;
            size_t at = (size_t)(r * columns + c) * taps;
            for (size_t k = 0; k < taps; k++) out[at + k] = (float)(weights->data[at + k] * factor[channel]);
        }
}

/* W' = W s, b' = shift + (b - mean) s with s = scale / sqrt(variance + epsilon), all in double. */
static fv_status fold_tensors(const chain *c, fv_tensor **weights, fv_tensor **bias, fv_error *err)
{
    fv_status status;
    const fv_node *norm = c->norm, *conv = c->conv;
    const float *scale = norm->src[1]->tensor->data, *shift = norm->src[2]->tensor->data;
    const float *mean = norm->src[3]->tensor->data, *variance = norm->src[4]->tensor->data;
    const float *old_bias = conv->src_count > 2 ? conv->src[2]->tensor->data : NULL;
    double epsilon = fv_op_get(norm->op, norm->attrs, "epsilon"), *factor = NULL;
    int64_t channels = norm->src[1]->shape.dim[0];
    *weights = *bias = NULL;
    FV_TRY_GOTO(fv_calloc(&factor, (size_t)channels, sizeof *factor, err));
    FV_TRY_GOTO(fv_tensor_new(weights, &conv->src[1]->shape, err));
    FV_TRY_GOTO(fv_tensor_new(bias, &norm->src[1]->shape, err));
    for (int64_t i = 0; i < channels; i++) {
        factor[i] = scale[i] / sqrt(variance[i] + epsilon);
        (*bias)->data[i] = (float)(shift[i] + ((old_bias ? old_bias[i] : 0.0) - mean[i]) * factor[i]);
    }
    scale_weights(conv, factor, conv->src[1]->tensor, (*weights)->data);
done:
    fv_free(factor);
    if (status != FV_OK) {
        fv_tensor_release(*weights);
        fv_tensor_release(*bias);
        *weights = *bias = NULL;
    }
    return status;
}

/* Whether two chains fold the same tensors. */
static int same_tensors(const folded *done, const chain *c)
{
    if (done->conv->src_count != c->conv->src_count || done->conv->op != c->conv->op) return 0;
    for (int i = 1; i < c->conv->src_count; i++)
        if (done->conv->src[i] != c->conv->src[i]) return 0;
    for (int i = 1; i < c->norm->src_count; i++)
        if (done->norm->src[i] != c->norm->src[i]) return 0;
    return fv_op_get(done->norm->op, done->norm->attrs, "epsilon") ==
               fv_op_get(c->norm->op, c->norm->attrs, "epsilon") &&
           fv_op_get(done->conv->op, done->conv->attrs, "groups") ==
               fv_op_get(c->conv->op, c->conv->attrs, "groups");
}

static fv_status folded_weights(fold *f, const chain *c, fv_node **weights, fv_node **bias, fv_error *err)
{
    for (int i = 0; i < f->done_count; i++)
        if (same_tensors(&f->done[i], c)) {
            *weights = f->done[i].weights;
            *bias = f->done[i].bias;
            return FV_OK;
        }
    fv_tensor *w, *b;
    FV_TRY(fold_tensors(c, &w, &b, err));
    fv_status status = fv_graph_constant(f->out, w, c->conv->src[1]->name, weights, err);
    if (status == FV_OK) status = fv_graph_constant(f->out, b, c->norm->name, bias, err);
    fv_tensor_release(w);
    fv_tensor_release(b);
    if (status == FV_OK) f->done[f->done_count++] = (folded){c->conv, c->norm, *weights, *bias};
    return status;
}

/* The attributes of the convolution with the activation set; attrs holds op->attrs_size bytes. */
static fv_status fused_attrs(const chain *c, void *attrs, fv_error *err)
{
    const fv_op *op = c->conv->op;
    const fv_node *a = c->activation;
    memcpy(attrs, c->conv->attrs, op->attrs_size);
    if (!a) return FV_OK;
    int is_clip = is_op(a, "clip");
    FV_TRY(fv_op_set_choice(op, attrs, "activation", a->op->name, err));
    FV_TRY(fv_op_set(op, attrs, "alpha", fv_op_get(a->op, a->attrs, is_clip ? "min" : "alpha"), err));
    return fv_op_set(op, attrs, "beta", is_clip ? fv_op_get(a->op, a->attrs, "max") : 0.0, err);
}

static fv_status add_chain(fold *f, const chain *c, fv_error *err)
{
    fv_status status;
    const fv_node *conv = c->conv, *last = c->activation ? c->activation : c->norm ? c->norm : conv;
    fv_node *src[3] = {f->map[conv->src[0]->id], f->map[conv->src[1]->id]};
    int count = conv->src_count;
    void *attrs = NULL;
    if (count > 2) src[2] = f->map[conv->src[2]->id];
    FV_TRY_GOTO(fv_calloc(&attrs, 1, conv->op->attrs_size, err));
    FV_TRY_GOTO(fused_attrs(c, attrs, err));
    if (c->norm) {
        FV_TRY_GOTO(folded_weights(f, c, &src[1], &src[2], err));
        count = 3;
    }
    status = fv_graph_add(f->out, conv->op, count, src, attrs, last->name, &f->map[last->id], err);
done:
    fv_free(attrs);
    return status;
}

static fv_status add_same(fold *f, const fv_node *node, fv_error *err)
{
    fv_node **src, **to = &f->map[node->id];
    if (node->tensor)
        return (node->is_parameter ? fv_graph_parameter : fv_graph_constant)(f->out, node->tensor, node->name,
                                                                             to, err);
    if (!node->op) return fv_graph_input(f->out, &node->shape, node->name, to, err);
    FV_TRY(fv_calloc(&src, (size_t)node->src_count, sizeof *src, err));
    for (int i = 0; i < node->src_count; i++) src[i] = f->map[node->src[i]->id];
    fv_status status = fv_graph_add(f->out, node->op, node->src_count, src, node->attrs, node->name, to, err);
    fv_free(src);
    return status;
}

/* Nodes of a chain after its convolution are in the copy already, or swallowed. */
static fv_status copy_nodes(fold *f, fv_error *err)
{
    int count = fv_graph_node_count(f->graph);
    unsigned char *passed;
    FV_TRY(fv_calloc(&passed, (size_t)count, 1, err));
    fv_status status = FV_OK;
    for (int id = 0; id < count && status == FV_OK; id++) {
        const fv_node *node = fv_graph_node(f->graph, id);
        if (passed[id]) continue;
        if (!is_op(node, "conv") && !is_op(node, "conv_transpose")) {
            status = add_same(f, node, err);
            continue;
        }
        chain c = chain_at(f, node);
        if (c.norm) passed[c.norm->id] = 1;
        if (c.activation) passed[c.activation->id] = 1;
        status = add_chain(f, &c, err);
    }
    fv_free(passed);
    return status;
}

fv_status fv_graph_fold(fv_graph **out, fv_node ***map, const fv_graph *graph, const unsigned char *keep,
                        fv_error *err)
{
    fv_status status;
    size_t count = (size_t)fv_graph_node_count(graph);
    fold f = {.graph = graph, .keep = keep};
    FV_TRY_GOTO(fv_graph_new(&f.out, err));
    FV_TRY_GOTO(fv_calloc(&f.map, count, sizeof *f.map, err));
    FV_TRY_GOTO(fv_calloc(&f.users, count, sizeof *f.users, err));
    FV_TRY_GOTO(fv_calloc(&f.user, count, sizeof *f.user, err));
    FV_TRY_GOTO(fv_calloc(&f.done, count, sizeof *f.done, err));
    for (int id = 0; id < (int)count; id++) {
        const fv_node *node = fv_graph_node(graph, id);
        for (int i = 0; i < node->src_count; i++) {
            f.users[node->src[i]->id]++;
            f.user[node->src[i]->id] = node;
        }
    }
    status = copy_nodes(&f, err);
done:
    fv_free(f.users);
    fv_free(f.user);
    fv_free(f.done);
    if (status != FV_OK) {
        fv_graph_release(f.out);
        fv_free(f.map);
        f.out = NULL;
        f.map = NULL;
    }
    *out = f.out;
    *map = f.map;
    return status;
}
