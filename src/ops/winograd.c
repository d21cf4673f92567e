/* Running a Winograd convolution: what is done in which order, and by which thread. */
#include "base/parallel.h"
#include "ops/winograd_run.h"

#include <string.h>

enum {
    BLOCK = FV_WINOGRAD_BLOCK,
    PLANES = FV_WINOGRAD_PLANES,
    PANEL = FV_WINOGRAD_PANEL,
    WIDE = FV_WINOGRAD_WIDE,
    POINTS = FV_WINOGRAD_POINTS,
    BLOCK_BYTES = BLOCK * sizeof(float)
};

/* A block of channels: where it begins in its part, and how many of its channels there are. */
typedef struct span {
    int part;
    int64_t offset, channels;
} span;

static span span_at(const fv_winograd_part *parts, int64_t index)
{
    int part = 0;
    for (;; part++) {
        int64_t blocks = (parts[part].channels + BLOCK - 1) / BLOCK;
        if (index < blocks) break;
        index -= blocks;
    }
    int64_t left = parts[part].channels - index * BLOCK;
    return (span){part, index * BLOCK, left < BLOCK ? left : BLOCK};
}

/* --- tiles in --- */

/* Whether the pixel in row i and column j of a tile does, which begins at a spot of the source. */
static int exists(const fv_winograd_plan *plan, fv_winograd_spot at, int i, int j)
{
    int64_t y = at.y + i * plan->step, x = at.x + j * plan->step;
    return y >= 0 && y < plan->what.height && x >= 0 && x < plan->what.width;
}

/* The pixels of one block of a tile, with zeros for those that do not exist. */
static void copy_patch(const fv_winograd_plan *plan, const float *from, fv_winograd_spot at, int64_t row,
                       int64_t column, int64_t channels, float *patch)
{
    memset(patch, 0, PLANES * BLOCK_BYTES);
    for (int i = 0; i < POINTS; i++)
        for (int j = 0; j < POINTS; j++) {
            if (!exists(plan, at, i, j)) continue;
            memcpy(patch + (i * POINTS + j) * BLOCK, from + i * row + j * column,
                   (size_t)channels * sizeof(float));
        }
}

static void copy_signs(const fv_winograd_plan *plan, const fv_winograd_in *in, fv_winograd_spot at,
                       uint16_t *patch)
{
    for (int i = 0; i < POINTS; i++)
        for (int j = 0; j < POINTS; j++)
            patch[i * POINTS + j] =
                exists(plan, at, i, j) ? in->signs[i * in->signs_row + j * in->signs_column] : 0;
}

static void patch_in(const fv_winograd_job *r, const fv_winograd_in *in, fv_winograd_spot at,
                     int64_t channels, float *to)
{
    float pixels[PLANES * BLOCK], gates[PLANES * BLOCK];
    uint16_t signs[PLANES];
    fv_winograd_in patch = *in;
    copy_patch(r->plan, in->from, at, in->row, in->column, channels, pixels);
    if (in->gate) copy_patch(r->plan, in->gate, at, in->row, in->column, channels, gates);
    patch.from = pixels;
    patch.gate = in->gate ? gates : NULL;
    if (in->signs) copy_signs(r->plan, in, at, signs);
    patch.signs = in->signs ? signs : NULL;
    patch.signs_row = POINTS;
    patch.signs_column = 1;
    patch.row = POINTS * BLOCK;
    patch.column = BLOCK;
    r->plan->kernels->in(&patch, 1, to, r->plan->tile_block, r->plan->tile_plane);
}

/* Blocks first to end of a tile, of the channels of one slice; at: where that begins in the source. */
static void slice_in(const fv_winograd_job *r, fv_winograd_spot at, int64_t first, int64_t end, float *to)
{
    const fv_winograd *what = &r->plan->what;
    int inside = exists(r->plan, at, 0, 0) && exists(r->plan, at, POINTS - 1, POINTS - 1);
    for (int64_t b = first, count; b < end; b += count, to += count * r->plan->tile_block) {
        span part = span_at(what->src, b);
        int64_t channels = what->src[part.part].channels, whole = (channels - part.offset) / BLOCK;
        int64_t offset = ((at.slice * what->height + at.y) * what->width + at.x) * channels + part.offset;
        int64_t column = r->plan->step * channels, row = what->width * column;
        fv_winograd_in in = {.from = r->data->src[part.part] + offset,
                             .gate = r->data->gate ? r->data->gate + offset : NULL,
                             .signs = r->data->signs ? r->data->signs + offset / BLOCK : NULL,
                             .row = row,
                             .column = column,
                             .signs_row = row / BLOCK,
                             .signs_column = column / BLOCK,
                             .low = what->gate_low,
                             .high = what->gate_high,
                             .slope = what->gate_slope};
        count = inside && whole ? (whole < end - b ? whole : end - b) : 1;
        if (inside && whole)
            r->plan->kernels->in(&in, count, to, r->plan->tile_block, r->plan->tile_plane);
        else
            patch_in(r, &in, at, part.channels, to);
    }
}

static void zeros_in(const fv_winograd_job *r, int64_t blocks, float *to)
{
    for (int64_t b = 0; b < blocks; b++, to += r->plan->tile_block)
        for (int plane = 0; plane < PLANES; plane++) memset(to + plane * r->plan->tile_plane, 0, BLOCK_BYTES);
}

/* Blocks first to end of a tile: those of the slices, or phases, that the taps meet, one after the other. */
static void tile_in(const fv_winograd_job *r, int64_t tile, int64_t first, int64_t end, float *to)
{
    fv_winograd_spot at = fv_winograd_spot_at(r, tile), from;
    for (int64_t b = first, next; b < end; to += (next - b) * r->plan->tile_block, b = next) {
        int64_t tap = b / r->plan->tap_blocks, before = tap * r->plan->tap_blocks;
        next = before + r->plan->tap_blocks < end ? before + r->plan->tap_blocks : end;
        from = fv_winograd_patch_at(r->plan, at, tap);
        if (from.slice < 0)
            zeros_in(r, next - b, to);
        else
            slice_in(r, from, b - before, next - before, to);
    }
}

/* --- weights --- */

/* Those of a phase, of input channels from `from` and results from `lane` on. */
static void halved_weights_in(const fv_winograd_job *r, int64_t phase, int64_t from, int64_t lane,
                              int64_t rows, int64_t lanes, float *to)
{
    const fv_winograd *what = &r->plan->what;
    int64_t tap = what->weights_out * what->weights_in;
    fv_winograd_weights w = {.from = r->data->weights + 4 * phase * tap + from * what->weights_in + lane,
                             .row = what->weights_in,
                             .tap = tap,
                             .lanes = lanes,
                             .rows = rows};
    r->plan->kernels->weights(&w, to, r->plan->weight_plane);
}

/* Blocks first to end of input channels of a panel. */
static void weights_in(const fv_winograd_job *r, int64_t panel, int64_t first, int64_t end, float *to)
{
    const fv_winograd_plan *plan = r->plan;
    const fv_winograd *what = &plan->what;
    int64_t depth = what->weights_depth, taps = 9 * depth;
    int64_t columns_end = 2 * panel + 2 < plan->out_blocks ? 2 * panel + 2 : plan->out_blocks;
    for (int64_t c = 2 * panel; c < columns_end; c++)
        for (int64_t b = first; b < end; b++) {
            span column = span_at(what->dst, c), row = span_at(what->src, b % plan->tap_blocks);
            int64_t tap = b / plan->tap_blocks;
            int64_t lane = what->dst[column.part].first + column.offset;
            int64_t from = what->src[row.part].first + row.offset;
            int64_t out = what->backward ? from : lane, in = what->backward ? lane : from;
            if (what->halves) {
                halved_weights_in(r, tap, from, lane, row.channels, column.channels,
                                  to + (b - first) * BLOCK * PANEL + c % 2 * BLOCK);
                continue;
            }
            if (what->backward) tap = depth - 1 - tap;
            fv_winograd_weights w = {
                .from = r->data->weights + taps * (out * what->weights_in + in) + 9 * tap,
                .end = r->data->weights + taps * what->weights_out * what->weights_in,
                .factor = what->backward && r->data->factor ? r->data->factor + out : NULL,
                .lane = what->backward ? taps : taps * what->weights_in,
                .row = what->backward ? taps * what->weights_in : taps,
                .lanes = column.channels,
                .rows = row.channels,
                .turned = what->backward};
            plan->kernels->weights(&w, to + (b - first) * BLOCK * PANEL + c % 2 * BLOCK, plan->weight_plane);
        }
}

/* --- results --- */

/* The last block of a part may have fewer channels than fit: it is made beside, and those are copied. */
static void part_out(const fv_winograd_job *r, const fv_winograd_out *out, int64_t channels,
                     const float *from)
{
    float made[WIDE * WIDE * BLOCK], addend[WIDE * WIDE * BLOCK], bias[BLOCK] = {0};
    fv_winograd_out beside = *out;
    size_t bytes = (size_t)channels * sizeof(float);
    if (out->bias) memcpy(bias, out->bias, bytes);
    if (out->addend) memset(addend, 0, sizeof addend);
    for (int i = 0; out->addend && i < out->rows; i++)
        for (int j = 0; j < out->columns; j++)
            memcpy(addend + (i * WIDE + j) * BLOCK, out->addend + i * out->row + j * out->column, bytes);
    beside.to = made;
    beside.bias = bias;
    beside.addend = out->addend ? addend : NULL;
    beside.row = WIDE * BLOCK;
    beside.column = BLOCK;
    r->plan->kernels->out(&beside, 1, from);
    for (int i = 0; i < out->rows; i++)
        for (int j = 0; j < out->columns; j++)
            memcpy(out->to + i * out->row + j * out->column, made + (i * WIDE + j) * BLOCK, bytes);
}

/* A panel of a tile. */
static void tile_out(const fv_winograd_job *r, int64_t tile, int64_t panel, const float *from)
{
    const fv_winograd *what = &r->plan->what;
    fv_winograd_spot at = fv_winograd_spot_at(r, tile);
    int64_t rows = what->out_height - at.y, columns = what->out_width - at.x;
    for (int64_t c = 2 * panel; c < 2 * panel + 2 && c < r->plan->out_blocks; c++, from += PLANES * BLOCK) {
        span part = span_at(what->dst, c);
        int64_t channels = what->dst[part.part].channels;
        int64_t offset =
            ((at.slice * what->out_height + at.y) * what->out_width + at.x) * channels + part.offset;
        fv_winograd_out out = {.tile = (int)r->plan->tile,
                               .to = r->data->dst[part.part] + offset,
                               .factor =
                                   what->backward || !r->data->factor ? NULL : r->data->factor + part.offset,
                               .bias = r->data->bias ? r->data->bias + part.offset : NULL,
                               .addend = r->data->addend ? r->data->addend + offset : NULL,
                               .signs = r->data->signs_out ? r->data->signs_out + offset / BLOCK : NULL,
                               .row = what->out_width * channels,
                               .column = channels,
                               .signs_row = what->out_width * channels / BLOCK,
                               .signs_column = channels / BLOCK,
                               .low = what->gate_low,
                               .high = what->gate_high,
                               .rows = (int)(rows < r->plan->tile ? rows : r->plan->tile),
                               .columns = (int)(columns < r->plan->tile ? columns : r->plan->tile),
                               .activation = what->activation,
                               .alpha = what->alpha,
                               .beta = what->beta};
        if (part.channels == BLOCK)
            r->plan->kernels->out(&out, 1, from);
        else
            part_out(r, &out, part.channels, from);
    }
}

/* --- the whole --- */

/* Chunk `chunk` of the sums of a panel, in plane `plane`: m tiles. */
static void sum(const fv_winograd_job *r, int64_t plane, int64_t chunk, int64_t panel, int64_t m,
                const float *tiles, const float *weights, float *sums)
{
    const fv_winograd_plan *plan = r->plan;
    int64_t first = chunk * plan->chunk_blocks, left = plan->in_blocks - first;
    int64_t columns = plan->out_blocks - 2 * panel;
    const float *a = tiles + chunk * plan->tile_chunk + plane * plan->tile_plane;
    int more = plan->weights_first && first + plan->chunk_blocks < plan->in_blocks;
    int64_t back = plan->weights_first ? chunk * plan->tile_chunk : 0;
    fv_winograd_product p = {.a = a,
                             .ahead = a + (more ? plan->tile_chunk : plan->tile_plane - back),
                             .b = weights + plane * plan->weight_plane,
                             .c = sums + plane * BLOCK,
                             .a_tile = plan->tile_stride,
                             .a_block = plan->tile_block,
                             .c_tile = PLANES * PANEL,
                             .m = m,
                             .blocks = left < plan->chunk_blocks ? left : plan->chunk_blocks,
                             .n = columns < 2 ? columns : 2,
                             .add = chunk > 0};
    plan->kernels->product(&p);
}

static int64_t chunks_of(const fv_winograd_plan *plan)
{
    return (plan->in_blocks + plan->chunk_blocks - 1) / plan->chunk_blocks;
}

static int64_t tiles_from(const fv_winograd_job *r, int64_t first)
{
    return r->tiles - first < r->plan->block_tiles ? r->tiles - first : r->plan->block_tiles;
}

/* How many of the next `most` tiles are one place in successive slices. */
static int64_t stretch_from(const fv_winograd_job *r, int64_t first, int64_t most)
{
    int64_t tile = fv_winograd_tile_at(r, first),
            left = r->plan->what.out_depth - tile % r->plan->what.out_depth, n = 1;
    if (most > left) most = left;
    while (n < most && fv_winograd_tile_at(r, first + n) == tile + n) n++;
    return n;
}

/* Tiles of successive slices, which share what they read: each slice is transformed once. */
static void stretch_in(const fv_winograd_job *r, int64_t first, int64_t tiles, float *to)
{
    const fv_winograd_plan *plan = r->plan;
    fv_winograd_spot at = fv_winograd_spot_at(r, first), from;
    for (int64_t s = 0; s < tiles + plan->what.weights_depth - 1; s++, to += plan->tile_stride) {
        from = fv_winograd_patch_at(plan, at, s);
        if (from.slice < 0)
            zeros_in(r, plan->tap_blocks, to);
        else
            slice_in(r, from, 0, plan->tap_blocks, to);
    }
}

/* Transforms a block of m tiles. begin: the first of each stretch that is summed over at once, and m. */
static int block_in(const fv_winograd_job *r, int64_t first, int64_t m, float *own, int64_t *begin)
{
    const fv_winograd_plan *plan = r->plan;
    int stretches = 0;
    begin[0] = 0;
    if (!plan->shares_slices) {
        for (int64_t t = 0; t < m; t++) tile_in(r, first + t, 0, plan->in_blocks, own + t * plan->tile_step);
        begin[1] = m;
        return 1;
    }
    for (int64_t t = 0, n; t < m; t += n, begin[++stretches] = t) {
        n = stretch_from(r, first + t, m - t);
        stretch_in(r, first + t, n, own + t * plan->tile_step);
    }
    return stretches;
}

/* A block of tiles from beginning to end; weights are transformed. */
static void run_tiles(const fv_winograd_job *r, int64_t first, float *own)
{
    const fv_winograd_plan *plan = r->plan;
    int64_t m = tiles_from(r, first), chunks = chunks_of(plan), begin[FV_WINOGRAD_MOST + 1];
    float *sums = own + plan->sums_at;
    int stretches = block_in(r, first, m, own, begin);
    for (int64_t panel = 0; 2 * panel < plan->out_blocks; panel++) {
        const float *weights = r->data->scratch + panel * plan->weight_panel;
        for (int plane = 0; plane < PLANES; plane++)
            for (int64_t chunk = 0; chunk < chunks; chunk++)
                for (int s = 0; s < stretches; s++)
                    sum(r, plane, chunk, panel, begin[s + 1] - begin[s], own + begin[s] * plan->tile_step,
                        weights + chunk * plan->chunk_blocks * BLOCK * PANEL,
                        sums + begin[s] * PLANES * PANEL);
        for (int64_t t = 0; t < m; t++) tile_out(r, first + t, panel, sums + t * PLANES * PANEL);
    }
}

/* A panel of weights from beginning to end; tiles from `first` on are transformed. */
static void run_panel(const fv_winograd_job *r, int64_t first, int64_t panel, float *own)
{
    const fv_winograd_plan *plan = r->plan;
    int64_t m = tiles_from(r, first), chunks = chunks_of(plan);
    float *sums = own + plan->sums_at;
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
        int64_t block = chunk * plan->chunk_blocks, end = block + plan->chunk_blocks;
        weights_in(r, panel, block, end < plan->in_blocks ? end : plan->in_blocks, own);
        for (int plane = 0; plane < PLANES; plane++)
            sum(r, plane, chunk, panel, m, r->data->scratch, own, sums);
    }
    for (int64_t t = 0; t < m; t++) tile_out(r, first + t, panel, sums + t * PLANES * PANEL);
}

static void transform_chunk(const fv_winograd_job *r, int64_t first, int64_t item)
{
    const fv_winograd_plan *plan = r->plan;
    int64_t chunks = chunks_of(plan), tile = item / chunks, chunk = item % chunks;
    int64_t block = chunk * plan->chunk_blocks, end = block + plan->chunk_blocks;
    tile_in(r, first + tile, block, end < plan->in_blocks ? end : plan->in_blocks,
            r->data->scratch + chunk * plan->tile_chunk + tile * plan->tile_step);
}

void fv_winograd_run(const fv_winograd_plan *plan, const fv_winograd_data *data)
{
    fv_winograd_job r = {plan, data, plan->tiles, NULL};
    int64_t panels = (plan->out_blocks + 1) / 2, chunks = chunks_of(plan);
    int threads = fv_threads() < plan->slots ? fv_threads() : plan->slots;
    if (plan->skips_blank && !data->bias && !data->addend) fv_winograd_find_live(&r);
    if (!r.tiles) return;
#pragma omp parallel num_threads(threads)
    {
        float *own = data->scratch + plan->own_at + fv_thread() * plan->own_size;
        if (plan->weights_first) {
#pragma omp for schedule(dynamic)
            for (int64_t i = 0; i < panels * plan->in_blocks; i++) {
                int64_t panel = i / plan->in_blocks, block = i % plan->in_blocks;
                weights_in(&r, panel, block, block + 1,
                           data->scratch + panel * plan->weight_panel + block * BLOCK * PANEL);
            }
#pragma omp for schedule(dynamic)
            for (int64_t first = 0; first < r.tiles; first += plan->block_tiles) run_tiles(&r, first, own);
        }
        for (int64_t first = 0; first < r.tiles && !plan->weights_first; first += plan->block_tiles) {
            int64_t items = tiles_from(&r, first) * chunks;
#pragma omp for schedule(dynamic, 4)
            for (int64_t i = 0; i < items; i++) transform_chunk(&r, first, i);
#pragma omp for schedule(dynamic)
            for (int64_t panel = 0; panel < panels; panel++) run_panel(&r, first, panel, own);
        }
    }
}
