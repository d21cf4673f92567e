/* What walk.c and walk_sum.c share. */
#ifndef FV_OPS_WALK_SUM_H
#define FV_OPS_WALK_SUM_H

#include "ops/walk.h"

/* Axes in memory order of the space, outermost first, neighbours joined. The strides of what is stretched are
 * 0: an axis with an out stride of 0 is summed over. */
typedef struct fv_walk {
    fv_walk_row row;
    int axes, sources;
    int64_t size[FV_MAX_RANK], out[FV_MAX_RANK];
    int64_t in[FV_WALK_SOURCES][FV_MAX_RANK];
} fv_walk;

/* Elements of those of the first `axes` axes that are summed over, or are not. */
int64_t fv_walk_count(const fv_walk *w, int axes, int summed);

/* Moves positions in out and in the sources to the at-th of these elements. */
void fv_walk_locate(const fv_walk *w, int axes, int summed, int64_t at, int64_t *out, int64_t in[]);

/* One call of the row: n elements from position `from` along the last axis. */
void fv_walk_run(const fv_walk *w, float *const *data, const int64_t in[], int64_t from, int64_t n,
                 float *out);

/* Emits the sums. */
fv_status fv_emit_walk_sum(fv_emit *emit, const char *name, const fv_walk *w, fv_value *const in[],
                           fv_value *out, fv_error *err);

#endif
