#include "cam/tap_maps.h"

#include "base/alloc.h"
#include "base/simd.h"

enum { LANES = 8, ROWS = 4, BLOCK = 128 }; /* questions, and positions, that are worked on together */

typedef struct extent {
    int64_t items, channels, positions, questions;
} extent;

/* Sums over the channels in their order, in double: `rows` positions, LANES questions each. */
static inline __attribute__((always_inline)) void sum_rows(const float *a, int64_t next_channel,
                                                           int64_t next_position, int64_t channels,
                                                           const double *alpha, double *to, const int rows)
{
    double sum[ROWS][LANES] = {{0}};
    for (int64_t k = 0; k < channels; k++, a += next_channel, alpha += LANES)
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            double x = (double)a[r * next_position];
#pragma omp simd
            for (int q = 0; q < LANES; q++) sum[r][q] += x * alpha[q];
        }
    for (int r = 0; r < rows; r++)
        for (int q = 0; q < LANES; q++) to[r * LANES + q] = sum[r][q];
}

FV_CLONES static void sum_block(const float *a, int64_t next_channel, int64_t next_position, int64_t n,
                                int64_t channels, const double *alpha, double *to)
{
    int64_t i = 0;
    for (; i + ROWS <= n; i += ROWS)
        sum_rows(a + i * next_position, next_channel, next_position, channels, alpha, to + i * LANES, ROWS);
    for (; i < n; i++)
        sum_rows(a + i * next_position, next_channel, next_position, channels, alpha, to + i * LANES, 1);
}

/* Weights as the sums want them: for each group of LANES questions and each item, channel by channel. */
static void spread(const float *alpha, const extent *e, double *to)
{
    int64_t size = e->items * e->channels;
    for (int64_t q = 0; q < e->questions; q++)
        for (int64_t i = 0; i < size; i++)
            to[(q / LANES * size + i) * LANES + q % LANES] = (double)alpha[q * size + i];
}

static void write_maps(float *maps, const fv_plan_tap *tap, const extent *e, const double *weights)
{
    int last = tap->shape->rank - 1;
    int64_t groups = (e->questions + LANES - 1) / LANES, blocks = (e->positions + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(static)
    for (int64_t task = 0; task < e->items * blocks * groups; task++) {
        double sums[BLOCK * LANES];
        int64_t group = task % groups, item = task / groups / blocks, first = task / groups % blocks * BLOCK;
        int64_t n = e->positions - first < BLOCK ? e->positions - first : BLOCK;
        sum_block(tap->data + item * tap->strides[0] + first * tap->strides[last], tap->strides[1],
                  tap->strides[last], n, e->channels,
                  weights + (group * e->items + item) * e->channels * LANES, sums);
        for (int64_t q = 0; q < LANES && group * LANES + q < e->questions; q++) {
            float *to = maps + ((group * LANES + q) * e->items + item) * e->positions + first;
            for (int64_t i = 0; i < n; i++) to[i] = (float)sums[i * LANES + q];
        }
    }
}

fv_status fv_cam_tap_maps(fv_tensor **maps, const fv_plan_tap *tap, const fv_tensor *alpha, fv_error *err)
{
    char ta[FV_SHAPE_TEXT], tw[FV_SHAPE_TEXT];
    fv_shape shape = *tap->shape;
    extent e = {.positions = 1};
    double *weights;
    *maps = NULL;
    if (shape.rank >= 3) e.items = shape.dim[0], e.channels = shape.dim[1];
    for (int i = 2; i < shape.rank; i++) e.positions *= shape.dim[i];
    size_t size = (size_t)(e.items * e.channels * (e.positions > 0));
    if (!size || !alpha->count || alpha->count % size)
        return fv_fail(err, FV_STATUS_SHAPE, "maps: weights %s do not fit the activation %s",
                       fv_shape_text(&alpha->shape, tw), fv_shape_text(&shape, ta));
    e.questions = (int64_t)(alpha->count / size);
    shape.dim[0] *= e.questions;
    shape.dim[1] = 1;
    size_t groups = (size_t)(e.questions + LANES - 1) / LANES;
    FV_TRY(fv_calloc(&weights, groups * size * LANES, sizeof *weights, err));
    fv_status status = fv_tensor_new(maps, &shape, err);
    if (status == FV_OK) {
        spread(alpha->data, &e, weights);
        write_maps((*maps)->data, tap, &e, weights);
    }
    fv_free(weights);
    return status;
}
