/* Walks over values that broadcast against each other, in any layout: element-wise results, and sums over the
 * axes along which a source was stretched. */
#ifndef FV_OPS_WALK_H
#define FV_OPS_WALK_H

#include "base/simd.h"
#include "graph/emit.h"

enum { FV_WALK_SOURCES = 3 };

/* Computes n elements: out is dense, element i of source k is in[k][i * step[k]]. out may be the memory of a
 * source with step 1. */
typedef void (*fv_walk_row)(float *out, const float *const in[], const int64_t step[], int64_t n);

/* Emits a walk over all elements of `space`, the value to whose shape the others stretch (aligned at the
 * right, sizes of 1 repeat) and whose memory order is followed. out is space itself, has its shape and
 * layout, or fewer elements: then out gets the sums of what falls on each of its elements, in double, always
 * in the same order. There are `sources` of at most FV_WALK_SOURCES. */
fv_status fv_emit_walk(fv_emit *emit, const char *name, fv_walk_row row, const fv_value *space, int sources,
                       fv_value *const in[], fv_value *out, fv_error *err);

/* Defines a row over two sources that may be stretched and a third that never is: `expression` is in x, y and
 * G[i], the elements of sources 0, 1 and 2. The usual cases keep the steps out of the loop. */
#define FV_WALK_LOOP(xi, yi, expression)                                                                     \
    _Pragma("omp simd") for (int64_t i = 0; i < n; i++)                                                      \
    {                                                                                                        \
        const float x = xi, y = yi;                                                                          \
        (void)x, (void)y;                                                                                    \
        out[i] = expression;                                                                                 \
    }
#define FV_WALK_ROW(name, expression)                                                                        \
    FV_CLONES static void name(float *out, const float *const in[], const int64_t step[], int64_t n)         \
    {                                                                                                        \
        const float *X = in[0], *Y = in[1], *G = in[2];                                                      \
        int64_t s = step[0], t = step[1];                                                                    \
        (void)G;                                                                                             \
        if (s == 1 && t == 1) {                                                                              \
            FV_WALK_LOOP(X[i], Y[i], expression)                                                             \
        } else if (s == 1 && t == 0) {                                                                       \
            const float fixed = *Y;                                                                          \
            FV_WALK_LOOP(X[i], fixed, expression)                                                            \
        } else if (s == 0 && t == 1) {                                                                       \
            const float fixed = *X;                                                                          \
            FV_WALK_LOOP(fixed, Y[i], expression)                                                            \
        } else {                                                                                             \
            FV_WALK_LOOP(X[i * s], Y[i * t], expression)                                                     \
        }                                                                                                    \
    }

#endif
