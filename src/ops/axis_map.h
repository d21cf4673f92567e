/* Linear maps that work axis by axis: resampling, padding, slicing, repeating. Along each axis an element of
 * the target is a weighted sum of a few elements of the source, its taps; the weights of several axes
 * multiply. The adjoint of such a map is one too, with the taps turned around, so that backward passes gather
 * as well: every element is written by one thread, in one order. */
#ifndef FV_OPS_AXIS_MAP_H
#define FV_OPS_AXIS_MAP_H

#include "graph/emit.h"

/* The taps of target element o are entries t * to + o for t < count[o]. All zero: the axis stays as it is. */
typedef struct fv_axis_map {
    int64_t from, to; /* sizes of source and target */
    int64_t most;     /* taps of an element */
    int32_t *count, *index;
    float *weight;
} fv_axis_map;

/* Map whose elements have no taps yet. FV_STATUS_SHAPE beyond 2^31 elements. */
fv_status fv_axis_map_new(fv_axis_map *map, int64_t from, int64_t to, int64_t most, fv_error *err);
void fv_axis_map_free(fv_axis_map *map);

/* Adds a tap to target element o; there is room for `most`. */
void fv_axis_map_add(fv_axis_map *map, int64_t o, int64_t index, double weight);

/* Emits to = map(from), with one map per axis of `to`. Elements without taps get the value fill. Both values
 * have the same layout. */
fv_status fv_emit_axis_maps(fv_emit *emit, const char *name, const fv_axis_map *maps, float fill,
                            fv_value *from, fv_value *to, fv_error *err);

/* Fills *map for one axis of a node, from src to dst, or leaves it all zero. */
typedef fv_status (*fv_axis_maker)(const fv_node *node, int axis, fv_axis_map *map, fv_error *err);

/* Emit dst = map(src), and diff_src = adjoint of the map(diff_dst). */
fv_status fv_emit_axis_forward(const fv_node *node, fv_emit *emit, const char *name, fv_axis_maker maker,
                               float fill, fv_error *err);
fv_status fv_emit_axis_backward(const fv_node *node, fv_emit *emit, const char *name, fv_axis_maker maker,
                                fv_error *err);

#endif
