#include "graph/fold_internal.h"
#include "graph/scaled.h"

#include <string.h>

/* Weights with a normalisation folded in, kept so that nodes that share weights go on sharing them. */
typedef struct folded {
    const fv_fold_chain *chain;
    fv_node *weights, *bias;
} folded;

typedef struct fold {
    const fv_graph *graph;
    fv_graph *out;
    fv_node **map;
    fv_fold_node *nodes;
    fv_fold_chain *chains;
    fv_fold_group *groups;
    folded *done;
    int done_count;
    unsigned options;
} fold;

/* Whether two chains fold the same tensors. */
static int same_tensors(const fv_fold_chain *a, const fv_fold_chain *b)
{
    if (a->conv->src_count != b->conv->src_count || a->conv->op != b->conv->op) return 0;
    for (int i = 1; i < b->conv->src_count; i++)
        if (a->conv->src[i] != b->conv->src[i]) return 0;
    for (int i = 1; i < b->norm->src_count; i++)
        if (a->norm->src[i] != b->norm->src[i]) return 0;
    return fv_op_get(a->norm->op, a->norm->attrs, "epsilon") ==
               fv_op_get(b->norm->op, b->norm->attrs, "epsilon") &&
           fv_op_get(a->conv->op, a->conv->attrs, "groups") ==
               fv_op_get(b->conv->op, b->conv->attrs, "groups");
}

/* Those of a transposed convolution at once, others when somebody needs them. */
static fv_status scaled_weights(fold *f, const fv_node *conv, const double *factor, fv_node **out,
                                fv_error *err)
{
    fv_tensor *weights;
    if (!fv_node_is(conv, "conv_transpose"))
        return fv_scaled_constant(f->out, conv->src[1]->tensor, factor, conv->src[1]->name, out, err);
    FV_TRY(fv_fold_scale_transposed(conv, factor, f->options & FV_FOLD_DRY, &weights, err));
    fv_status status = fv_graph_constant(f->out, weights, conv->src[1]->name, out, err);
    fv_tensor_release(weights);
    return status;
}

static fv_status folded_weights(fold *f, const fv_fold_chain *c, fv_node *out[2], fv_error *err)
{
    for (int i = 0; i < f->done_count; i++)
        if (same_tensors(f->done[i].chain, c)) {
            out[0] = f->done[i].weights;
            out[1] = f->done[i].bias;
            return FV_OK;
        }
    double *factor;
    fv_tensor *bias;
    FV_TRY(fv_fold_norm(c, &factor, &bias, err));
    fv_status status = scaled_weights(f, c->conv, factor, &out[0], err);
    if (status == FV_OK) status = fv_graph_constant(f->out, bias, c->norm->name, &out[1], err);
    fv_free(factor);
    fv_tensor_release(bias);
    if (status == FV_OK) f->done[f->done_count++] = (folded){c, out[0], out[1]};
    return status;
}

static fv_status add_constant(fold *f, fv_tensor *tensor, const char *name, fv_node **out, fv_error *err)
{
    fv_status status = fv_graph_constant(f->out, tensor, name, out, err);
    fv_tensor_release(tensor);
    return status;
}

/* Leaves out what computes channels that nobody reads. */
static fv_status take_rows(fold *f, const fv_fold_chain *c, int count, fv_node *out[2], fv_error *err)
{
    const fv_fold_node *known = &f->nodes[c->end->id];
    for (int i = 0; i < count; i++) {
        fv_tensor *rows;
        FV_TRY(fv_fold_take_rows(out[i]->tensor, known->position, known->channels, f->options & FV_FOLD_DRY,
                                 &rows, err));
        FV_TRY(add_constant(f, rows, out[i]->name, &out[i], err));
    }
    return FV_OK;
}

/* Weights and bias of a chain; *count is how many of the two there are. */
static fv_status parameters_of(fold *f, const fv_fold_chain *c, int need_bias, fv_node *out[2], int *count,
                               fv_error *err)
{
    const fv_node *conv = c->conv;
    fv_tensor *zeros;
    *count = 2;
    if (c->norm) return folded_weights(f, c, out, err);
    *count = conv->src_count - 1;
    for (int i = 0; i < *count; i++) out[i] = f->map[conv->src[i + 1]->id];
    if (f->nodes[c->end->id].position) FV_TRY(take_rows(f, c, *count, out, err));
    if (*count == 2 || !need_bias) return FV_OK;
    fv_shape shape = fv_shape_of(1, out[0]->shape.dim[0]);
    FV_TRY(fv_tensor_full(&zeros, &shape, 0.0f, err));
    *count = 2;
    return add_constant(f, zeros, "zero_bias", &out[1], err);
}

static fv_status set_activation(const fv_fold_chain *c, const fv_op *op, void *attrs, fv_error *err)
{
    const fv_node *a = c->activation;
    if (!a) return FV_OK;
    int is_clip = fv_node_is(a, "clip");
    FV_TRY(fv_op_set_choice(op, attrs, "activation", a->op->name, err));
    FV_TRY(fv_op_set(op, attrs, "alpha", fv_op_get(a->op, a->attrs, is_clip ? "min" : "alpha"), err));
    return fv_op_set(op, attrs, "beta", is_clip ? fv_op_get(a->op, a->attrs, "max") : 0.0, err);
}

/* The sources of a node, or in the place of a concatenation that is not built its sources; returns how many.
 */
static int parts_of(const fold *f, const fv_node *node, fv_node **out)
{
    int count = 0;
    if (!f->nodes[node->id].split) {
        if (out) *out = f->map[node->id];
        return 1;
    }
    for (int i = 0; i < node->src_count; i++) count += parts_of(f, node->src[i], out ? out + count : NULL);
    return count;
}

static fv_status block_parameters(fold *f, const fv_fold_chain *c, fv_node *out[2], int *count, fv_error *err)
{
    fv_tensor *tensor;
    int64_t taps = 1;
    for (int i = 2; i < c->conv->shape.rank; i++) taps *= c->conv->src[1]->shape.dim[i];
    FV_TRY(parameters_of(f, c, 0, out, count, err));
    FV_TRY(fv_fold_block_weights(out[0]->tensor, f->options & FV_FOLD_DRY, &tensor, err));
    FV_TRY(add_constant(f, tensor, out[0]->name, &out[0], err));
    if (*count == 1) return FV_OK;
    FV_TRY(fv_fold_block_bias(out[1]->tensor, taps, &tensor, err));
    return add_constant(f, tensor, out[1]->name, &out[1], err);
}

static fv_status add_upsample(fold *f, const fv_fold_chain *c, fv_error *err)
{
    fv_status status;
    const fv_op *conv = fv_op_find("conv"), *move = fv_op_find("depth_to_space");
    fv_node *src[3], *blocks, *to;
    fv_ints kernel = fv_fold_kernel(c->conv);
    void *attrs = NULL, *block = NULL;
    int count;
    FV_TRY_GOTO(block_parameters(f, c, src + 1, &count, err));
    FV_TRY_GOTO(fv_calloc(&attrs, 1, conv->attrs_size, err));
    FV_TRY_GOTO(fv_calloc(&block, 1, move->attrs_size, err));
    fv_op_defaults(conv, attrs);
    FV_TRY_GOTO(set_activation(c, conv, attrs, err));
    src[0] = f->map[c->conv->src[0]->id];
    FV_TRY_GOTO(fv_graph_add(f->out, conv, count + 1, src, attrs, c->end->name, &blocks, err));
    FV_TRY_GOTO(fv_op_set_list(move, block, "block", &kernel, err));
    FV_TRY_GOTO(fv_graph_add(f->out, move, 1, &blocks, block, c->end->name, &to, err));
    f->map[c->end->id] = to;
done:
    fv_free(attrs);
    fv_free(block);
    return status;
}

/* Finds a part that doubles something and that nobody else reads, among those of a node, the first of which
 * has this position; returns how many parts there are. */
static int find_doubling(const fold *f, const fv_node *node, int first, int *position, fv_fold_doubling *out)
{
    const fv_fold_node *known = &f->nodes[node->id];
    int count = 0;
    if (*position >= 0 || known->keep || known->users != 1) return parts_of(f, node, NULL);
    if (known->split) {
        for (int i = 0; i < node->src_count; i++)
            count += find_doubling(f, node->src[i], first + count, position, out);
        return count;
    }
    int is_upsample = fv_fold_is_end(known->chain, node) && fv_fold_is_upsample(known->chain);
    if ((is_upsample || !known->chain) && fv_fold_is_doubling(f->map[node->id], is_upsample, out))
        *position = first;
    return 1;
}

/* The position of a part whose gradient had better go to what it doubles, -1 for none. */
static int bypassed_part(const fold *f, const fv_fold_chain *c, fv_fold_doubling *out)
{
    int position = -1;
    if (!(f->options & FV_FOLD_BYPASS) || !fv_fold_takes_doubling(c->conv)) return -1;
    find_doubling(f, c->conv->src[0], 0, &position, out);
    return position >= 0 && fv_fold_doubling_pays(out, c->conv->shape.dim[1]) ? position : -1;
}

/* Makes it so: adds two sources behind those that are there; parts: these begin with the parts. */
static fv_status bypass(fold *f, const fv_fold_doubling *doubling, int part, fv_node *const *parts,
                        const fv_node *weights, fv_node *out[2], fv_error *err)
{
    fv_tensor *tensor;
    int64_t first = 0;
    for (int i = 0; i < part; i++) first += parts[i]->shape.dim[1];
    doubling->first->is_bypassed = 1;
    out[0] = doubling->first->src[0];
    FV_TRY(fv_fold_compose(doubling, weights, first, f->options & FV_FOLD_DRY, &tensor, err));
    return add_constant(f, tensor, weights->name, &out[1], err);
}

static fv_status add_chain(fold *f, const fv_fold_chain *c, fv_error *err)
{
    fv_status status;
    fv_node **src = NULL, *own[2];
    fv_fold_doubling doubling;
    void *attrs = NULL;
    const fv_op *op = c->conv->op;
    int part = bypassed_part(f, c, &doubling), parameters;
    int parts = parts_of(f, c->conv->src[0], NULL), is_sum = parts > 1 || c->addend || part >= 0;
    if (is_sum) op = fv_op_find("conv_sum");
    FV_TRY_GOTO(parameters_of(f, c, is_sum, own, &parameters, err));
    FV_TRY_GOTO(fv_calloc(&src, (size_t)parts + 5, sizeof *src, err));
    FV_TRY_GOTO(fv_calloc(&attrs, 1, op->attrs_size, err));
    memcpy(attrs, c->conv->attrs, op->attrs_size); /* all of these ops have one struct */
    if (c->addend) FV_TRY_GOTO(fv_op_set(op, attrs, "addend", 1, err));
    FV_TRY_GOTO(set_activation(c, op, attrs, err));
    parts_of(f, c->conv->src[0], src);
    if (c->addend) src[parts++] = f->map[c->addend->id];
    if (part >= 0) {
        FV_TRY_GOTO(fv_op_set(op, attrs, "behind", part + 1, err));
        FV_TRY_GOTO(bypass(f, &doubling, part, src, own[0], src + parts, err));
        parts += 2;
    }
    for (int i = 0; i < parameters; i++) src[parts++] = own[i];
    status = fv_graph_add(f->out, op, parts, src, attrs, c->end->name, &f->map[c->end->id], err);
done:
    fv_free(src);
    fv_free(attrs);
    return status;
}

/* Where a channel is among those that are computed. */
static int64_t position_of(const fold *f, const fv_node *node, int64_t channel)
{
    const int64_t *position = f->nodes[node->id].position;
    return position ? position[channel] : channel;
}

static fv_status add_group(fold *f, const fv_node *root, const fv_fold_group *group, fv_error *err)
{
    fv_node *src[FV_EXPRESSION_SOURCES];
    fv_expression what = group->expression;
    for (int i = 0; i < group->count; i++) src[i] = f->map[group->source[i]->id];
    for (int k = 0; k < what.count; k++) {
        fv_expression_step *step = &what.step[k];
        if (step->function == FV_FN_SOURCE) step->first = position_of(f, group->source[step->a], step->first);
    }
    return fv_graph_add(f->out, fv_op_find("expression"), group->count, src, &what, root->name,
                        &f->map[root->id], err);
}

static fv_status add_slice(fold *f, const fv_node *node, fv_error *err)
{
    fv_node *src = f->map[node->src[0]->id];
    void *attrs;
    int64_t first = position_of(f, node->src[0], (int64_t)fv_op_get(node->op, node->attrs, "first"));
    FV_TRY(fv_calloc(&attrs, 1, node->op->attrs_size, err));
    memcpy(attrs, node->attrs, node->op->attrs_size);
    fv_status status = fv_op_set(node->op, attrs, "first", (double)first, err);
    if (status == FV_OK)
        status = fv_op_set(node->op, attrs, "last", (double)(first + node->shape.dim[1] - 1), err);
    if (status == FV_OK)
        status = fv_graph_add(f->out, node->op, 1, &src, attrs, node->name, &f->map[node->id], err);
    fv_free(attrs);
    return status;
}

/* A chain is added where it ends: all that it reads has been added by then. */
static fv_status copy_nodes(fold *f, fv_error *err)
{
    int count = fv_graph_node_count(f->graph);
    for (int id = 0; id < count; id++) {
        const fv_node *node = fv_graph_node(f->graph, id);
        const fv_fold_chain *chain = f->nodes[id].chain;
        if (fv_fold_is_end(chain, node))
            FV_TRY((fv_fold_is_upsample(chain) ? add_upsample : add_chain)(f, chain, err));
        else if (f->nodes[id].group)
            FV_TRY(add_group(f, node, f->nodes[id].group, err));
        else if (!chain && !f->nodes[id].split && !f->nodes[id].root)
            FV_TRY(fv_fold_is_slice(node) ? add_slice(f, node, err)
                                          : fv_graph_add_copy(f->out, node, f->map, err));
    }
    return FV_OK;
}

static fv_status find(fold *f, const unsigned char *keep, fv_error *err)
{
    for (int id = 0; id < fv_graph_node_count(f->graph); id++) {
        const fv_node *node = fv_graph_node(f->graph, id);
        f->nodes[id].keep = keep[id];
        for (int i = 0; i < node->src_count; i++) f->nodes[node->src[i]->id].users++;
    }
    fv_fold_find_chains(f->graph, f->nodes, f->chains);
    fv_fold_find_splits(f->graph, f->nodes);
    fv_fold_find_groups(f->graph, f->nodes, f->groups);
    return fv_fold_find_unread(f->graph, f->nodes, err);
}

fv_status fv_graph_fold(fv_graph **out, fv_node ***map, const fv_graph *graph, const unsigned char *keep,
                        unsigned options, fv_error *err)
{
    fv_status status;
    size_t count = (size_t)fv_graph_node_count(graph);
    fold f = {.graph = graph, .options = options};
    FV_TRY_GOTO(fv_graph_new(&f.out, err));
    FV_TRY_GOTO(fv_calloc(&f.map, count, sizeof *f.map, err));
    FV_TRY_GOTO(fv_calloc(&f.nodes, count, sizeof *f.nodes, err));
    FV_TRY_GOTO(fv_calloc(&f.chains, count, sizeof *f.chains, err));
    FV_TRY_GOTO(fv_calloc(&f.groups, count, sizeof *f.groups, err));
    FV_TRY_GOTO(fv_calloc(&f.done, count, sizeof *f.done, err));
    FV_TRY_GOTO(find(&f, keep, err));
    status = copy_nodes(&f, err);
done:
    for (size_t id = 0; f.nodes && id < count; id++) fv_free(f.nodes[id].position);
    fv_free(f.nodes);
    fv_free(f.chains);
    fv_free(f.groups);
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
