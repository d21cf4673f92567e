/* How a Winograd convolution is cut up, and when it pays. */
#include "ops/winograd_kernels.h"

#include <stddef.h>

enum {
    BLOCK = FV_WINOGRAD_BLOCK,
    PLANES = FV_WINOGRAD_PLANES,
    PANEL = FV_WINOGRAD_PANEL,
    LINE = 16,                    /* floats of a cache line: planes are shifted by one against each other */
    CHUNK = 8,                    /* blocks of input channels: 16 KB of a panel, half the first cache */
    STRETCH = 6,                  /* slices from which on sharing them pays: fewer make short products */
    NEAR = 100 * 1024,            /* floats that stay in the second cache */
    WEIGHTS_AT_HAND = 1280 * 1024 /* floats that stay in the last cache */
};

const fv_winograd_kernels *fv_winograd_kernels_at(int index)
{
    const fv_winograd_kernels *usable[4];
    int count = 0;
#ifdef FV_WINOGRAD_X86
    if (__builtin_cpu_supports("avx512f")) usable[count++] = &fv_winograd_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) usable[count++] = &fv_winograd_avx2;
#endif
    usable[count++] = &fv_winograd_portable;
    return index < count ? usable[index] : NULL;
}

static int64_t divide_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t blocks_of(const fv_winograd_part *parts, int count)
{
    int64_t blocks = 0;
    for (int i = 0; i < count; i++) blocks += divide_up(parts[i].channels, BLOCK);
    return blocks;
}

/* Pieces of nearly the same size, none above `most`. */
static int64_t even(int64_t whole, int64_t most)
{
    return whole ? divide_up(whole, divide_up(whole, most)) : 1;
}

/* A thread takes a few tiles through everything, in its own scratch: transformed tiles, then sums. */
static void plan_weights_first(fv_winograd_plan *plan)
{
    int64_t rows = plan->in_blocks * BLOCK, panels = divide_up(plan->out_blocks, 2);
    int64_t depth = plan->what.out_depth, near = plan->shares_slices ? plan->tap_blocks * BLOCK : rows;
    plan->block_tiles = smaller(larger(NEAR / (PLANES * (near + PANEL)), 12), FV_WINOGRAD_MOST);
    if (plan->shares_slices && depth < plan->block_tiles)
        plan->block_tiles -= plan->block_tiles % depth;
    else
        plan->block_tiles = even(plan->shares_slices ? depth : plan->tiles, plan->block_tiles);
    plan->tile_plane = BLOCK;
    plan->tile_block = PLANES * BLOCK;
    plan->tile_step = plan->in_blocks * plan->tile_block + LINE;
    plan->tile_stride = plan->shares_slices ? plan->tap_blocks * plan->tile_block : plan->tile_step;
    plan->tile_chunk = plan->chunk_blocks * plan->tile_block;
    plan->weight_plane = rows * PANEL + LINE;
    plan->weight_panel = PLANES * plan->weight_plane;
    plan->own_at = panels * plan->weight_panel;
    plan->sums_at = plan->block_tiles * plan->tile_step;
}

/* A thread takes a panel of weights through all tiles of a block: transformed weights, then sums. */
static void plan_tiles_first(fv_winograd_plan *plan)
{
    plan->block_tiles = even(plan->tiles, 128);
    plan->tile_block = BLOCK;
    plan->tile_step = plan->tile_stride = plan->chunk_blocks * BLOCK;
    plan->tile_plane = plan->block_tiles * plan->tile_step + LINE;
    plan->tile_chunk = PLANES * plan->tile_plane;
    plan->weight_plane = plan->chunk_blocks * BLOCK * PANEL + LINE;
    plan->weight_panel = 0;
    plan->own_at = divide_up(plan->in_blocks, plan->chunk_blocks) * plan->tile_chunk;
    plan->sums_at = PLANES * plan->weight_plane;
}

void fv_winograd_prepare(fv_winograd_plan *plan, const fv_winograd *what, int threads)
{
    *plan = (fv_winograd_plan){.what = *what, .kernels = fv_winograd_kernels_at(0), .slots = threads};
    plan->tile = what->halves ? FV_WINOGRAD_WIDE : FV_WINOGRAD_TILE;
    plan->step = what->halves ? 2 : 1;
    plan->tiles_down = divide_up(what->out_height, plan->tile);
    plan->tiles_across = divide_up(what->out_width, plan->tile);
    plan->tiles = what->images * what->out_depth * plan->tiles_down * plan->tiles_across;
    plan->tap_blocks = blocks_of(what->src, what->srcs);
    plan->in_blocks = plan->tap_blocks * what->weights_depth;
    plan->out_blocks = blocks_of(what->dst, what->dsts);
    plan->chunk_blocks = even(plan->in_blocks, CHUNK);
    plan->weights_first = plan->in_blocks * plan->out_blocks * (BLOCK * BLOCK * PLANES) <= WEIGHTS_AT_HAND;
    plan->shares_slices = plan->weights_first && what->weights_depth > 1 && what->out_depth >= STRETCH;
    if (plan->weights_first)
        plan_weights_first(plan);
    else
        plan_tiles_first(plan);
    plan->own_size = plan->sums_at + plan->block_tiles * PLANES * PANEL + LINE;
    plan->live_at = plan->own_at + plan->slots * plan->own_size;
    plan->skips_blank = what->backward && what->depth == what->out_depth;
    plan->scratch = plan->live_at;
    if (plan->skips_blank) plan->scratch += plan->tiles + divide_up(plan->tiles, sizeof(float));
}

/* How many of the taps meet a pixel, summed over the results along an axis. */
static double taps_of(int64_t size, int64_t taps, int64_t pad, int64_t out_size)
{
    double met = 0;
    for (int64_t i = 0; i < out_size; i++)
        for (int64_t k = i - pad; k < i - pad + taps; k++) met += k >= 0 && k < size;
    return met;
}

/* Parts that end in a block that is not full. */
static double broken_blocks(const fv_winograd_part *parts, int count)
{
    int broken = 0;
    for (int i = 0; i < count; i++) broken += parts[i].channels % BLOCK != 0;
    return broken;
}

static double channels_of(const fv_winograd_part *parts, int count)
{
    double channels = 0;
    for (int i = 0; i < count; i++) channels += (double)parts[i].channels;
    return channels;
}

/* Both costs in clock cycles of a core that does 32 multiplications and additions in one, as measured there:
 * the direct way reaches 90 % of that in whole blocks of results, the products here 94 %; a block of a tile
 * takes 250 cycles on its way in, 200 on its way out and 250 more when it is not full, 16x16 kernels take
 * 3400. */
int fv_winograd_pays(const fv_winograd *what)
{
    double tiles = (double)(what->images * what->out_depth) *
                   (double)divide_up(what->out_height, FV_WINOGRAD_TILE) *
                   (double)divide_up(what->out_width, FV_WINOGRAD_TILE);
    double depth = (double)what->weights_depth, in = depth * (double)blocks_of(what->src, what->srcs);
    double out = (double)blocks_of(what->dst, what->dsts);
    double broken = depth * broken_blocks(what->src, what->srcs) + broken_blocks(what->dst, what->dsts);
    double taps = taps_of(what->depth, what->weights_depth, what->pad_front, what->out_depth) *
                  taps_of(what->height, 3, what->pad_top, what->out_height) *
                  taps_of(what->width, 3, what->pad_left, what->out_width);
    double direct =
        (double)what->images * taps * channels_of(what->src, what->srcs) * out * BLOCK / (32 * 0.90);
    double products = tiles * PLANES * in * out * (BLOCK * BLOCK / (32 * 0.94));
    double maps = tiles * (250 * in + 200 * out + 250 * broken) + 3400 * in * out;
    return direct > 20000 && products + maps < 0.85 * direct;
}
