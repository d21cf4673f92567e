/* Channels of a convolution that nobody reads, when all that reads it are slices: the first step of a
 * recurrent layer has no use for its forget gate. They are not computed. */
#include "graph/fold_internal.h"

#include <string.h>

int fv_fold_is_slice(const fv_node *node)
{
    return fv_node_is(node, "slice") && fv_op_get(node->op, node->attrs, "axis") == 1 &&
           fv_op_get(node->op, node->attrs, "step") == 1;
}

/* Whether channels of the value can be left out: weights are there to be cut, and nothing else has as many.
 */
static int can_shrink(const fv_fold_node *known, const fv_node *node)
{
    const fv_fold_chain *chain = known->chain;
    return fv_fold_is_end(chain, node) && !known->keep && known->users && !chain->addend && !chain->norm &&
           fv_node_is(chain->conv, "conv") && fv_fold_has_fixed_weights(chain->conv) &&
           fv_op_get(chain->conv->op, chain->conv->attrs, "groups") == 1;
}

/* Marks the channels that slices read; returns how many slices there are. */
static int mark(const fv_graph *graph, const fv_node *node, unsigned char *used)
{
    int slices = 0;
    for (int id = node->id + 1; id < fv_graph_node_count(graph); id++) {
        const fv_node *user = fv_graph_node(graph, id);
        if (!fv_fold_is_slice(user) || user->src[0] != node) continue;
        memset(used + (size_t)fv_op_get(user->op, user->attrs, "first"), 1, (size_t)user->shape.dim[1]);
        slices++;
    }
    return slices;
}

static fv_status number(const unsigned char *used, int64_t count, fv_fold_node *known, fv_error *err)
{
    FV_TRY(fv_calloc(&known->position, (size_t)count, sizeof *known->position, err));
    known->channels = 0;
    for (int64_t c = 0; c < count; c++) known->position[c] = used[c] ? known->channels++ : -1;
    return FV_OK;
}

fv_status fv_fold_find_unread(const fv_graph *graph, fv_fold_node *nodes, fv_error *err)
{
    for (int id = 0; id < fv_graph_node_count(graph); id++) {
        const fv_node *node = fv_graph_node(graph, id);
        unsigned char *used;
        if (!can_shrink(&nodes[id], node)) continue;
        FV_TRY(fv_calloc(&used, (size_t)node->shape.dim[1], 1, err));
        fv_status status = FV_OK;
        if (mark(graph, node, used) == nodes[id].users && memchr(used, 0, (size_t)node->shape.dim[1]))
            status = number(used, node->shape.dim[1], &nodes[id], err);
        fv_free(used);
        FV_TRY(status);
    }
    return FV_OK;
}

fv_status fv_fold_take_rows(const fv_tensor *whole, const int64_t *position, int64_t count, int dry,
                            fv_tensor **out, fv_error *err)
{
    fv_shape shape = whole->shape;
    shape.dim[0] = count;
    FV_TRY(fv_tensor_new(out, &shape, err));
    size_t row = whole->count / (size_t)whole->shape.dim[0];
    for (int64_t r = 0; r < whole->shape.dim[0] && !dry; r++)
        if (position[r] >= 0)
            memcpy((*out)->data + (size_t)position[r] * row, whole->data + (size_t)r * row,
                   row * sizeof(float));
    return FV_OK;
}
