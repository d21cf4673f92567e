#include "tensor/elastic.h"

#include "base/alloc.h"
#include "base/random.h"
#include <math.h>

/* Weights of the four control points around a position (Unser 1999). Returns the first of them. */
static int64_t spline(double position, double weight[4])
{
    double cell = floor(position), t = position - cell, s = 1 - t;
    weight[0] = s * s * s / 6;
    weight[1] = (3 * t * t * t - 6 * t * t + 4) / 6;
    weight[2] = (3 * s * s * s - 6 * s * s + 4) / 6;
    weight[3] = t * t * t / 6;
    return (int64_t)cell;
}

fv_status fv_elastic_make(fv_elastic *field, int64_t height, int64_t width, double amplitude, double spacing,
                          uint64_t seed, uint64_t stream, fv_error *err)
{
    int64_t rows = (int64_t)((double)(height - 1) / spacing) + 4;
    int64_t columns = (int64_t)((double)(width - 1) / spacing) + 4;
    *field = (fv_elastic){.rows = rows, .columns = columns, .spacing = spacing};
    size_t points = 2 * (size_t)(rows * columns);
    fv_status status = fv_calloc(&field->points, points, sizeof *field->points, err);
    if (status == FV_OK) status = fv_calloc(&field->line, 2 * (size_t)columns, sizeof *field->line, err);
    if (status != FV_OK) {
        fv_elastic_free(field);
        return status;
    }
    for (size_t i = 0; i < points; i++) field->points[i] = amplitude * fv_random_normal(seed, stream, i);
    return FV_OK;
}

void fv_elastic_row(fv_elastic *field, int64_t y)
{
    double weight[4];
    int64_t first = spline((double)y / field->spacing, weight), columns = field->columns;
    for (int axis = 0; axis < 2; axis++) {
        const double *from = field->points + (axis * field->rows + first) * columns;
        double *to = field->line + axis * columns;
        for (int64_t i = 0; i < columns; i++) {
            const double *p = from + i;
            to[i] = weight[0] * p[0] + weight[1] * p[columns] + weight[2] * p[2 * columns] +
                    weight[3] * p[3 * columns];
        }
    }
}

void fv_elastic_at(const fv_elastic *field, int64_t x, double move[2])
{
    double weight[4];
    int64_t first = spline((double)x / field->spacing, weight);
    for (int axis = 0; axis < 2; axis++) {
        const double *p = field->line + axis * field->columns + first;
        move[axis] = weight[0] * p[0] + weight[1] * p[1] + weight[2] * p[2] + weight[3] * p[3];
    }
}

void fv_elastic_free(fv_elastic *field)
{
    fv_free(field->points);
    fv_free(field->line);
    *field = (fv_elastic){0};
}
