/* Fovea's public C header.
 *
 * Fovea shows what a segmentation model looks at. Four things make that up:
 *
 *   tensor   float32, row-major, reference counted (tensor/tensor.h, math.h, reduce.h, ...)
 *   graph    named nodes: inputs, parameters, and ops found by name (graph/graph.h, graph/op.h)
 *   plan     a graph compiled for one purpose: infer, explain or train (graph/plan.h)
 *   cam      seeds of masked sums, channel weights, maps (cam/seed.h, cam/combine.h, cam/normalise.h)
 *
 * Every fallible function returns an fv_status (FV_OK is 0) and fills an fv_error; nothing aborts, exits or
 * prints. A Grad-CAM of the sum of all logits above 0, at the layer `layer` of a graph that leads from the
 * input x to the logits z, looks like this (error checks left out):
 *
 *     fv_plan_spec spec = {.mode = FV_MODE_EXPLAIN, .taps = {2, (fv_node *[]){z, layer}}, .seeds = {1, &z},
 *                          .gradients = {1, &layer}};
 *     fv_plan_new(&plan, graph, &spec, &err);
 *     fv_plan_set_input(plan, x, image, &err);
 *     fv_plan_forward(plan, &err);
 *     fv_plan_value(plan, z, &logits, &err);
 *     ... mask = 1 where logits > 0 ...
 *     fv_plan_set_seed(plan, z, mask, &err);           the gradient of a masked sum is the mask
 *     fv_plan_backward(plan, &err);
 *     fv_plan_value(plan, layer, &activation, &err);
 *     fv_plan_gradient(plan, layer, &gradient, &err);
 *     fv_cam_channel_weights(&alpha, gradient, &err);
 *     fv_cam_combine_channels(&map, activation, alpha, &err);
 *
 * tests/c/example_embed.c is a whole program. Models, strategies and pictures are Lua (lua/fovea). */
#ifndef FOVEA_H
#define FOVEA_H

#define FV_VERSION "0.1.0"

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/status.h"
#include "cam/combine.h"
#include "cam/normalise.h"
#include "cam/seed.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "tensor/inspect.h"
#include "tensor/label.h"
#include "tensor/layout.h"
#include "tensor/loss.h"
#include "tensor/math.h"
#include "tensor/optimise.h"
#include "tensor/order.h"
#include "tensor/reduce.h"
#include "tensor/resample.h"
#include "tensor/tensor.h"

#endif
