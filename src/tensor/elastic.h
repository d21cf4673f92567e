/* A smooth random displacement of a grid: normal deviates at control points, between which a uniform cubic
 * B-spline runs (Ronneberger et al. 2015 use the same idea with a 3 x 3 grid). */
#ifndef FV_TENSOR_ELASTIC_H
#define FV_TENSOR_ELASTIC_H

#include "base/status.h"
#include <stdint.h>

typedef struct fv_elastic {
    int64_t rows, columns; /* of control points */
    double spacing;        /* pixels between two of them */
    double *points;        /* [2][rows][columns]: displacement of y, then of x, in pixels */
    double *line;          /* [2][columns]: the points of one row of the grid */
} fv_elastic;

/* A field for height x width pixels. amplitude: standard deviation of the displacement at a control point in
 * pixels; spacing: pixels between control points, at least 1. The points depend on (seed, stream) alone.
 * Zero-initialise and free with fv_elastic_free. */
fv_status fv_elastic_make(fv_elastic *field, int64_t height, int64_t width, double amplitude, double spacing,
                          uint64_t seed, uint64_t stream, fv_error *err);

/* Makes row y of the grid the current one. */
void fv_elastic_row(fv_elastic *field, int64_t y);

/* Displacement of pixel x of the current row: move[0] along y, move[1] along x. */
void fv_elastic_at(const fv_elastic *field, int64_t x, double move[2]);

/* Accepts a zeroed field. */
void fv_elastic_free(fv_elastic *field);

#endif
