/* A C program against the installed library: builds conv - relu - conv, and prints the Grad-CAM of the sum of
 * the positive logits at the relu. The weights are all 1, so that the result can be checked by hand. */
#include <fovea.h>

#include <stdio.h>
#include <stdlib.h>

static fv_error err;

static void must(fv_status status)
{
    if (status == FV_OK) return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static fv_tensor *full(fv_shape shape, float value)
{
    fv_tensor *t;
    must(fv_tensor_full(&t, &shape, value, &err));
    return t;
}

/* A 1x1 convolution with all weights 1. */
static fv_node *conv(fv_graph *graph, fv_node *src, int channels, const char *name)
{
    const fv_op *op = fv_op_find("conv");
    fv_node *nodes[2] = {src, NULL}, *out;
    void *attrs = calloc(1, op->attrs_size);
    fv_tensor *weights = full(fv_shape_of(4, channels, (int)src->shape.dim[1], 1, 1), 1.0f);
    must(fv_graph_parameter(graph, weights, NULL, &nodes[1], &err));
    fv_op_defaults(op, attrs);
    must(fv_graph_add(graph, op, 2, nodes, attrs, name, &out, &err));
    fv_tensor_release(weights);
    free(attrs);
    return out;
}

int main(void)
{
    fv_graph *graph;
    fv_node *x, *layer, *z;
    fv_plan *plan;
    fv_tensor *image, *logits, *mask, *activation, *gradient, *alpha, *map;
    fv_shape shape = fv_shape_of(4, 1, 2, 4, 4);

    must(fv_graph_new(&graph, &err));
    must(fv_graph_input(graph, &shape, "image", &x, &err));
    fv_node *hidden = conv(graph, x, 3, "hidden");
    must(fv_graph_add(graph, fv_op_find("relu"), 1, &hidden, NULL, "relu", &layer, &err));
    z = conv(graph, layer, 1, "logits");

    fv_plan_spec spec = {.mode = FV_MODE_EXPLAIN,
                         .taps = {2, (fv_node *[]){z, layer}},
                         .seeds = {1, &z},
                         .gradients = {1, &layer}};
    must(fv_plan_new(&plan, graph, &spec, &err));
    image = full(shape, 0.5f);
    image->data[0] = image->data[16] = -1.0f; /* one pixel, both channels: relu cuts it */
    must(fv_plan_set_input(plan, x, image, &err));
    must(fv_plan_forward(plan, &err));
    must(fv_plan_value(plan, z, &logits, &err));
    mask = full(z->shape, 0.0f);
    for (size_t i = 0; i < mask->count; i++) mask->data[i] = logits->data[i] > 0;
    must(fv_plan_set_seed(plan, z, mask, &err));
    must(fv_plan_backward(plan, &err));
    must(fv_plan_value(plan, layer, &activation, &err));
    must(fv_plan_gradient(plan, layer, &gradient, &err));
    must(fv_cam_channel_weights(&alpha, gradient, &err));
    must(fv_cam_combine_channels(&map, activation, alpha, &err));

    /* alpha = 15/16 in each of 3 channels whose activation is 1 (0 at the first pixel) */
    if (map->data[0] != 0.0f || map->data[1] != 3 * 15.0f / 16) return 1;
    fv_tensor *all[] = {image, logits, mask, activation, gradient, alpha, map};
    for (int i = 0; i < 7; i++) fv_tensor_release(all[i]);
    fv_plan_free(plan);
    fv_graph_release(graph);
    puts(FV_VERSION);
    return 0;
}
