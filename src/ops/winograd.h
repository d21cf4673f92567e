/* Convolution with 3x3 or Dx3x3 kernels, stride 1, by Winograd's minimal filtering F(4x4, 3x3): 36
 * multiplications give the 16 results of a tile instead of 144 (Lavin and Gray, Fast Algorithms for
 * Convolutional Neural Networks, 2016). A tile of 6x6 pixels and the kernel are taken through linear maps to
 * 36 numbers per channel; 36 matrix products sum over the channels, and over the taps along the depth, which
 * are taken like channels of other slices; another linear map gives the 4x4 results:
 *
 *     Y = A' [ (G g G') (B' d B) ] A
 *
 * The maps are those of polynomial interpolation at 0, 5/8, -5/8, 3/2, -3/2 and infinity. These points lose
 * half as much precision as the usual 0, 1, -1, 2, -2, infinity: about twice what a direct sum loses.
 *
 * Values are channels last; weights are row-major, as given, and are transformed as they are used (once per
 * run, or once per block of tiles where they are many), so nothing is kept between runs. Each result is
 * computed by one thread in one order, so that the bits depend neither on the number of threads nor on the
 * blocks. NaN and infinity spread over the tile. */
#ifndef FV_OPS_WINOGRAD_H
#define FV_OPS_WINOGRAD_H

#include <stdint.h>

enum {
    FV_WINOGRAD_PARTS = 5,  /* sources whose channels are taken one after the other, or results */
    FV_WINOGRAD_TILE = 4,   /* results of a tile along an axis; it reads two more */
    FV_WINOGRAD_WIDE = 5,   /* the same where kernels have two taps along an axis: it reads one more */
    FV_WINOGRAD_POINTS = 6, /* of interpolation along an axis */
    FV_WINOGRAD_PLANES = FV_WINOGRAD_POINTS * FV_WINOGRAD_POINTS,
    FV_WINOGRAD_BLOCK = 16, /* channels that are kept together */
    FV_WINOGRAD_MOST = 48   /* tiles of a block, where the weights come first */
};

typedef enum fv_winograd_activation {
    FV_WINOGRAD_NONE,
    FV_WINOGRAD_LEAKY,  /* x > 0 ? x : alpha x, with alpha = 0: relu */
    FV_WINOGRAD_CLIP,   /* between alpha and beta */
    FV_WINOGRAD_ELU,    /* x > 0 ? x : alpha (exp(x) - 1) */
    FV_WINOGRAD_SIGMOID /* 1 / (1 + exp(-x)) */
} fv_winograd_activation;

/* Channels of one source or result, and which of the weights' channels they are. */
typedef struct fv_winograd_part {
    int64_t channels, first;
} fv_winograd_part;

/* What is to be done. Forward, the sources are the parts of the input. Backward, the source is the gradient
 * of the result and the results are gradients of parts of the input: the kernels are turned by 180 degrees;
 * with those of the forward pass, pad_top is 2 - pad_top, pad_left is 2 - pad_left and pad_front is
 * weights_depth - 1 - pad_front. The weights are weights_out x weights_in x weights_depth x 3 x 3.
 *
 * halves (backward, pictures, one result): the convolution had padding 1 and read what had been doubled from
 * the size of the result, whose gradient this is: a convolution with 4x4 kernels and stride 2, which begin a
 * pixel before. It is the sum of four with 2x2 kernels and stride 1, one for each choice of the odd or even
 * rows and columns (phase 2 (row odd) + (column odd)), which go by F(5x5, 2x2): its points are the same. They
 * are taken like slices along the depth: weights_depth is 4, the weights are 4 phases x 4 taps x weights_out
 * x weights_in, pad_top and pad_left are 1. */
typedef struct fv_winograd {
    int backward, halves;
    int64_t images, depth, height, width; /* of the sources; depth: slices of an image, 1 for a picture */
    int64_t pad_front, pad_top, pad_left; /* zeros before them; after them as many as the results need */
    int64_t out_depth, out_height, out_width;
    int64_t weights_out, weights_in, weights_depth;
    int srcs, dsts;
    fv_winograd_part src[FV_WINOGRAD_PARTS], dst[FV_WINOGRAD_PARTS];
    fv_winograd_activation activation; /* of the results */
    float alpha, beta;
    float gate_low, gate_high, gate_slope; /* see fv_winograd_data; forward for signs_out */
} fv_winograd;

typedef struct fv_winograd_data {
    const float *src[FV_WINOGRAD_PARTS], *weights;
    const float *factor; /* or NULL: weights_out rounded up to 16 of them, times which the weights are
                              taken: results forward, sources backward */
    const float *bias;   /* or NULL: added before the activation */
    const float *addend; /* or NULL: like the first result, added before the activation */
    const float *gate; /* or NULL: like the first source, which is multiplied by gate_slope where the gate is
                          not between gate_low and gate_high (the gradient through an activation) */
    const uint16_t *signs; /* or NULL: in place of gate, a bit for each of its elements, which is 1 where that
                              is between the two; whole blocks of channels alone */
    float *dst[FV_WINOGRAD_PARTS];
    uint16_t *signs_out; /* or NULL: gets such bits of the result, one part of whole blocks of channels */
    float *scratch;
} fv_winograd_data;

typedef struct fv_winograd_kernels fv_winograd_kernels;

/* How it is cut up, for a number of threads. Sizes and offsets are in floats. */
typedef struct fv_winograd_plan {
    fv_winograd what;
    const fv_winograd_kernels *kernels;
    int64_t tile; /* FV_WINOGRAD_TILE or FV_WINOGRAD_WIDE */
    int64_t step; /* of the pixels that a tile reads: 2 with halves */
    int64_t tiles_down, tiles_across, tiles;
    int64_t tap_blocks;            /* of channels, over all sources */
    int64_t in_blocks, out_blocks; /* the same for each tap along the depth; over all results */
    int weights_first;   /* 1: all weights are transformed, then blocks of tiles go through everything; 0: all
                            tiles of a block are transformed, then blocks of weights go through everything */
    int shares_slices;   /* with that: tiles of successive slices of a block share what they read */
    int64_t block_tiles; /* that are worked on together: at most FV_WINOGRAD_MOST with that */
    int64_t chunk_blocks; /* blocks of input channels that are summed over in one go */
    int64_t tile_step, tile_block, tile_plane, tile_chunk; /* strides of transformed tiles */
    int64_t tile_stride;                                   /* between those that are summed over at once */
    int64_t weight_plane, weight_panel;                    /* and of transformed weights */
    int64_t own_at, own_size, sums_at; /* scratch of each thread; in it the results before the last map */
    int skips_blank; /* tiles of nothing but zeros, as gradients of small masks have them, are passed over */
    int64_t live_at; /* with that: the tiles that are not, and a byte for each */
    int64_t scratch;
    int slots; /* threads there is scratch for */
} fv_winograd_plan;

/* Whether it is likely to be faster than the direct way. */
int fv_winograd_pays(const fv_winograd *what);

void fv_winograd_prepare(fv_winograd_plan *plan, const fv_winograd *what, int threads);

/* Needs plan->scratch floats of scratch. */
void fv_winograd_run(const fv_winograd_plan *plan, const fv_winograd_data *data);

#endif
