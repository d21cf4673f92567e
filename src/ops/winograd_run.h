/* What the files share that run a Winograd convolution. */
#ifndef FV_OPS_WINOGRAD_RUN_H
#define FV_OPS_WINOGRAD_RUN_H

#include "ops/winograd_kernels.h"

typedef struct fv_winograd_job {
    const fv_winograd_plan *plan;
    const fv_winograd_data *data;
    int64_t tiles;       /* that are worked on */
    const int32_t *live; /* which those are; NULL: the first */
} fv_winograd_job;

/* Where a tile begins in the results, or its patch in the sources; slices are counted through all images. */
typedef struct fv_winograd_spot {
    int64_t slice, y, x;
} fv_winograd_spot;

/* The tile that is worked on at this place. */
static inline int64_t fv_winograd_tile_at(const fv_winograd_job *r, int64_t index)
{
    return r->live ? r->live[index] : index;
}

/* Tiles of one place in successive slices follow each other. */
static inline fv_winograd_spot fv_winograd_spot_at(const fv_winograd_job *r, int64_t index)
{
    const fv_winograd_plan *plan = r->plan;
    int64_t depth = plan->what.out_depth, tile = fv_winograd_tile_at(r, index), column = tile / depth;
    int64_t row = column / plan->tiles_across, image = row / plan->tiles_down;
    return (fv_winograd_spot){image * depth + tile % depth, row % plan->tiles_down * plan->tile,
                              column % plan->tiles_across * plan->tile};
}

/* The slice of the sources that a tap along the depth meets; -1: one of zeros. */
static inline int64_t fv_winograd_slice_at(const fv_winograd *what, int64_t slice, int64_t tap)
{
    int64_t z = slice % what->out_depth + tap - what->pad_front;
    return z < 0 || z >= what->depth ? -1 : slice / what->out_depth * what->depth + z;
}

/* Where in the sources the patch begins that a tile reads for a tap along the depth, or of a phase. */
static inline fv_winograd_spot fv_winograd_patch_at(const fv_winograd_plan *plan, fv_winograd_spot at,
                                                    int64_t tap)
{
    const fv_winograd *what = &plan->what;
    if (what->halves) return (fv_winograd_spot){at.slice, 2 * at.y - tap / 2, 2 * at.x - tap % 2};
    return (fv_winograd_spot){fv_winograd_slice_at(what, at.slice, tap), at.y - what->pad_top,
                              at.x - what->pad_left};
}

/* Deals with the tiles of zeros and lists the others. */
void fv_winograd_find_live(fv_winograd_job *r);

#endif
