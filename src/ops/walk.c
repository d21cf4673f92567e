#include "ops/walk_sum.h"
#include "tensor/broadcast.h"

enum { BLOCK = 1 << 12 }; /* elements of one call when nothing is summed */

/* Strides of a value over the axes of a shape that it broadcasts to. */
static void stretched_strides(const fv_value *value, const fv_shape *to, int64_t strides[FV_MAX_RANK])
{
    const fv_shape *own = fv_value_shape(value);
    int64_t own_strides[FV_MAX_RANK];
    int missing = to->rank - own->rank;
    fv_value_strides(value, own_strides);
    for (int i = 0; i < to->rank; i++)
        strides[i] = i < missing || own->dim[i - missing] == 1 ? 0 : own_strides[i - missing];
}

static int joins(const int64_t strides[], int at, int64_t stride, int64_t size)
{
    return strides[at] == stride * size;
}

/* Appends an axis, or joins it with the one outside of it when all strides allow. */
static void add_axis(fv_walk *w, int64_t size, int64_t out, const int64_t in[])
{
    int at = w->axes - 1, joined = at >= 0 && joins(w->out, at, out, size);
    if (size == 1) return;
    for (int k = 0; k < w->sources; k++) joined = joined && joins(w->in[k], at, in[k], size);
    if (!joined) w->size[at = w->axes++] = 1;
    w->size[at] *= size;
    w->out[at] = out;
    for (int k = 0; k < w->sources; k++) w->in[k][at] = in[k];
}

static void make_walk(fv_walk *w, const fv_value *space, fv_value *const in[], const fv_value *out)
{
    const fv_shape *shape = fv_value_shape(space);
    int64_t out_strides[FV_MAX_RANK], strides[FV_WALK_SOURCES][FV_MAX_RANK];
    stretched_strides(out, shape, out_strides);
    for (int k = 0; k < w->sources; k++) stretched_strides(in[k], shape, strides[k]);
    for (int i = 0; i < shape->rank; i++) {
        int axis = i;
        if (fv_value_is_channels_last(space) && i > 0) axis = i == shape->rank - 1 ? 1 : i + 1;
        int64_t step[FV_WALK_SOURCES] = {0};
        for (int k = 0; k < w->sources; k++) step[k] = strides[k][axis];
        add_axis(w, shape->dim[axis], out_strides[axis], step);
    }
    if (!w->axes) w->size[w->axes++] = 1;
}

void fv_walk_locate(const fv_walk *w, int axes, int summed, int64_t at, int64_t *out, int64_t in[])
{
    for (int i = axes - 1; i >= 0; i--) {
        if ((w->out[i] == 0) != summed) continue;
        int64_t index = at % w->size[i];
        at /= w->size[i];
        *out += index * w->out[i];
        for (int k = 0; k < w->sources; k++) in[k] += index * w->in[k][i];
    }
}

int64_t fv_walk_count(const fv_walk *w, int axes, int summed)
{
    int64_t n = 1;
    for (int i = 0; i < axes; i++)
        if ((w->out[i] == 0) == summed) n *= w->size[i];
    return n;
}

void fv_walk_run(const fv_walk *w, float *const *data, const int64_t in[], int64_t from, int64_t n,
                 float *out)
{
    const float *start[FV_WALK_SOURCES] = {0};
    int64_t step[FV_WALK_SOURCES] = {0};
    int last = w->axes - 1;
    for (int k = 0; k < w->sources; k++) {
        step[k] = w->in[k][last];
        start[k] = data[k] + in[k] + from * step[k];
    }
    w->row(out, start, step, n);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Nothing is summed, and out is dense along the last axis. */
static void map_kernel(const void *context, float *const *data)
{
    const fv_walk *w = context;
    int last = w->axes - 1;
    int64_t n = w->size[last], blocks = (n + BLOCK - 1) / BLOCK, rows = fv_walk_count(w, last, 0);
#pragma omp parallel for schedule(static) if (rows * n >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < rows * blocks; item++) {
        int64_t in[FV_WALK_SOURCES] = {0}, out = 0, from = item % blocks * BLOCK;
        fv_walk_locate(w, last, 0, item / blocks, &out, in);
        fv_walk_run(w, data, in, from, least(BLOCK, n - from), data[w->sources] + out + from);
    }
}

fv_status fv_emit_walk(fv_emit *emit, const char *name, fv_walk_row row, const fv_value *space, int sources,
                       fv_value *const in[], fv_value *out, fv_error *err)
{
    size_t all, kept;
    fv_walk w = {.row = row, .sources = sources};
    FV_TRY(fv_shape_count(fv_value_shape(space), &all, err));
    FV_TRY(fv_shape_count(fv_value_shape(out), &kept, err));
    if (all == 0 && kept == 0) return FV_OK;
    make_walk(&w, space, in, out);
    if (all != kept || w.out[w.axes - 1] != 1) return fv_emit_walk_sum(emit, name, &w, in, out, err);
    fv_emit_kernel kernel = {name, map_kernel, &w, sizeof w, sources, 1, {NULL}};
    for (int k = 0; k < sources; k++) kernel.value[k] = in[k];
    kernel.value[sources] = out;
    FV_TRY(fv_emit_call(emit, &kernel, err));
    for (int k = 0; k < sources; k++)
        if (fv_shape_equal(fv_value_shape(in[k]), fv_value_shape(out))) fv_emit_in_place(emit, out, in[k]);
    return FV_OK;
}
