/* The kernels of winograd_kernels.h, in plain C with vectors of a given width. A file that includes this sets
 *
 *     FV_W_TABLE   the table
 *     FV_W_NAME    its name
 *     FV_W_LANES   floats in a vector register: 16, 8 or 4
 *     FV_W_ROWS    rows of a product that are held in registers
 *     FV_W_BLOCKS  blocks of 16 columns of a product that are held in registers: 1 or 2 */
#include "base/simd.h"
#include "ops/winograd_kernels.h"

#include <float.h>
#include <string.h>
#if FV_W_LANES > 4
#    include <immintrin.h>
#endif

typedef float vec __attribute__((vector_size(4 * FV_W_LANES)));
typedef int32_t vec_mask __attribute__((vector_size(4 * FV_W_LANES)));
typedef float vec_memory __attribute__((vector_size(4 * FV_W_LANES), aligned(4), may_alias));

enum {
    LANES = FV_W_LANES,
    BLOCK = FV_WINOGRAD_BLOCK,
    VECS = BLOCK / LANES, /* vectors in a block */
    POINTS = FV_WINOGRAD_POINTS,
    TILE = FV_WINOGRAD_TILE,
    WIDE = FV_WINOGRAD_WIDE,
    PLANES = FV_WINOGRAD_PLANES
};

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")
/* Stops the compiler from keeping one register per offset. */
#define ADVANCE(pointer, step) __asm__("" : "=r"(pointer) : "0"((pointer) + (step)))

/* Asks for memory that will be needed soon: the runs are too short for the processor to see where they go. */
#define FETCH(p)       __builtin_prefetch((p), 0, 3)
#define FETCH_WRITE(p) __builtin_prefetch((p), 1, 3)

#define ZERO    ((vec){0})
#define FILL(x) ((x)-ZERO)
/* mask ? x : y */
#define PICK(mask, x, y) ((vec)((((vec_mask)(x)) & (mask)) | (((vec_mask)(y)) & ~(mask))))

INLINE vec load(const float *from)
{
    return *(const vec_memory *)from;
}

INLINE void store(float *to, vec x)
{
    *(vec_memory *)to = x;
}

/* The points of interpolation are 0, +-P, +-Q and infinity. All constants are exact. */
#define P  0.625f
#define Q  1.5f
#define P2 (P * P)
#define Q2 (Q * Q)
#define P3 (P * P * P)
#define Q3 (Q * Q * Q)
#define P4 (P2 * P2)
#define Q4 (Q2 * Q2)

/* --- tiles --- */

/* B': six samples to the six products' left sides. */
INLINE void map_in(const vec *d, vec *to, int step)
{
    vec p_even = d[4] - Q2 * d[2], p_odd = d[3] - Q2 * d[1];
    vec q_even = d[4] - P2 * d[2], q_odd = d[3] - P2 * d[1];
    to[0] = d[4] - (P2 + Q2) * d[2] + (P2 * Q2) * d[0];
    to[step] = p_even + P * p_odd;
    to[2 * step] = p_even - P * p_odd;
    to[3 * step] = q_even + Q * q_odd;
    to[4 * step] = q_even - Q * q_odd;
    to[5 * step] = d[5] - (P2 + Q2) * d[3] + (P2 * Q2) * d[1];
}

/* How a tile is taken through an activation: not at all, by the result, or by its bits; with a slope of 0
 * outside, or any. */
enum { NO_GATE, RELU_GATE, ANY_GATE, RELU_SIGNS, ANY_SIGNS };

static const int32_t lane_bits[BLOCK]
    __attribute__((aligned(64))) = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                                    1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};

INLINE vec gated(const fv_winograd_in *in, int64_t at, int word, const int gate_kind)
{
    vec x = load(in->from + at);
    if (gate_kind == NO_GATE) return x;
    vec_mask open;
    if (gate_kind >= RELU_SIGNS) {
        open = (((vec_mask){0} + word) & *(const vec_mask *)(const void *)lane_bits) != 0;
    } else {
        vec gate = load(in->gate + at);
        open = gate > (gate_kind == RELU_GATE ? 0 : in->low);
        if (gate_kind == ANY_GATE) open &= gate < in->high;
    }
    if (gate_kind == RELU_GATE || gate_kind == RELU_SIGNS) return (vec)((vec_mask)x & open);
    return PICK(open, x, x * in->slope);
}

/* The next tile: it shares two columns with this one. */
INLINE void fetch_next(const fv_winograd_in *in, int64_t at, const int gate_kind)
{
    UNROLL for (int i = 0; i < POINTS; i++)
    {
        FETCH(in->from + at + i * in->row + TILE * in->column);
        if (gate_kind == RELU_GATE || gate_kind == ANY_GATE)
            FETCH(in->gate + at + i * in->row + TILE * in->column);
    }
}

/* The vector at `at`; signs begin at its lanes. */
INLINE void transform_in(const fv_winograd_in *in, int64_t at, const uint16_t *signs, int shift, float *to,
                         int64_t plane, const int gate_kind)
{
    vec half[PLANES];
    UNROLL for (int j = 0; j < POINTS; j++)
    {
        vec d[POINTS];
        if (j >= POINTS - TILE) fetch_next(in, at, gate_kind);
        UNROLL for (int i = 0; i < POINTS; i++)
        {
            int word = gate_kind >= RELU_SIGNS ? signs[i * in->signs_row] >> shift : 0;
            d[i] = gated(in, at + i * in->row, word, gate_kind);
        }
        map_in(d, half + j, POINTS);
        ADVANCE(at, in->column);
        if (gate_kind >= RELU_SIGNS) ADVANCE(signs, in->signs_column);
    }
    UNROLL for (int i = 0; i < POINTS; i++)
    {
        vec line[POINTS];
        map_in(half + POINTS * i, line, 1);
        UNROLL for (int j = 0; j < POINTS; j++) store(to + j * plane, line[j]);
        ADVANCE(to, POINTS * plane);
    }
}

static int gate_kind_of(const fv_winograd_in *in)
{
    if (in->signs) return in->slope == 0 ? RELU_SIGNS : ANY_SIGNS;
    if (!in->gate) return NO_GATE;
    return in->low == 0 && in->slope == 0 && in->high > FLT_MAX ? RELU_GATE : ANY_GATE;
}

static void tile_in(const fv_winograd_in *in, int64_t blocks, float *to, int64_t block, int64_t plane)
{
    int kind = gate_kind_of(in);
    for (int64_t b = 0; b < blocks; b++)
        for (int v = 0; v < VECS; v++) {
            int64_t at = b * BLOCK + v * LANES;
            float *first = to + b * block + v * LANES;
            const uint16_t *signs = in->signs ? in->signs + b : NULL;
            if (kind == NO_GATE)
                transform_in(in, at, signs, 0, first, plane, NO_GATE);
            else if (kind == RELU_GATE)
                transform_in(in, at, signs, 0, first, plane, RELU_GATE);
            else if (kind == ANY_GATE)
                transform_in(in, at, signs, 0, first, plane, ANY_GATE);
            else if (kind == RELU_SIGNS)
                transform_in(in, at, signs, v * LANES, first, plane, RELU_SIGNS);
            else
                transform_in(in, at, signs, v * LANES, first, plane, ANY_SIGNS);
        }
}

/* A': six products to four or five results. */
INLINE void map_out(const vec *m, vec *to, int step, const int tile)
{
    vec p_even = m[1] + m[2], p_odd = m[1] - m[2], q_even = m[3] + m[4], q_odd = m[3] - m[4];
    to[0] = m[0] + (p_even + q_even);
    to[step] = P * p_odd + Q * q_odd;
    to[2 * step] = P2 * p_even + Q2 * q_even;
    to[3 * step] = P3 * p_odd + Q3 * q_odd;
    if (tile == WIDE)
        to[4 * step] = m[5] + P4 * p_even + Q4 * q_even;
    else
        to[3 * step] += m[5];
}

INLINE vec activate(const fv_winograd_out *out, vec x)
{
    if (out->activation == FV_WINOGRAD_LEAKY) return PICK(x < 0, x * out->alpha, x);
    if (out->activation == FV_WINOGRAD_CLIP) {
        x = PICK(x < out->alpha, FILL(out->alpha), x);
        return PICK(x > out->beta, FILL(out->beta), x);
    }
    return x;
}

/* What is rare: one lane after the other. */
static void activate_slowly(const fv_winograd_out *out, float *x)
{
    for (int l = 0; l < LANES; l++) {
        float e = fv_expf(x[l] < 0 ? x[l] : -x[l]);
        if (out->activation == FV_WINOGRAD_ELU)
            x[l] = x[l] > 0 ? x[l] : out->alpha * fv_expm1f(x[l]);
        else
            x[l] = (x[l] < 0 ? e : 1.0f) / (1.0f + e);
    }
}

/* Which lanes lie between the bounds. */
INLINE int sign_word(const fv_winograd_out *out, vec x)
{
#if FV_W_LANES == 16
    return _mm512_cmp_ps_mask((__m512)x, (__m512)FILL(out->low), _CMP_GT_OQ) &
           _mm512_cmp_ps_mask((__m512)x, (__m512)FILL(out->high), _CMP_LT_OQ);
#elif FV_W_LANES == 8
    vec_mask open = (x > out->low) & (x < out->high);
    return _mm256_movemask_ps((__m256)(vec)open);
#else
    int word = 0;
    for (int l = 0; l < LANES; l++) word |= ((x[l] > out->low) & (x[l] < out->high)) << l;
    return word;
#endif
}

/* signs is that of the block of results, whose lanes from `shift` on these are. */
INLINE void finish(const fv_winograd_out *out, int64_t at, vec x, uint16_t *signs, int shift)
{
    if (out->addend) x += load(out->addend + at);
    x = activate(out, x);
    store(out->to + at, x);
    if (out->activation >= FV_WINOGRAD_ELU) activate_slowly(out, out->to + at);
    if (signs) *signs = (uint16_t)((shift ? *signs : 0) | sign_word(out, x) << shift);
}

INLINE void transform_out(const fv_winograd_out *out, int64_t at, uint16_t *signs, int shift,
                          const float *from, const int tile, const int is_whole)
{
    vec half[WIDE * POINTS];
    vec bias = out->bias ? load(out->bias + at) : ZERO;
    vec factor = out->factor ? load(out->factor + at) : FILL(1.0f);
    UNROLL for (int j = 0; j < POINTS; j++)
    {
        vec m[POINTS];
        UNROLL for (int i = 0; i < POINTS; i++) m[i] = load(from + (i * POINTS + j) * BLOCK);
        map_out(m, half + j, POINTS, tile);
    }
    UNROLL for (int i = 0; i < tile; i++)
    {
        vec line[WIDE];
        if (!is_whole && i >= out->rows) break;
        map_out(half + POINTS * i, line, 1, tile);
        UNROLL for (int j = 0; j < tile; j++) FETCH_WRITE(out->to + at + (j + tile) * out->column);
        UNROLL for (int j = 0; j < tile; j++) if (is_whole || j < out->columns)
            finish(out, at + j * out->column, line[j] * factor + bias,
                   signs ? signs + j * out->signs_column : NULL, shift);
        ADVANCE(at, out->row);
        if (signs) ADVANCE(signs, out->signs_row);
    }
}

static void tile_out(const fv_winograd_out *out, int64_t blocks, const float *from)
{
    int is_whole = out->rows == out->tile && out->columns == out->tile;
    for (int64_t b = 0; b < blocks; b++)
        for (int v = 0; v < VECS; v++) {
            int64_t at = b * BLOCK + v * LANES;
            const float *first = from + b * PLANES * BLOCK + v * LANES;
            uint16_t *signs = out->signs ? out->signs + b : NULL;
            if (out->tile == WIDE)
                transform_out(out, at, signs, v * LANES, first, WIDE, 0);
            else if (is_whole)
                transform_out(out, at, signs, v * LANES, first, TILE, 1);
            else
                transform_out(out, at, signs, v * LANES, first, TILE, 0);
        }
}

/* --- weights --- */

/* G: three taps to the six products' right sides. */
INLINE void map_weights(vec a, vec b, vec c, vec *to, int step)
{
    const float p = 1.0f / (2.0f * P2 * (P2 - Q2)), q = 1.0f / (2.0f * Q2 * (Q2 - P2));
    vec p_even = (a + P2 * c) * p, p_odd = b * (P * p), q_even = (a + Q2 * c) * q, q_odd = b * (Q * q);
    to[0] = a * (1.0f / (P2 * Q2));
    to[step] = p_even + p_odd;
    to[2 * step] = p_even - p_odd;
    to[3 * step] = q_even + q_odd;
    to[4 * step] = q_even - q_odd;
    to[5 * step] = c;
}

#if FV_W_LANES == 16
#    define LOW(x, y) __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#    define HIGH(x, y)                                                                                       \
        __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

INLINE void interleave(const vec *from, vec *to)
{
    UNROLL for (int i = 0; i < 8; i++)
    {
        to[2 * i] = LOW(from[i], from[i + 8]);
        to[2 * i + 1] = HIGH(from[i], from[i + 8]);
    }
}

/* Lanes of nine taps each to nine vectors. Reads 7 floats past the taps of the last lane. */
INLINE void gather(const float *from, int64_t lane, vec *taps)
{
    vec a[16], b[16];
    UNROLL for (int l = 0; l < 16; l++)
    {
        FETCH(from + 80); /* kernels of later rows, or other lanes */
        a[l] = load(from);
        ADVANCE(from, lane);
    }
    interleave(a, b);
    interleave(b, a);
    interleave(a, b);
    interleave(b, a);
    UNROLL for (int t = 0; t < 9; t++) taps[t] = a[t];
}
#else
INLINE void gather(const float *from, int64_t lane, vec *taps)
{
    float turned[9][LANES] __attribute__((aligned(64)));
    for (int l = 0; l < LANES; l++)
        for (int t = 0; t < 9; t++) turned[t][l] = from[l * lane + t];
    for (int t = 0; t < 9; t++) taps[t] = load(turned[t]);
}
#endif

INLINE void transform_weights(const float *from, int64_t lane, float factor, float *to, int64_t plane,
                              const int turned)
{
    vec taps[9], half[3 * POINTS];
    gather(from, lane, taps);
    if (turned) UNROLL for (int t = 0; t < 9; t++) taps[t] *= factor;
    UNROLL for (int j = 0; j < 3; j++)
    {
        if (turned)
            map_weights(taps[8 - j], taps[5 - j], taps[2 - j], half + j, 3);
        else
            map_weights(taps[j], taps[3 + j], taps[6 + j], half + j, 3);
    }
    UNROLL for (int i = 0; i < POINTS; i++)
    {
        vec line[POINTS];
        map_weights(half[3 * i], half[3 * i + 1], half[3 * i + 2], line, 1);
        UNROLL for (int j = 0; j < POINTS; j++) store(to + j * plane, line[j]);
        ADVANCE(to, POINTS * plane);
    }
}

/* G of two taps. */
INLINE void map_two_weights(vec a, vec b, vec *to, int step)
{
    map_weights(a, b, ZERO, to, step);
    to[5 * step] = b;
}

/* 2x2 kernels, whose taps lie `tap` apart. */
INLINE void transform_two_weights(const float *from, int64_t tap, float *to, int64_t plane)
{
    vec half[2 * POINTS];
    UNROLL for (int j = 0; j < 2; j++)
        map_two_weights(load(from + j * tap), load(from + (2 + j) * tap), half + j, 2);
    UNROLL for (int i = 0; i < POINTS; i++)
    {
        vec line[POINTS];
        map_two_weights(half[2 * i], half[2 * i + 1], line, 1);
        UNROLL for (int j = 0; j < POINTS; j++) store(to + (i * POINTS + j) * plane, line[j]);
    }
}

static void two_weights_row(const fv_winograd_weights *w, const float *from, float *to, int64_t plane)
{
    float copy[4 * BLOCK] = {0};
    int64_t tap = w->tap;
    if (w->lanes < BLOCK) {
        for (int t = 0; t < 4; t++)
            memcpy(copy + t * BLOCK, from + t * tap, sizeof(float) * (size_t)w->lanes);
        from = copy;
        tap = BLOCK;
    }
    for (int v = 0; v < VECS; v++) transform_two_weights(from + v * LANES, tap, to + v * LANES, plane);
}

/* Rows whose lanes cannot be read in whole vectors. */
static void copy_row(const fv_winograd_weights *w, const float *from, float *copy)
{
    memset(copy, 0, sizeof(float) * 16 * BLOCK);
    for (int64_t l = 0; l < w->lanes; l++) memcpy(copy + 16 * l, from + l * w->lane, sizeof(float) * 9);
}

static void weights(const fv_winograd_weights *w, float *to, int64_t plane)
{
    float copy[16 * BLOCK];
    for (int64_t r = 0; r < w->rows; r++, to += FV_WINOGRAD_PANEL) {
        const float *from = w->from + r * w->row;
        float factor = w->factor ? w->factor[r] : 1.0f;
        int64_t lane = w->lane;
        if (w->tap) {
            two_weights_row(w, from, to, plane);
            continue;
        }
        if (w->lanes < BLOCK || w->end - from < (BLOCK - 1) * lane + 16) {
            copy_row(w, from, copy);
            from = copy;
            lane = 16;
        }
        for (int v = 0; v < VECS; v++) {
            if (w->turned)
                transform_weights(from + v * LANES * lane, lane, factor, to + v * LANES, plane, 1);
            else
                transform_weights(from + v * LANES * lane, lane, factor, to + v * LANES, plane, 0);
        }
    }
    for (int64_t r = w->rows; r < BLOCK; r++, to += FV_WINOGRAD_PANEL)
        for (int i = 0; i < PLANES; i++) memset(to + i * plane, 0, sizeof(float) * BLOCK);
}

/* --- products --- */

/* ahead: the rows of a that come next. */
typedef void (*product_fn)(const fv_winograd_product *p, const float *a, const float *ahead, const float *b,
                           float *c);

INLINE void product_rows(const fv_winograd_product *p, const float *a, const float *ahead, const float *b,
                         float *c, const int rows, const int vecs)
{
    vec sum[FV_W_ROWS][FV_W_BLOCKS * VECS];
    const int64_t a_tile = p->a_tile, c_tile = p->c_tile;
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++) sum[i][j] = ZERO;
    if (p->add)
        UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++) sum[i][j] =
            load(c + i * c_tile + j / VECS * PLANES * BLOCK + j % VECS * LANES);
    for (int64_t k = 0; k < p->blocks; k++, a += p->a_block, ahead += p->a_block)
        for (int l = 0; l < BLOCK; l++, b += FV_WINOGRAD_PANEL) {
            vec row[FV_W_BLOCKS * VECS];
            FETCH(ahead + l * a_tile);
            UNROLL for (int j = 0; j < vecs; j++) row[j] = load(b + j * LANES);
            UNROLL for (int i = 0; i < rows; i++)
            {
                vec x = FILL(a[i * a_tile + l]);
                UNROLL for (int j = 0; j < vecs; j++) sum[i][j] += x * row[j];
            }
        }
    UNROLL for (int i = 0; i < rows; i++) UNROLL for (int j = 0; j < vecs; j++)
        store(c + i * c_tile + j / VECS * PLANES * BLOCK + j % VECS * LANES, sum[i][j]);
}

/* One function for each number of rows up to FV_W_ROWS, and their table. */
/* clang-format off */
#define PRODUCT(rows, blocks)                                                                                \
    static void product_##rows##x##blocks(const fv_winograd_product *p, const float *a, const float *ahead,  \
                                          const float *b, float *c)                                          \
    {                                                                                                        \
        product_rows(p, a, ahead, b, c, rows, (blocks)*VECS);                                                \
    }
#define NAME(rows, blocks) product_##rows##x##blocks,

#define UP_TO_2(f, blocks)  f(1, blocks) f(2, blocks)
#define UP_TO_6(f, blocks)  UP_TO_2(f, blocks) f(3, blocks) f(4, blocks) f(5, blocks) f(6, blocks)
#define UP_TO_12(f, blocks) UP_TO_6(f, blocks) f(7, blocks) f(8, blocks) f(9, blocks) f(10, blocks)          \
                            f(11, blocks) f(12, blocks)
#define UP_TO_N(n, f, blocks) UP_TO_##n(f, blocks)
#define UP_TO(n, f, blocks)   UP_TO_N(n, f, blocks)

UP_TO(FV_W_ROWS, PRODUCT, 1)
#if FV_W_BLOCKS == 2
UP_TO(FV_W_ROWS, PRODUCT, 2)
#endif

static const product_fn products[FV_W_BLOCKS][FV_W_ROWS] = {
    {UP_TO(FV_W_ROWS, NAME, 1)},
#if FV_W_BLOCKS == 2
    {UP_TO(FV_W_ROWS, NAME, 2)},
#endif
};
/* clang-format on */

/* Groups of rows of nearly the same size. */
static void product(const fv_winograd_product *p)
{
    int64_t groups = (p->m + FV_W_ROWS - 1) / FV_W_ROWS, blocks;
    for (int64_t n = 0; n < p->n; n += blocks) {
        blocks = p->n - n < FV_W_BLOCKS ? p->n - n : FV_W_BLOCKS;
        for (int64_t g = 0, row = 0, end; g < groups; g++, row = end) {
            end = p->m * (g + 1) / groups;
            const float *ahead = end < p->m ? p->a + end * p->a_tile : p->ahead;
            products[blocks - 1][end - row - 1](p, p->a + row * p->a_tile, ahead, p->b + n * BLOCK,
                                                p->c + row * p->c_tile + n * PLANES * BLOCK);
        }
    }
}

const fv_winograd_kernels FV_W_TABLE = {FV_W_NAME, tile_in, tile_out, weights, product};
