#include "ops/conv_signs.h"

#include "base/simd.h"
#include "tensor/broadcast.h"

#include <math.h>
#include <string.h>

enum { LANES = 32, BLOCK = 1 << 10 }; /* elements of a word; words of a task */

typedef struct signs_call {
    fv_conv_gate gate;
    int64_t count;
} signs_call;

int fv_conv_gate_of(const fv_node *node, fv_conv_gate *gate)
{
    const fv_conv_attrs *a = node->attrs;
    const char *name = fv_conv_activations[a->activation];
    int is_clip = strcmp(name, "clip") == 0;
    *gate = (fv_conv_gate){0, INFINITY, (float)a->alpha};
    if (is_clip) *gate = (fv_conv_gate){(float)a->alpha, (float)a->beta, 0};
    return is_clip || strcmp(name, "relu") == 0 || strcmp(name, "leaky_relu") == 0;
}

static signs_call call_of(const fv_node *node)
{
    signs_call call = {.count = 1};
    fv_conv_gate_of(node, &call.gate);
    for (int i = 0; i < node->shape.rank; i++) call.count *= node->shape.dim[i];
    return call;
}

FV_CLONES static void take_words(uint32_t *bits, const float *x, float low, float high, int64_t words)
{
    for (int64_t w = 0; w < words; w++, x += LANES) {
        uint32_t word = 0;
#pragma omp simd reduction(| : word)
        for (int i = 0; i < LANES; i++) word |= (uint32_t)((x[i] > low) & (x[i] < high)) << i;
        bits[w] = word;
    }
}

FV_CLONES static void apply_words(float *to, const uint32_t *bits, const float *from, float other,
                                  int64_t words)
{
    for (int64_t w = 0; w < words; w++, to += LANES, from += LANES) {
        uint32_t word = bits[w];
#pragma omp simd
        for (int i = 0; i < LANES; i++) to[i] = from[i] * fv_select(word >> i & 1, 1, other);
    }
}

/* Whole words, and the rest through a block of its own. */
static void forward_kernel(const void *context, float *const *data)
{
    const signs_call *call = context;
    uint32_t *bits = (uint32_t *)(void *)data[1];
    int64_t words = call->count / LANES, rest = call->count % LANES;
#pragma omp parallel for schedule(static) if (call->count >= FV_PARALLEL_MIN)
    for (int64_t w = 0; w < words; w += BLOCK)
        take_words(bits + w, data[0] + w * LANES, call->gate.low, call->gate.high,
                   words - w < BLOCK ? words - w : BLOCK);
    if (!rest) return;
    float last[LANES] = {0};
    memcpy(last, data[0] + words * LANES, (size_t)rest * sizeof *last);
    take_words(bits + words, last, call->gate.low, call->gate.high, 1);
}

static void backward_kernel(const void *context, float *const *data)
{
    const signs_call *call = context;
    const uint32_t *bits = (const uint32_t *)(const void *)data[0];
    int64_t words = call->count / LANES, rest = call->count % LANES;
#pragma omp parallel for schedule(static) if (call->count >= FV_PARALLEL_MIN)
    for (int64_t w = 0; w < words; w += BLOCK)
        apply_words(data[2] + w * LANES, bits + w, data[1] + w * LANES, call->gate.slope,
                    words - w < BLOCK ? words - w : BLOCK);
    if (!rest) return;
    float last[LANES] = {0};
    memcpy(last, data[1] + words * LANES, (size_t)rest * sizeof *last);
    apply_words(last, bits + words, last, call->gate.slope, 1);
    memcpy(data[2] + words * LANES, last, (size_t)rest * sizeof *last);
}

fv_status fv_signs_new(const fv_node *node, fv_emit *emit, fv_value **bits, fv_error *err)
{
    fv_shape shape = fv_shape_of(1, (call_of(node).count + LANES - 1) / LANES);
    return fv_emit_value(emit, &shape, bits, err);
}

fv_status fv_signs_forward(const fv_node *node, fv_emit *emit, fv_value **bits, fv_error *err)
{
    signs_call call = call_of(node);
    FV_TRY(fv_signs_new(node, emit, bits, err));
    fv_emit_kernel k = {"signs:own", forward_kernel, &call, sizeof call, 1, 1, {fv_dst(emit), *bits}};
    return fv_emit_call(emit, &k, err);
}

fv_status fv_signs_backward(const fv_node *node, fv_emit *emit, fv_value *bits, fv_value *diff, fv_error *err)
{
    signs_call call = call_of(node);
    fv_emit_kernel k = {
        "slopes:own", backward_kernel, &call, sizeof call, 2, 1, {bits, fv_diff_dst(emit), diff}};
    FV_TRY(fv_emit_call(emit, &k, err));
    fv_emit_in_place(emit, diff, fv_diff_dst(emit));
    return FV_OK;
}
