/* Tiles of nothing but zeros, as gradients of small masks have them, are found and passed over. */
#include "ops/winograd_run.h"

#include <string.h>

enum { BLOCK = FV_WINOGRAD_BLOCK, POINTS = FV_WINOGRAD_POINTS, BLOCK_BYTES = BLOCK * sizeof(float) };

static int64_t tile_of(const fv_winograd_plan *plan, int64_t slice, int64_t down, int64_t across)
{
    int64_t depth = plan->what.out_depth, row = slice / depth * plan->tiles_down + down;
    return (row * plan->tiles_across + across) * depth + slice % depth;
}

/* Whether some of n numbers are not zero; without a branch, so that it is done by vectors. */
static int any(const float *from, int64_t n)
{
    uint32_t bits[BLOCK], found = 0;
    for (; n >= BLOCK && !found; n -= BLOCK, from += BLOCK) {
        memcpy(bits, from, BLOCK_BYTES);
        for (int i = 0; i < BLOCK; i++) found |= bits[i] << 1; /* but for the sign: -0 is zero */
    }
    for (int64_t i = 0; i < n; i++) found |= from[i] != 0;
    return found != 0;
}

/* Whether the gate lets something else than zeros through, of n elements from `first` on. */
static int any_within(const fv_winograd_job *r, int64_t first, int64_t n)
{
    const fv_winograd *what = &r->plan->what;
    const float *from = r->data->src[0], *gate = r->data->gate;
    const uint16_t *signs = r->data->signs;
    if (!any(from + first, n)) return 0;
    if (what->gate_slope != 0 || (!gate && !signs)) return 1;
    for (int64_t i = first; i < first + n; i++)
        if (from[i] != 0 && (signs ? signs[i / BLOCK] >> i % BLOCK & 1
                                   : gate[i] > what->gate_low && gate[i] < what->gate_high))
            return 1;
    return 0;
}

/* Whether what lies at a pixel of the results, in the one source that a backward pass has, is not zero: a
 * pixel or, with halves, four. */
static int is_live_pixel(const fv_winograd_job *r, int64_t slice, int64_t y, int64_t x)
{
    const fv_winograd *what = &r->plan->what;
    int64_t step = r->plan->step, channels = what->src[0].channels;
    if (y < 0 || y * step >= what->height || x < 0 || x * step >= what->width) return 0;
    int64_t at = ((slice * what->height + y * step) * what->width + x * step) * channels;
    for (int64_t i = 0; i < step; i++)
        if (any_within(r, at + i * what->width * channels, step * channels)) return 1;
    return 0;
}

/* Whether one of the pixels in the place of a tile's results is: its cell. */
static int is_live_cell(const fv_winograd_job *r, int64_t tile)
{
    fv_winograd_spot at = fv_winograd_spot_at(r, tile);
    for (int64_t y = at.y; y < at.y + r->plan->tile; y++)
        for (int64_t x = at.x; x < at.x + r->plan->tile; x++)
            if (is_live_pixel(r, at.slice, y, x)) return 1;
    return 0;
}

/* Whether one of the pixels is that a tile reads in one slice. Those of cells without any are known. */
static int is_live_patch(const fv_winograd_job *r, const uint8_t *cells, fv_winograd_spot at)
{
    const fv_winograd_plan *plan = r->plan;
    int64_t tile = plan->tile, size = plan->what.halves ? POINTS + 1 : POINTS;
    int64_t top = at.y - plan->what.pad_top, left = at.x - plan->what.pad_left;
    if (cells[tile_of(plan, at.slice, at.y / tile, at.x / tile)]) return 1;
    for (int64_t y = top < 0 ? 0 : top; y < top + size; y++)
        for (int64_t x = left < 0 ? 0 : left; x < left + size; x++) {
            int64_t down = y / tile, across = x / tile;
            int known = down < plan->tiles_down && across < plan->tiles_across;
            if (known && !cells[tile_of(plan, at.slice, down, across)]) continue;
            if (is_live_pixel(r, at.slice, y, x)) return 1;
        }
    return 0;
}

static int is_live_tile(const fv_winograd_job *r, const uint8_t *cells, int64_t tile)
{
    const fv_winograd *what = &r->plan->what;
    fv_winograd_spot at = fv_winograd_spot_at(r, tile), there = at;
    if (what->halves) return is_live_patch(r, cells, at);
    for (int64_t tap = 0; tap < what->weights_depth; tap++) {
        there.slice = fv_winograd_slice_at(what, at.slice, tap);
        if (there.slice >= 0 && is_live_patch(r, cells, there)) return 1;
    }
    return 0;
}

/* The results of such a tile: sums of nothing. */
static void clear_tile(const fv_winograd_job *r, int64_t tile)
{
    const fv_winograd *what = &r->plan->what;
    fv_winograd_spot at = fv_winograd_spot_at(r, tile);
    int64_t tile_size = r->plan->tile, rows = what->out_height - at.y, columns = what->out_width - at.x;
    for (int k = 0; k < what->dsts; k++)
        for (int64_t i = 0; i < tile_size && i < rows; i++) {
            int64_t channels = what->dst[k].channels;
            int64_t first = (at.slice * what->out_height + at.y + i) * what->out_width + at.x;
            memset(r->data->dst[k] + first * channels, 0,
                   (size_t)((columns < tile_size ? columns : tile_size) * channels) * sizeof(float));
        }
}

void fv_winograd_find_live(fv_winograd_job *r)
{
    const fv_winograd_plan *plan = r->plan;
    int32_t *live = (int32_t *)(void *)(r->data->scratch + plan->live_at);
    uint8_t *cells = (uint8_t *)(live + plan->tiles);
    int64_t count = 0;
#pragma omp parallel for schedule(static) if (plan->tiles > 256)
    for (int64_t tile = 0; tile < plan->tiles; tile++) cells[tile] = (uint8_t)is_live_cell(r, tile);
#pragma omp parallel for schedule(static) if (plan->tiles > 256)
    for (int64_t tile = 0; tile < plan->tiles; tile++) {
        live[tile] = is_live_tile(r, cells, tile);
        if (!live[tile]) clear_tile(r, tile);
    }
    for (int64_t tile = 0; tile < plan->tiles; tile++)
        if (live[tile]) live[count++] = (int32_t)tile;
    r->tiles = count;
    r->live = live;
}
