/* Positions and windows, for the own pooling kernels. */
#ifndef FV_OPS_POOL_WINDOWS_H
#define FV_OPS_POOL_WINDOWS_H

#include "ops/pool.h"

/* A range of positions, or of windows. */
typedef struct fv_range {
    int64_t first, end;
} fv_range;

/* Reach of a window. */
static inline int64_t fv_pool_extent(const fv_pool_axis *a)
{
    return a->dilation * (a->kernel - 1) + 1;
}

/* Windows that position i of the source may be in (under dilation: if it meets a tap). */
static inline fv_range fv_pool_windows_at(const fv_pool_axis *a, int64_t i)
{
    if (a->adaptive) return (fv_range){i * a->out / a->size, ((i + 1) * a->out + a->size - 1) / a->size};
    int64_t at = i + a->pad, extent = fv_pool_extent(a), end = at / a->stride + 1;
    return (fv_range){at < extent ? 0 : (at - extent) / a->stride + 1, end < a->out ? end : a->out};
}

/* Splits a position of batch x depth x height x width, of dst or of the source; returns the image. */
static inline int64_t fv_pool_split(const fv_pool *p, int64_t item, int of_dst, int64_t at[3])
{
    for (int k = 2; k >= 0; k--) {
        int64_t size = of_dst ? p->axis[k].out : p->axis[k].size;
        at[k] = item % size;
        item /= size;
    }
    return item;
}

/* Positions of dst, or of the source. */
static inline int64_t fv_pool_count(const fv_pool *p, int of_dst)
{
    int64_t n = p->batch;
    for (int k = 0; k < 3; k++) n *= of_dst ? p->axis[k].out : p->axis[k].size;
    return n;
}

/* Index of the first channel of a position, in dst or in the source. */
static inline int64_t fv_pool_offset(const fv_pool *p, int of_dst, int64_t image, int64_t d, int64_t h,
                                     int64_t w)
{
    const fv_pool_axis *a = p->axis;
    int64_t depth = of_dst ? a[0].out : a[0].size, height = of_dst ? a[1].out : a[1].size;
    return (((image * depth + d) * height + h) * (of_dst ? a[2].out : a[2].size) + w) * p->channels;
}

#endif
