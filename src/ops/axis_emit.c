/* From maps to the context of the kernel. */
#include "ops/axis_kernel.h"
#include "ops/axis_map.h"

enum { LONG_RUN = 1024 };

/* Axes in the order of memory. */
static int memory_axis(int position, int rank, int channels_last)
{
    if (!channels_last || position == 0) return position;
    return position == rank - 1 ? 1 : position + 1;
}

/* Longest run of targets that are copies of consecutive elements. */
static void find_run(fv_kernel_axis *axis, const fv_axis_map *map)
{
    int64_t begin = 0;
    for (int64_t o = 0; o <= map->to; o++) {
        int plain = o < map->to && map->count[o] == 1 && map->weight[o] == 1.0f;
        if (plain && o > begin && map->index[o] == map->index[o - 1] + 1) continue;
        if (o - begin > axis->run_end - axis->run_begin) {
            axis->run_begin = begin;
            axis->run_end = o;
            axis->run_from = map->index[begin];
        }
        begin = plain ? o : o + 1;
    }
}

static int repeats(const fv_axis_map *map, int64_t o, int up, int down)
{
    int64_t taps = map->count[o];
    if (map->count[o + up] != taps) return 0;
    for (int64_t at = o; at < taps * map->to; at += map->to)
        if (map->index[at + up] != map->index[at] + down || map->weight[at + up] != map->weight[at]) return 0;
    return 1;
}

/* Longest range of a doubling or halving map without its borders. */
static void find_repeats(fv_kernel_axis *axis, const fv_axis_map *map)
{
    static const int steps[][2] = {{2, 1}, {1, 2}};
    if (!axis->few) return;
    for (int s = 0; s < 2; s++) {
        int up = steps[s][0], down = steps[s][1];
        int64_t begin = 0;
        for (int64_t o = 0; o + up <= map->to; o++) {
            if (o + up < map->to && repeats(map, o, up, down)) continue;
            int64_t end = o > begin ? begin + (o + up - begin) / up * up : begin;
            if (end - begin > axis->repeat_end - axis->repeat_begin) {
                axis->repeat_begin = begin;
                axis->repeat_end = end;
                axis->up = up;
                axis->down = down;
            }
            begin = o + 1;
        }
    }
}

static size_t map_words(const fv_axis_map *map)
{
    return (size_t)map->to * (size_t)(2 * map->most + 1);
}

/* Copies the tables behind the context; entries that are not taps point at the first one, with weight 0. */
static void store_map(fv_kernel_axis *axis, const fv_axis_map *map, fv_word *words, size_t at)
{
    size_t to = (size_t)map->to, entries = to * (size_t)map->most;
    *axis = (fv_kernel_axis){.from = map->from, .to = map->to, .most = map->most, .count = at};
    axis->index = at + to;
    axis->weight = at + to + entries;
    axis->few = map->most <= FV_FEW_TAPS;
    for (size_t o = 0; o < to; o++) {
        words[at + o].i = map->count[o];
        if (!map->count[o]) axis->few = 0;
    }
    for (size_t e = 0; e < entries; e++) {
        words[axis->index + e].i =
            (int64_t)(e / to) < map->count[e % to] ? map->index[e] : map->index[e % to];
        words[axis->weight + e].f = map->weight[e];
    }
    find_run(axis, map);
    find_repeats(axis, map);
}

/* Adds an axis without taps: joined to the one before it when that has none either. */
static void add_identity(fv_axis_kernel *k, int64_t size)
{
    fv_kernel_axis *last = k->rank ? &k->axis[k->rank - 1] : NULL;
    if (last && last->identity) {
        last->from = last->to = last->run_end = last->to * size;
        return;
    }
    k->axis[k->rank++] =
        (fv_kernel_axis){.from = size, .to = size, .identity = 1, .most = 1, .run_end = size};
}

/* Short runs behind the last mapped axis are carried along with its elements; a long one is an axis. */
static void settle_rows(fv_axis_kernel *k)
{
    if (!k->rank) add_identity(k, 1);
    k->inner = k->rows = k->terms = k->pieces = 1;
    if (k->rank > 1 && k->axis[k->rank - 1].identity && k->axis[k->rank - 1].to < LONG_RUN)
        k->inner = k->axis[--k->rank].to;
    for (int i = 0; i < k->rank - 1; i++) {
        k->rows *= k->axis[i].to;
        k->terms *= k->axis[i].most;
    }
    const fv_kernel_axis *last = &k->axis[k->rank - 1];
    if (last->identity) {
        k->pieces = (last->to + FV_ROW_PIECE - 1) / FV_ROW_PIECE;
        return;
    }
    k->row_floats = last->from * k->inner;
    if (last->most > k->terms) k->terms = last->most;
}

static void fill_context(fv_axis_kernel *k, const fv_axis_map *maps, const fv_value *to)
{
    const fv_shape *shape = fv_value_shape(to);
    size_t at = 0;
    for (int i = 0; i < shape->rank; i++) {
        int axis = memory_axis(i, shape->rank, fv_value_is_channels_last(to));
        if (maps[axis].count) {
            store_map(&k->axis[k->rank++], &maps[axis], k->words, at);
            at += map_words(&maps[axis]);
        } else {
            add_identity(k, shape->dim[axis]);
        }
    }
    settle_rows(k);
}

fv_status fv_emit_axis_maps(fv_emit *emit, const char *name, const fv_axis_map *maps, float fill,
                            fv_value *from, fv_value *to, fv_error *err)
{
    const fv_shape *shape = fv_value_shape(to);
    fv_axis_kernel *k;
    fv_value *scratch;
    size_t count, words = 0;
    FV_TRY(fv_shape_count(shape, &count, err));
    if (!count) return FV_OK;
    for (int i = 0; i < shape->rank; i++) words += map_words(&maps[i]);
    size_t bytes = sizeof *k + words * sizeof(fv_word);
    FV_TRY(fv_calloc(&k, 1, bytes, err));
    k->fill = fill;
    fill_context(k, maps, to);
    fv_shape room = fv_shape_of(1, fv_axis_kernel_scratch(k));
    fv_status status = fv_emit_value(emit, &room, &scratch, err);
    fv_emit_kernel kernel = {name, fv_axis_kernel_run, k, bytes, 1, 2, {from, to, scratch}};
    if (status == FV_OK) status = fv_emit_call(emit, &kernel, err);
    fv_free(k);
    return status;
}
