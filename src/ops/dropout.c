/* dropout: in train mode each element is set to 0 with probability `rate` and otherwise multiplied by 1 / (1
 * - rate) (Srivastava et al. 2014); outside train mode dst = src, in the same memory.
 *
 * The mask is never stored: element i, counted in row-major order whatever the layout, draws from (seed,
 * node, run, i), where run is the number of the plan's forward pass. So each training step has another mask,
 * the backward pass finds the mask of the last forward one, and all of it repeats with the next plan of the
 * same graph, from any pass on (fv_plan_set_run). */
#include "graph/emit.h"

#include "base/clones.h"
#include "base/random.h"
#include "tensor/broadcast.h"

typedef struct dropout_attrs {
    double rate;
    int64_t seed;
} dropout_attrs;

static const fv_attr rows[] = {{"rate", FV_ATTR_FLOAT, offsetof(dropout_attrs, rate), 0.5,
                                "probability of an element to be dropped", NULL},
                               {"seed", FV_ATTR_INT, offsetof(dropout_attrs, seed), 0, "of the masks", NULL},
                               {0}};

static fv_status shape(fv_node *node, fv_error *err)
{
    const dropout_attrs *a = node->attrs;
    if (!(a->rate >= 0.0 && a->rate < 1.0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "rate must be at least 0 and below 1, not %g", a->rate);
    node->shape = node->src[0]->shape;
    return FV_OK;
}

/* Lines of elements that lie side by side in memory; their positions in row-major order are a step apart. */
typedef struct dropout_call {
    const uint64_t *run; /* of the plan, which outlives its steps */
    uint64_t seed, node;
    double rate;
    int channels_last;
    int64_t count, channels, positions; /* elements; of one image */
} dropout_call;

enum { LINE = 1 << 12 }; /* elements of a line of a row-major value */

FV_CLONES static void mask_line(float *restrict to, const float *restrict from, uint64_t key, uint64_t first,
                                uint64_t step, uint64_t threshold, float scale, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        to[i] = fv_random_at(key, first + (uint64_t)i * step) >= threshold ? from[i] * scale : 0.0f;
}

/* data: from -> to. */
static void kernel(const void *context, float *const *data)
{
    const dropout_call *call = context;
    uint64_t key = fv_random_key(fv_random_bits(call->seed, call->node, *call->run), 0);
    uint64_t threshold = (uint64_t)(call->rate * 0x1p64);
    float scale = (float)(1.0 / (1.0 - call->rate));
    int64_t size = call->channels_last ? call->channels : LINE, lines = (call->count + size - 1) / size;
#pragma omp parallel for schedule(static) if (call->count >= FV_PARALLEL_MIN)
    for (int64_t line = 0; line < lines; line++) {
        int64_t at = line * size, first = at, step = 1, n = call->count - at < size ? call->count - at : size;
        if (call->channels_last) {
            first = line / call->positions * call->positions * size + line % call->positions;
            step = call->positions;
        }
        mask_line(data[1] + at, data[0] + at, key, (uint64_t)first, (uint64_t)step, threshold, scale, n);
    }
}

static fv_status emit_mask(const fv_node *node, fv_emit *emit, int is_forward, fv_value *from, fv_value *to,
                           fv_error *err)
{
    const dropout_attrs *a = node->attrs;
    const fv_shape *shape = &node->shape;
    dropout_call call = {fv_emit_run(emit),
                         (uint64_t)a->seed,
                         (uint64_t)node->id,
                         a->rate,
                         fv_value_is_channels_last(from),
                         1,
                         1,
                         1};
    if (fv_emit_mode(emit) != FV_MODE_TRAIN) return fv_emit_alias(emit, to, from, err);
    for (int i = 0; i < shape->rank; i++) call.count *= shape->dim[i];
    for (int i = 2; i < shape->rank; i++) call.positions *= shape->dim[i];
    if (call.channels_last) call.channels = shape->dim[1];
    fv_emit_kernel k = {
        is_forward ? "dropout:own" : "dropout_backward:own", kernel, &call, sizeof call, 1, 1, {from, to}};
    return fv_emit_call(emit, &k, err);
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return emit_mask(node, emit, 1, fv_src(emit, 0), fv_dst(emit), err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return emit_mask(node, emit, 0, fv_diff_dst(emit), fv_diff_src(emit, 0), err);
}

const fv_op fv_op_dropout = {.name = "dropout",
                             .doc = "random zeros while training",
                             .src_min = 1,
                             .src_max = 1,
                             .parameters_from = 1,
                             .attrs_size = sizeof(dropout_attrs),
                             .attrs = rows,
                             .layout = FV_OP_ANY,
                             .shape = shape,
                             .forward = forward,
                             .backward_data = backward_data,
                             .keeps_sums = 1};
