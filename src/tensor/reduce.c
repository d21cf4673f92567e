#include "tensor/reduce.h"
#include "tensor/broadcast.h"
#include "tensor/layout.h"

#include <math.h>

enum { TILE = 512 }; /* results accumulated side by side: their doubles fit the first-level cache */

/* What happens for each element; mean and var are a SUM and a second pass of SQUARES. */
typedef enum pass { PASS_SUM, PASS_SQUARES, PASS_PROD, PASS_MAX, PASS_MIN, PASS_ANY } pass;

/* Axes of src sorted into kept and reduced ones (from the outside in, neighbours merged). The innermost kept
 * axis is apart: results along it are computed side by side. */
typedef struct plan {
    int kept_axes, reduced_axes;
    int64_t kept[FV_MAX_RANK], kept_stride[FV_MAX_RANK];
    int64_t reduced[FV_MAX_RANK], reduced_stride[FV_MAX_RANK];
    int64_t width; /* size of the innermost kept axis if it is contiguous in src, else 1 */
    int64_t depth; /* elements per result */
} plan;

static void push_axis(int64_t size[], int64_t stride[], int *n, int merge, int64_t s, int64_t step)
{
    if (merge)
        size[*n - 1] *= s;
    else
        size[(*n)++] = s;
    stride[*n - 1] = step;
}

static plan make_plan(const fv_shape *shape, unsigned axes)
{
    plan p = {.width = 1, .depth = 1};
    int64_t stride[FV_MAX_RANK];
    int previous = -1;
    fv_shape_strides(shape, stride);
    for (int i = 0; i < shape->rank; i++) {
        int reduced = (axes >> i) & 1;
        int64_t size = shape->dim[i];
        if (reduced) p.depth *= size;
        if (size == 1) continue;
        if (reduced)
            push_axis(p.reduced, p.reduced_stride, &p.reduced_axes, previous == 1, size, stride[i]);
        else
            push_axis(p.kept, p.kept_stride, &p.kept_axes, previous == 0, size, stride[i]);
        previous = reduced;
    }
    if (p.kept_axes && p.kept_stride[p.kept_axes - 1] == 1) p.width = p.kept[--p.kept_axes];
    return p;
}

/* Offset of item `index` of the axes with these sizes and strides. */
static int64_t offset_of(int64_t index, const int64_t size[], const int64_t stride[], int axes)
{
    int64_t offset = 0;
    for (int i = axes - 1; i >= 0; i--) {
        offset += index % size[i] * stride[i];
        index /= size[i];
    }
    return offset;
}

#define SIMD_LOOP(statement) _Pragma("omp simd") for (int64_t i = 0; i < n; i++) statement

/* sum[i] = sum[i] op x[i] for n neighbours; mean is used by PASS_SQUARES only */
static void accumulate(double *restrict sum, const double *restrict mean, const float *restrict x, int64_t n,
                       pass kind)
{
    switch (kind) {
    case PASS_SUM:
        SIMD_LOOP(sum[i] += (double)x[i];) break;
    case PASS_SQUARES:
        SIMD_LOOP(sum[i] += ((double)x[i] - mean[i]) * ((double)x[i] - mean[i]);) break;
    case PASS_PROD:
        SIMD_LOOP(sum[i] *= (double)x[i];) break;
    case PASS_MAX:
        SIMD_LOOP(sum[i] = (double)x[i] > sum[i] || x[i] != x[i] ? (double)x[i] : sum[i];) break;
    case PASS_MIN:
        SIMD_LOOP(sum[i] = (double)x[i] < sum[i] || x[i] != x[i] ? (double)x[i] : sum[i];) break;
    case PASS_ANY:
        SIMD_LOOP(sum[i] = x[i] != 0 ? 1.0 : sum[i];) break;
    }
}

/* One value from n elements with a common stride, starting from `start`. LANES partial results keep the adder
 * busy; their order is fixed. */
enum { LANES = 8 };

static double combine(double a, double b, pass kind)
{
    switch (kind) {
    case PASS_SUM:
    case PASS_SQUARES:
        return a + b;
    case PASS_PROD:
        return a * b;
    case PASS_MAX:
        return b > a || b != b ? b : a;
    case PASS_MIN:
        return b < a || b != b ? b : a;
    case PASS_ANY:
        break;
    }
    return a != 0 || b != 0;
}

static double neutral(pass kind)
{
    switch (kind) {
    case PASS_PROD:
        return 1;
    case PASS_MAX:
        return -INFINITY;
    case PASS_MIN:
        return INFINITY;
    default:
        return 0;
    }
}

static double run(const float *x, int64_t n, int64_t stride, double mean, pass kind)
{
    double lane[LANES], means[LANES];
    int64_t i = 0;
    for (int k = 0; k < LANES; k++) {
        lane[k] = neutral(kind);
        means[k] = mean;
    }
    if (stride == 1)
        for (; i + LANES <= n; i += LANES) accumulate(lane, means, x + i, LANES, kind);
    for (; i < n; i++) accumulate(&lane[i % LANES], means, x + i * stride, 1, kind);
    for (int k = 1; k < LANES; k++) lane[0] = combine(lane[0], lane[k], kind);
    return lane[0];
}

/* The reduced elements of n neighbouring results, the first of which starts at x. */
static void reduce_tile(const plan *p, const float *x, int64_t n, const double *mean, double *sum, pass kind)
{
    int inner = p->reduced_axes - 1;
    int64_t length = inner >= 0 ? p->reduced[inner] : 1;
    int64_t step = inner >= 0 ? p->reduced_stride[inner] : 0;
    for (int64_t i = 0; i < n; i++) sum[i] = neutral(kind);
    if (!p->depth) return;
    for (int64_t outer = 0; outer < p->depth / length; outer++) {
        const float *from = x + offset_of(outer, p->reduced, p->reduced_stride, inner);
        if (n == 1)
            sum[0] = combine(sum[0], run(from, length, step, mean[0], kind), kind);
        else
            for (int64_t k = 0; k < length; k++) accumulate(sum, mean, from + k * step, n, kind);
    }
}

static pass first_pass(fv_reduction op)
{
    switch (op) {
    case FV_REDUCE_PROD:
        return PASS_PROD;
    case FV_REDUCE_MAX:
        return PASS_MAX;
    case FV_REDUCE_MIN:
        return PASS_MIN;
    case FV_REDUCE_ANY:
        return PASS_ANY;
    default:
        return PASS_SUM;
    }
}

/* sum holds n sums; replaces them by the population variances. */
static void second_pass(const plan *p, const float *x, int64_t n, double *sum)
{
    double mean[TILE] = {0};
    for (int64_t i = 0; i < n; i++) mean[i] = sum[i] / (double)p->depth;
    reduce_tile(p, x, n, mean, sum, PASS_SQUARES);
    for (int64_t i = 0; i < n; i++) sum[i] /= (double)p->depth;
}

/* n <= TILE neighbouring results into sum. */
static void finish_tile(const plan *p, fv_reduction op, const float *x, int64_t n, double *sum)
{
    static const double unused[TILE];
    reduce_tile(p, x, n, unused, sum, first_pass(op));
    if (op == FV_REDUCE_VAR || op == FV_REDUCE_STD) second_pass(p, x, n, sum);
    if (op == FV_REDUCE_MEAN)
        for (int64_t i = 0; i < n; i++) sum[i] /= (double)p->depth;
    if (op == FV_REDUCE_STD)
        for (int64_t i = 0; i < n; i++) sum[i] = sqrt(sum[i]);
}

static const char *const names[FV_REDUCE_COUNT] = {"sum", "mean", "max", "min", "var", "std", "prod", "any"};

const char *fv_reduction_name(fv_reduction op)
{
    return names[op];
}

static fv_status check_depth(const plan *p, fv_reduction op, const fv_tensor *src, size_t results,
                             fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    if (p->depth || !results || (op != FV_REDUCE_MAX && op != FV_REDUCE_MIN)) return FV_OK;
    return fv_fail(err, FV_STATUS_SHAPE, "%s: shape %s has no elements to reduce", names[op],
                   fv_shape_text(&src->shape, text));
}

static fv_shape reduced_shape(const fv_shape *shape, unsigned axes, int keep_dims)
{
    fv_shape result = {0};
    for (int i = 0; i < shape->rank; i++)
        if (!((axes >> i) & 1))
            result.dim[result.rank++] = shape->dim[i];
        else if (keep_dims)
            result.dim[result.rank++] = 1;
    return result;
}

fv_status fv_tensor_reduce(fv_tensor **out, fv_reduction op, const fv_tensor *src, unsigned axes,
                           int keep_dims, fv_error *err)
{
    fv_shape shape = reduced_shape(&src->shape, axes, keep_dims);
    plan p = make_plan(&src->shape, axes);
    size_t results;
    *out = NULL;
    FV_TRY(fv_shape_count(&shape, &results, err));
    FV_TRY(check_depth(&p, op, src, results, err));
    FV_TRY(fv_tensor_new(out, &shape, err));
    int64_t tiles = (p.width + TILE - 1) / TILE;
    int64_t items = results ? (int64_t)results / p.width * tiles : 0;
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if (src->count >= FV_PARALLEL_MIN)
    for (int64_t item = 0; item < items; item++) {
        double sum[TILE];
        int64_t row = item / tiles, from = item % tiles * TILE;
        int64_t n = p.width - from < TILE ? p.width - from : TILE;
        const float *x = src->data + offset_of(row, p.kept, p.kept_stride, p.kept_axes) + from;
        finish_tile(&p, op, x, n, sum);
        for (int64_t i = 0; i < n; i++) to[row * p.width + from + i] = (float)sum[i];
    }
    return FV_OK;
}

fv_status fv_tensor_reduce_all(double *out, fv_reduction op, const fv_tensor *src, fv_error *err)
{
    plan p = make_plan(&src->shape, ~0u);
    FV_TRY(check_depth(&p, op, src, 1, err));
    finish_tile(&p, op, src->data, 1, out);
    return FV_OK;
}
