#include "tensor/draw.h"

#include <math.h>

enum { PARALLEL_MIN = 1 << 18 };

static fv_status check_grid(int64_t h, int64_t w, const char *what, fv_error *err)
{
    if (h < 1 || w < 1)
        return fv_fail(err, FV_STATUS_SHAPE, "%s: no grid of %lldx%lld", what, (long long)h, (long long)w);
    return FV_OK;
}

/* --- strokes --- */

/* Bounds of the pixels of an axis that a span may reach, clipped to n. */
static void bounds(double low, double high, int64_t n, int64_t *first, int64_t *last)
{
    *first = low > 0 ? low < (double)n ? (int64_t)low : n : 0;
    *last = high < (double)n ? high > 0 ? (int64_t)high + 1 : 0 : n;
}

static void stroke_pixel(float *to, int64_t plane, const fv_stroke *s, double x, double y)
{
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - s->x0) * dx + (y - s->y0) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    double ox = x - s->x0 - t * dx, oy = y - s->y0 - t * dy;
    double radius = s->r0 + t * (s->r1 - s->r0), away = sqrt(ox * ox + oy * oy);
    float field = (float)(away - radius);
    if (!(field < *to)) return;
    *to = field;
    to[plane] = (float)(away < 2 * radius ? away / radius : 2);
    to[2 * plane] = (float)s->value;
}

/* The part of a stroke in one row. */
static void stroke_row(float *to, int64_t y, int64_t h, int64_t w, const fv_stroke *s, double reach)
{
    double margin = fmax(s->r0, s->r1) + reach, middle = (double)y + 0.5;
    if (middle < fmin(s->y0, s->y1) - margin || middle > fmax(s->y0, s->y1) + margin) return;
    int64_t first, last;
    bounds(fmin(s->x0, s->x1) - margin - 0.5, fmax(s->x0, s->x1) + margin + 0.5, w, &first, &last);
    for (int64_t x = first; x < last; x++) stroke_pixel(to + x, h * w, s, (double)x + 0.5, middle);
}

fv_status fv_draw_strokes(fv_tensor **out, int64_t h, int64_t w, const fv_stroke *strokes, size_t n,
                          double reach, fv_error *err)
{
    *out = NULL;
    FV_TRY(check_grid(h, w, "strokes", err));
    if (!(reach > 0 && reach <= 1e6))
        return fv_fail(err, FV_STATUS_ARGUMENT, "strokes: reach %g is not in 0..1000000", reach);
    fv_shape shape = {3, {3, h, w}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
    int64_t plane = h * w;
    for (int64_t i = 0; i < 3 * plane; i++) to[i] = i < plane ? (float)reach : i < 2 * plane ? 2 : 0;
#pragma omp parallel for schedule(static) if (plane >= PARALLEL_MIN)
    for (int64_t y = 0; y < h; y++)
        for (size_t i = 0; i < n; i++) stroke_row(to + y * w, y, h, w, strokes + i, reach);
    return FV_OK;
}

/* --- blobs --- */

/* 1 + sum a_k cos(k t) + b_k sin(k t) for cos t = c, sin t = s. */
static double blob_radius(const fv_blob *blob, double c, double s)
{
    double sum = 1, ck = 1, sk = 0;
    for (int k = 0; k < blob->harmonics; k++) {
        double next = ck * c - sk * s;
        sk = sk * c + ck * s;
        ck = next;
        sum += blob->a[k] * ck + blob->b[k] * sk;
    }
    return sum;
}

static double blob_field(const fv_blob *blob, double x, double y)
{
    double dx = x - blob->x, dy = y - blob->y;
    double u = (blob->cosine * dx + blob->sine * dy) / blob->radius_x;
    double v = (blob->cosine * dy - blob->sine * dx) / blob->radius_y;
    double away = sqrt(u * u + v * v);
    double radius = away > 0 ? blob_radius(blob, u / away, v / away) : 1;
    return (away - radius) * 0.5 * (blob->radius_x + blob->radius_y);
}

fv_status fv_draw_blob(fv_tensor **out, int64_t h, int64_t w, const fv_blob *blob, fv_error *err)
{
    *out = NULL;
    FV_TRY(check_grid(h, w, "blob", err));
    if (!(blob->radius_x > 0 && blob->radius_y > 0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "blob: half axes %g and %g are not above 0", blob->radius_x,
                       blob->radius_y);
    if (blob->harmonics < 0 || blob->harmonics > FV_BLOB_HARMONICS)
        return fv_fail(err, FV_STATUS_ARGUMENT, "blob: %d harmonics (at most %d)", blob->harmonics,
                       FV_BLOB_HARMONICS);
    fv_shape shape = {2, {h, w}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if (h * w >= PARALLEL_MIN)
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++)
            to[y * w + x] = (float)blob_field(blob, (double)x + 0.5, (double)y + 0.5);
    return FV_OK;
}

/* --- coverage and blur --- */

fv_status fv_draw_cover(fv_tensor **out, const fv_tensor *field, double softness, fv_error *err)
{
    *out = NULL;
    if (!(softness > 0))
        return fv_fail(err, FV_STATUS_ARGUMENT, "cover: softness %g is not above 0", softness);
    FV_TRY(fv_tensor_new(out, &field->shape, err));
    float scale = (float)(1 / softness);
    for (size_t i = 0; i < field->count; i++) {
        float t = 0.5f - field->data[i] * scale;
        t = t > 0 ? t < 1 ? t : 1 : 0;
        (*out)->data[i] = t * t * (3 - 2 * t);
    }
    return FV_OK;
}

static int64_t mirrored(int64_t i, int64_t n)
{
    int64_t period = 2 * n;
    i = (i % period + period) % period;
    return i < n ? i : period - 1 - i;
}

/* One line: n elements `step` apart, through the scratch line with its margins of `reach`. */
static void blur_line(float *line, int64_t n, int64_t step, const float *weights, int64_t reach,
                      float *scratch)
{
    for (int64_t i = -reach; i < n + reach; i++) scratch[i + reach] = line[mirrored(i, n) * step];
    for (int64_t i = 0; i < n; i++) {
        float sum = weights[0] * scratch[i + reach];
        for (int64_t k = 1; k <= reach; k++)
            sum += weights[k] * (scratch[i + reach - k] + scratch[i + reach + k]);
        line[i * step] = sum;
    }
}

static void blur_weights(float *weights, int64_t reach, double sigma)
{
    double sum = 1;
    for (int64_t k = 1; k <= reach; k++) sum += 2 * exp(-0.5 * (double)(k * k) / (sigma * sigma));
    for (int64_t k = 0; k <= reach; k++)
        weights[k] = (float)(exp(-0.5 * (double)(k * k) / (sigma * sigma)) / sum);
}

fv_status fv_draw_blur(fv_tensor **out, const fv_tensor *src, double sigma, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    float *scratch = NULL;
    *out = NULL;
    if (src->shape.rank < 2 || !src->count || !(sigma >= 0 && sigma <= 1000))
        return fv_fail(err, FV_STATUS_ARGUMENT,
                       "blur: a picture and a sigma in 0..1000 are wanted, not %s, %g",
                       fv_shape_text(&src->shape, text), sigma);
    int64_t h = src->shape.dim[src->shape.rank - 2], w = src->shape.dim[src->shape.rank - 1];
    int64_t reach = (int64_t)ceil(3 * sigma), longest = h > w ? h : w;
    FV_TRY(fv_tensor_copy(out, src, err));
    if (reach == 0) return FV_OK;
    fv_status status = fv_calloc(&scratch, (size_t)(longest + 3 * reach + 1), sizeof *scratch, err);
    if (status) {
        fv_tensor_release(*out);
        *out = NULL;
        return status;
    }
    float *weights = scratch + longest + 2 * reach;
    blur_weights(weights, reach, sigma);
    for (float *plane = (*out)->data; plane < (*out)->data + src->count; plane += h * w) {
        for (int64_t y = 0; y < h; y++) blur_line(plane + y * w, w, 1, weights, reach, scratch);
        for (int64_t x = 0; x < w; x++) blur_line(plane + x, h, w, weights, reach, scratch);
    }
    fv_free(scratch);
    return FV_OK;
}
