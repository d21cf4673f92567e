#include "tensor/matmul.h"
#include "tensor/broadcast.h"

enum { TILE = 256 }; /* columns accumulated side by side */

/* TILE columns, or fewer, of one row of a matrix product: to = row (k) times b (k x n). */
static void product_row(float *to, const float *row, const float *b, int64_t k, int64_t n)
{
    double sum[TILE];
    for (int64_t from = 0; from < n; from += TILE) {
        int64_t width = n - from < TILE ? n - from : TILE;
        for (int64_t j = 0; j < width; j++) sum[j] = 0;
        for (int64_t i = 0; i < k; i++) {
            const double x = (double)row[i];
            const float *restrict line = b + i * n + from;
#pragma omp simd
            for (int64_t j = 0; j < width; j++) sum[j] += x * (double)line[j];
        }
        for (int64_t j = 0; j < width; j++) to[from + j] = (float)sum[j];
    }
}

/* The matrix of an operand that belongs to matrix `index` of the result: broadcasting of the leading axes. */
static const float *matrix_at(const fv_tensor *t, const fv_shape *result, int64_t index)
{
    int rank = t->shape.rank, shift = result->rank - rank;
    int64_t stride = t->shape.dim[rank - 2] * t->shape.dim[rank - 1], offset = 0;
    for (int i = result->rank - 3; i >= 0; i--) {
        int64_t at = index % result->dim[i];
        index /= result->dim[i];
        if (i < shift) continue;
        if (t->shape.dim[i - shift] != 1) offset += at * stride;
        stride *= t->shape.dim[i - shift];
    }
    return t->data + offset;
}

static fv_status matmul_shape(fv_shape *shape, const fv_shape *a, const fv_shape *b, fv_error *err)
{
    char ta[FV_SHAPE_TEXT], tb[FV_SHAPE_TEXT];
    fv_shape head_a = *a, head_b = *b;
    if (a->rank < 2 || b->rank < 2 || a->dim[a->rank - 1] != b->dim[b->rank - 2])
        return fv_fail(err, FV_STATUS_SHAPE, "matmul: shapes %s and %s do not multiply", fv_shape_text(a, ta),
                       fv_shape_text(b, tb));
    head_a.rank -= 2;
    head_b.rank -= 2;
    FV_TRY(fv_shape_broadcast(shape, &head_a, &head_b, "matmul", err));
    shape->dim[shape->rank++] = a->dim[a->rank - 2];
    shape->dim[shape->rank++] = b->dim[b->rank - 1];
    return FV_OK;
}

fv_status fv_tensor_matmul(fv_tensor **out, const fv_tensor *a, const fv_tensor *b, fv_error *err)
{
    fv_shape shape;
    *out = NULL;
    FV_TRY(matmul_shape(&shape, &a->shape, &b->shape, err));
    FV_TRY(fv_tensor_new(out, &shape, err));
    if (!(*out)->count) return FV_OK;
    int64_t m = shape.dim[shape.rank - 2], n = shape.dim[shape.rank - 1], k = a->shape.dim[a->shape.rank - 1];
    int64_t rows = (int64_t)(*out)->count / n;
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if ((*out)->count * (size_t)k >= FV_PARALLEL_MIN)
    for (int64_t row = 0; row < rows; row++) {
        const float *x = matrix_at(a, &shape, row / m) + row % m * k;
        product_row(to + row * n, x, matrix_at(b, &shape, row / m), k, n);
    }
    return FV_OK;
}
