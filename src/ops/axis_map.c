#include "ops/axis_map.h"

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
    if (status == FV_OK) status = fv_emit_axis_maps(emit, name, maps, fill, from, to, err);
    for (int i = 0; i < FV_MAX_RANK; i++) fv_axis_map_free(&maps[i]);
    return status;
}

fv_status fv_emit_axis_forward(const fv_node *node, fv_emit *emit, const char *name, fv_axis_maker maker,
                               float fill, fv_error *err)
{
    return emit_made(node, emit, name, maker, 0, fill, err);
}

fv_status fv_emit_axis_backward(const fv_node *node, fv_emit *emit, const char *name, fv_axis_maker maker,
                                fv_error *err)
{
    return emit_made(node, emit, name, maker, 1, 0.0f, err);
}
