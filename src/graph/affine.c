/* Gradients that are another one times a factor, plus a constant, in each channel: what gates of channels
 * (squeeze and excitation) and global means give. The sum is made in one go, with what else there is. */
#include "graph/plan_internal.h"

#include "base/simd.h"
#include "tensor/broadcast.h"

enum { PIXELS = 64 }; /* of a task */
enum { PRODUCT = 1, SHIFT = 2, PLAIN = 4 };

int fv_emit_takes_affine(const fv_emit *emit, int i)
{
    return emit->plan->mode == FV_MODE_EXPLAIN && emit->src[i]->channels_last && emit->diff_src[i];
}

void fv_emit_affine_gradient(fv_emit *emit, int i, const fv_affine *gradient)
{
    emit->diff_src[i]->affine = *gradient;
}

static int is_affine(const fv_value *gradient)
{
    return gradient->affine.base || gradient->affine.shift;
}

typedef struct affine_call {
    int64_t images, pixels, channels;
    int terms; /* PRODUCT, SHIFT, PLAIN: bits */
} affine_call;

/* What some pixels of an image are made of. */
typedef struct affine_run {
    const float *base, *scale, *shift, *plain;
    int64_t pixels, channels;
} affine_run;

/* terms is a constant where it is called. */
static inline void add_terms(float *out, const affine_run *r, const int terms)
{
    for (int64_t i = 0; i < r->pixels * r->channels; i += r->channels) {
        const float *base = terms & PRODUCT ? r->base + i : NULL,
                    *plain = terms & PLAIN ? r->plain + i : NULL;
#pragma omp simd
        for (int64_t c = 0; c < r->channels; c++) {
            float sum = terms & PRODUCT ? base[c] * r->scale[c] : r->shift[c];
            if (terms & PRODUCT && terms & SHIFT) sum = sum + r->shift[c];
            out[i + c] = terms & PLAIN ? plain[c] + sum : sum;
        }
    }
}

FV_CLONES static void add_run(float *out, const affine_run *r, int terms)
{
    switch (terms) {
    case PRODUCT:
        add_terms(out, r, PRODUCT);
        break;
    case SHIFT:
        add_terms(out, r, SHIFT);
        break;
    case PRODUCT + SHIFT:
        add_terms(out, r, PRODUCT + SHIFT);
        break;
    case PRODUCT + PLAIN:
        add_terms(out, r, PRODUCT + PLAIN);
        break;
    case SHIFT + PLAIN:
        add_terms(out, r, SHIFT + PLAIN);
        break;
    default:
        add_terms(out, r, PRODUCT + SHIFT + PLAIN);
    }
}

/* data: base and scale, shift, what else is added, as far as there; sum. */
static void kernel(const void *context, float *const *data)
{
    const affine_call *call = context;
    int64_t tasks = (call->pixels + PIXELS - 1) / PIXELS;
    int shift_at = call->terms & PRODUCT ? 2 : 0, plain_at = shift_at + (call->terms & SHIFT ? 1 : 0);
    float *out = data[plain_at + (call->terms & PLAIN ? 1 : 0)];
#pragma omp parallel for schedule(static) if (call->images * call->pixels * call->channels >= FV_PARALLEL_MIN)
    for (int64_t task = 0; task < call->images * tasks; task++) {
        int64_t image = task / tasks, pixel = task % tasks * PIXELS, left = call->pixels - pixel;
        int64_t at = (image * call->pixels + pixel) * call->channels, channel = image * call->channels;
        affine_run run = {.pixels = left < PIXELS ? left : PIXELS, .channels = call->channels};
        if (call->terms & PRODUCT) run.base = data[0] + at, run.scale = data[1] + channel;
        if (call->terms & SHIFT) run.shift = data[shift_at] + channel;
        if (call->terms & PLAIN) run.plain = data[plain_at] + at;
        add_run(out + at, &run, call->terms);
    }
}

/* sum = affine + plain (may be NULL). */
static fv_status emit_affine(fv_emit *emit, const fv_affine *affine, fv_value *plain, fv_value *sum,
                             fv_error *err)
{
    const fv_shape *shape = &sum->shape;
    affine_call call = {.images = shape->dim[0], .pixels = 1, .channels = shape->dim[1]};
    fv_emit_kernel k = {"affine:own", kernel, &call, sizeof call, 0, 1, {NULL}};
    for (int i = 2; i < shape->rank; i++) call.pixels *= shape->dim[i];
    if (affine->base) {
        call.terms |= PRODUCT;
        k.value[k.read_count++] = affine->base;
        k.value[k.read_count++] = affine->scale;
    }
    if (affine->shift) {
        call.terms |= SHIFT;
        k.value[k.read_count++] = affine->shift;
    }
    if (plain) {
        call.terms |= PLAIN;
        k.value[k.read_count++] = plain;
    }
    k.value[k.read_count] = sum;
    FV_TRY(fv_emit_call(emit, &k, err));
    if (affine->base) fv_emit_in_place(emit, sum, affine->base);
    if (plain) fv_emit_in_place(emit, sum, plain);
    return FV_OK;
}

/* Adds one to another where the sum is of that kind; *done_so tells. */
static fv_status join(fv_emit *emit, fv_affine *sum, const fv_affine *more, int *done_so, fv_error *err)
{
    *done_so = !sum->base || !more->base;
    if (!*done_so) return FV_OK;
    if (more->base) {
        sum->base = more->base;
        sum->scale = more->scale;
    }
    if (sum->shift && more->shift) {
        fv_value *both;
        FV_TRY(fv_emit_value(emit, &sum->shift->shape, &both, err));
        FV_TRY(fv_emit_sum(emit, sum->shift, more->shift, both, err));
        sum->shift = both;
    } else if (more->shift) {
        sum->shift = more->shift;
    }
    return FV_OK;
}

fv_status fv_plan_join_affine(fv_emit *emit, fv_affine *sum, fv_value *gradient, int channels_last,
                              int *done_so, fv_error *err)
{
    *done_so = 0;
    if (!is_affine(gradient)) return FV_OK;
    if (gradient->channels_last == channels_last) FV_TRY(join(emit, sum, &gradient->affine, done_so, err));
    return *done_so ? FV_OK : emit_affine(emit, &gradient->affine, NULL, gradient, err);
}

fv_status fv_plan_add_affine(fv_emit *emit, const fv_affine *affine, fv_value **gradient, fv_error *err)
{
    fv_value *sum;
    if (!affine->base && !affine->shift) return FV_OK;
    FV_TRY(fv_plan_value_new(emit->plan, &emit->node->shape, 1, &sum, err));
    FV_TRY(emit_affine(emit, affine, *gradient, sum, err));
    *gradient = sum;
    return FV_OK;
}
