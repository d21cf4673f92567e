/* The inner loops of the Winograd convolution: compiled once for each instruction set from
 * winograd_template.h. */
#ifndef FV_OPS_WINOGRAD_KERNELS_H
#define FV_OPS_WINOGRAD_KERNELS_H

#include "ops/winograd.h"

enum { FV_WINOGRAD_PANEL = 2 * FV_WINOGRAD_BLOCK }; /* columns of transformed weights that lie together */

/* A tile of 6x6 pixels; strides in floats. */
typedef struct fv_winograd_in {
    const float *from, *gate; /* gate may be NULL; both have the same strides */
    const uint16_t *signs;    /* or NULL: in place of gate, a word for each block of 16 */
    int64_t row, column;
    int64_t signs_row, signs_column;
    float low, high, slope;
} fv_winograd_in;

/* A tile of 4x4 or 5x5 results, of which rows x columns are wanted. */
typedef struct fv_winograd_out {
    int tile; /* 4 or 5 */
    float *to;
    const float *factor, *bias, *addend; /* or NULL; addend has the strides of `to` */
    uint16_t *signs;                     /* or NULL: gets a bit for each result, 1 between low and high */
    int64_t row, column;
    int64_t signs_row, signs_column;
    int rows, columns;
    fv_winograd_activation activation;
    float alpha, beta, low, high;
} fv_winograd_out;

/* Kernels for up to 16 lanes (channels that become columns) and some rows. */
typedef struct fv_winograd_weights {
    const float *from, *end; /* nothing is read from end on */
    const float *factor;     /* or NULL: of each row; only when turned */
    int64_t lane, row;       /* strides of both; taps lie together */
    int64_t tap;             /* 0; or the stride of the 4 taps of 2x2 kernels, whose lanes lie together */
    int64_t lanes, rows;
    int turned; /* 3x3 kernels by 180 degrees */
} fv_winograd_weights;

/* c = a b, or c += a b: m tiles by `blocks` blocks of 16 input channels by n (1 or 2) blocks of columns. */
typedef struct fv_winograd_product {
    const float *a, *b;
    const float *ahead; /* the a of the product that comes next */
    float *c;
    int64_t a_tile, a_block,
        c_tile; /* strides; b has rows of FV_WINOGRAD_PANEL, blocks of c lie 36x16 apart */
    int64_t m, blocks, n;
    int add;
} fv_winograd_product;

struct fv_winograd_kernels {
    const char *name;
    /* Takes `blocks` blocks of 16 channels of a tile to 36 planes. */
    void (*in)(const fv_winograd_in *in, int64_t blocks, float *to, int64_t block, int64_t plane);
    /* And back; those of a block lie together. */
    void (*out)(const fv_winograd_out *out, int64_t blocks, const float *from);
    /* Fills 16 columns of w->rows rows (16 at most, the rest zeros) in each of 36 planes. */
    void (*weights)(const fv_winograd_weights *w, float *to, int64_t plane);
    void (*product)(const fv_winograd_product *p);
};

/* Those that the processor can run, the fastest first; NULL after the last. */
const fv_winograd_kernels *fv_winograd_kernels_at(int index);

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#    define FV_WINOGRAD_X86 1
extern const fv_winograd_kernels fv_winograd_avx512, fv_winograd_avx2;
#endif
extern const fv_winograd_kernels fv_winograd_portable;

#endif
