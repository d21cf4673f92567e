#include "ops/axis_map.h"
#include "ops/axis_kernel.h"

#include <string.h>

fv_status fv_axis_map_new(fv_axis_map *map, int64_t from, int64_t to, int64_t most, fv_error *err)
{
    size_t entries;
    *map = (fv_axis_map){.from = from, .to = to, .most = most};
    if (from > INT32_MAX || to > INT32_MAX || !fv_mul_size((size_t)to, (size_t)most, &entries))
        return fv_fail(err, FV_STATUS_SHAPE, "an axis of %lld elements is too long",
                       (long long)(from > to ? from : to));
    fv_status status = fv_calloc(&map->count, (size_t)to, sizeof *map->count, err);
    if (status == FV_OK) status = fv_calloc(&map->index, entries, sizeof *map->index, err);
    if (status == FV_OK) status = fv_calloc(&map->weight, entries, sizeof *map->weight, err);
    if (status != FV_OK) fv_axis_map_free(map);
    return status;
}

void fv_axis_map_free(fv_axis_map *map)
{
    fv_free(map->count);
    fv_free(map->index);
    fv_free(map->weight);
    *map = (fv_axis_map){0};
}

void fv_axis_map_add(fv_axis_map *map, int64_t o, int64_t index, double weight)
{
    int64_t at = map->count[o]++ * map->to + o;
    map->index[at] = (int32_t)index;
    map->weight[at] = (float)weight;
}

/* The adjoint, with taps in the order of the targets of map. */
static fv_status turn_around(fv_axis_map *out, const fv_axis_map *map, fv_error *err)
{
    fv_status status;
    int32_t *uses = NULL, most = 0;
    FV_TRY_GOTO(fv_calloc(&uses, (size_t)map->from, sizeof *uses, err));
    for (int64_t o = 0; o < map->to; o++)
        for (int32_t t = 0; t < map->count[o]; t++) {
            int32_t n = ++uses[map->index[t * map->to + o]];
            if (n > most) most = n;
        }
    FV_TRY_GOTO(fv_axis_map_new(out, map->to, map->from, most, err));
    for (int64_t o = 0; o < map->to; o++)
        for (int32_t t = 0; t < map->count[o]; t++) {
            int64_t at = t * map->to + o;
            fv_axis_map_add(out, map->index[at], o, (double)map->weight[at]);
        }
done:
    fv_free(uses);
    return status;
}

/* --- from maps to the kernel's context --- */

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

static size_t map_words(const fv_axis_map *map)
{
    return (size_t)map->to * (size_t)(2 * map->most + 1);
}

/* Copies the tables behind the context; entries that are not taps point at the first one, with weight 0. */
static void store_map(fv_kernel_axis *axis, const fv_axis_map *map, fv_word *words, size_t at)
{
    size_t to = (size_t)map->to, entries = to * (size_t)map->most;
    axis->count = at;
    axis->index = at + to;
    axis->weight = at + to + entries;
    axis->most = map->most;
    axis->uniform = map->most <= FV_UNIFORM_TAPS;
    for (size_t o = 0; o < to; o++) {
        words[at + o].i = map->count[o];
        if (!map->count[o]) axis->uniform = 0;
    }
    for (size_t e = 0; e < entries; e++) {
        words[axis->index + e].i =
            (int64_t)(e / to) < map->count[e % to] ? map->index[e] : map->index[e % to];
        words[axis->weight + e].f = map->weight[e];
    }
    find_run(axis, map);
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
static void settle_inner(fv_axis_kernel *k)
{
    enum { LONG_RUN = 1024 };
    k->inner = 1;
    if (k->rank > 1 && k->axis[k->rank - 1].identity && k->axis[k->rank - 1].to < LONG_RUN)
        k->inner = k->axis[--k->rank].to;
    k->rows = 1;
    k->terms = 1;
    for (int i = 0; i < k->rank - 1; i++) {
        k->rows *= k->axis[i].to;
        k->terms *= k->axis[i].most;
    }
    const fv_kernel_axis *last = &k->axis[k->rank - 1];
    k->pieces = last->identity ? (last->to + FV_ROW_PIECE - 1) / FV_ROW_PIECE : 1;
    k->row_floats = last->identity ? 0 : last->from * k->inner;
    if (!last->identity && last->most > k->terms) k->terms = last->most;
}

static fv_status emit_maps(fv_emit *emit, const char *name, const fv_axis_map *maps, float fill,
                           fv_value *from, fv_value *to, fv_error *err)
{
    fv_status status;
    const fv_shape *shape = fv_value_shape(to);
    fv_axis_kernel *k = NULL;
    fv_value *scratch;
    size_t count, words = 0, at = 0;
    FV_TRY(fv_shape_count(shape, &count, err));
    if (!count) return FV_OK;
    for (int i = 0; i < shape->rank; i++) words += map_words(&maps[i]);
    size_t bytes = sizeof *k + words * sizeof(fv_word);
    FV_TRY_GOTO(fv_calloc(&k, 1, bytes, err));
    k->fill = fill;
    for (int i = 0; i < shape->rank; i++) {
        int axis = memory_axis(i, shape->rank, fv_value_is_channels_last(to));
        const fv_axis_map *map = &maps[axis];
        if (!map->count) {
            add_identity(k, shape->dim[axis]);
            continue;
        }
        k->axis[k->rank] = (fv_kernel_axis){.from = map->from, .to = map->to};
        store_map(&k->axis[k->rank++], map, k->words, at);
        at += map_words(map);
    }
    if (!k->rank) add_identity(k, 1);
    settle_inner(k);
    fv_shape room = fv_shape_of(1, fv_axis_kernel_scratch(k));
    FV_TRY_GOTO(fv_emit_value(emit, &room, &scratch, err));
    fv_emit_kernel kernel = {name, fv_axis_kernel_run, k, bytes, 1, 2, {from, to, scratch}};
    status = fv_emit_call(emit, &kernel, err);
done:
    fv_free(k);
    return status;
}

static fv_status make_maps(const fv_node *node, fv_axis_maker maker, int backward, fv_axis_map *maps,
                           fv_error *err)
{
    for (int i = 0; i < node->shape.rank; i++) {
        FV_TRY(maker(node, i, &maps[i], err));
        if (!backward || !maps[i].count) continue;
        fv_axis_map forward = maps[i];
        maps[i] = (fv_axis_map){0};
        fv_status status = turn_around(&maps[i], &forward, err);
        fv_axis_map_free(&forward);
        FV_TRY(status);
    }
    return FV_OK;
}

static fv_status emit_made(const fv_node *node, fv_emit *emit, const char *name, fv_axis_maker maker,
                           int backward, float fill, fv_error *err)
{
    fv_axis_map maps[FV_MAX_RANK] = {{0}};
    fv_value *from = backward ? fv_diff_dst(emit) : fv_src(emit, 0);
    fv_value *to = backward ? fv_diff_src(emit, 0) : fv_dst(emit);
    fv_status status = make_maps(node, maker, backward, maps, err);
    if (status == FV_OK) status = emit_maps(emit, name, maps, fill, from, to, err);
    for (int i = 0; i < FV_MAX_RANK; i++) fv_axis_map_free(&maps[i]);
    return status;
}

fv_status fv_emit_axis_maps(const fv_node *node, fv_emit *emit, const char *name, fv_axis_maker maker,
                            float fill, fv_error *err)
{
    return emit_made(node, emit, name, maker, 0, fill, err);
}

fv_status fv_emit_axis_maps_backward(const fv_node *node, fv_emit *emit, const char *name,
                                     fv_axis_maker maker, fv_error *err)
{
    return emit_made(node, emit, name, maker, 1, 0.0f, err);
}
