#include "tensor/broadcast.h"

enum { BLOCK = 1 << 13 }; /* elements per kernel call: 32 KiB, the first-level cache */

/* Axes of the result from the outside in, with neighbours merged where every input allows it. */
typedef struct walk {
    int axes, inputs;
    int64_t size[FV_MAX_RANK];
    int64_t stride[FV_MAX_INPUTS][FV_MAX_RANK]; /* in elements; 0 where the input is stretched */
} walk;

static int mergeable(const walk *w, int outer, const int64_t stride[], int64_t size)
{
    for (int k = 0; k < w->inputs; k++)
        if (w->stride[k][outer] != stride[k] * size) return 0;
    return 1;
}

static void add_axis(walk *w, const int64_t stride[], int64_t size)
{
    if (size == 1) return;
    int at = w->axes - 1;
    if (w->axes && mergeable(w, at, stride, size)) {
        w->size[at] *= size;
    } else {
        at = w->axes++;
        w->size[at] = size;
    }
    for (int k = 0; k < w->inputs; k++) w->stride[k][at] = stride[k];
}

static void plan_walk(walk *w, const fv_shape *shape, const fv_tensor *const in[])
{
    int64_t strides[FV_MAX_INPUTS][FV_MAX_RANK] = {{0}};
    for (int k = 0; k < w->inputs; k++) fv_shape_strides(&in[k]->shape, strides[k]);
    for (int i = 0; i < shape->rank; i++) {
        int64_t stride[FV_MAX_INPUTS] = {0};
        for (int k = 0; k < w->inputs; k++) {
            int own = i - (shape->rank - in[k]->shape.rank);
            if (own >= 0 && in[k]->shape.dim[own] != 1) stride[k] = strides[k][own];
        }
        add_axis(w, stride, shape->dim[i]);
    }
    if (!w->axes) w->size[w->axes++] = 1;
}

static void run_row(const walk *w, fv_row_kernel kernel, fv_tensor *out, const fv_tensor *const in[],
                    int64_t row, int64_t from)
{
    const float *start[FV_MAX_INPUTS] = {0};
    int step[FV_MAX_INPUTS] = {0};
    int last = w->axes - 1;
    int64_t n = w->size[last] - from < BLOCK ? w->size[last] - from : BLOCK;
    for (int k = 0; k < w->inputs; k++) {
        step[k] = w->stride[k][last] != 0;
        start[k] = in[k]->data + from * w->stride[k][last];
    }
    int64_t rest = row;
    for (int i = last - 1; i >= 0; i--) {
        int64_t index = rest % w->size[i];
        rest /= w->size[i];
        for (int k = 0; k < w->inputs; k++) start[k] += index * w->stride[k][i];
    }
    kernel(out->data + row * w->size[last] + from, start, step, (size_t)n);
}

fv_status fv_broadcast_apply(fv_tensor **out, fv_row_kernel kernel, const fv_tensor *const in[], int inputs,
                             const char *what, fv_error *err)
{
    fv_shape shape = in[0]->shape;
    *out = NULL;
    for (int k = 1; k < inputs; k++) FV_TRY(fv_shape_broadcast(&shape, &shape, &in[k]->shape, what, err));
    FV_TRY(fv_tensor_new(out, &shape, err));
    if (!(*out)->count) return FV_OK;
    walk w = {.inputs = inputs};
    plan_walk(&w, &shape, in);
    int64_t n = w.size[w.axes - 1];
    int64_t blocks = (n + BLOCK - 1) / BLOCK;
    int64_t items = (int64_t)(*out)->count / n * blocks;
#pragma omp parallel for schedule(static) if ((*out)->count >= FV_PARALLEL_MIN)
    for (int64_t i = 0; i < items; i++) run_row(&w, kernel, *out, in, i / blocks, i % blocks * BLOCK);
    return FV_OK;
}
