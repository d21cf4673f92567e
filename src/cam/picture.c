#include "cam/picture.h"

#include "base/clones.h"
#include <math.h>
#include <string.h>

typedef struct size {
    int64_t h, w;
} size;

static const float mid_grey = 128;

static fv_status check_picture(size *out, const fv_tensor *t, const char *what, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    *out = (size){0, 0};
    if (t->shape.rank != 3 || t->shape.dim[0] != 3)
        return fv_fail(err, FV_STATUS_SHAPE, "%s: a picture is 3 x H x W, not %s", what,
                       fv_shape_text(&t->shape, text));
    *out = (size){t->shape.dim[1], t->shape.dim[2]};
    return FV_OK;
}

/* A map: H x W, with any number of ones in front. */
static fv_status check_map(size *out, const fv_tensor *t, const char *what, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    int r = t->shape.rank;
    *out = r >= 2 ? (size){t->shape.dim[r - 2], t->shape.dim[r - 1]} : (size){0, 0};
    if (r < 2 || t->count != (size_t)out->h * (size_t)out->w)
        return fv_fail(err, FV_STATUS_SHAPE, "%s: a map is H x W with ones in front, not %s", what,
                       fv_shape_text(&t->shape, text));
    return FV_OK;
}

static fv_status check_fit(const fv_tensor *map, size picture, const char *what, fv_error *err)
{
    size s;
    FV_TRY(check_map(&s, map, what, err));
    if (s.h != picture.h || s.w != picture.w)
        return fv_fail(err, FV_STATUS_SHAPE, "%s: map %lldx%lld does not fit the picture %lldx%lld", what,
                       (long long)s.h, (long long)s.w, (long long)picture.h, (long long)picture.w);
    return FV_OK;
}

/* The table by channel, with the last colour twice: entry and entry + 1 are there for every position. */
typedef struct colours {
    float of[3][FV_COLOUR_ENTRIES + 1];
} colours;

static void fill_colours(colours *c, const fv_tensor *table)
{
    for (int k = 0; k < 3; k++)
        for (int i = 0; i <= FV_COLOUR_ENTRIES; i++)
            c->of[k][i] = table->data[(i < FV_COLOUR_ENTRIES ? i : FV_COLOUR_ENTRIES - 1) * 3 + k];
}

enum { STRIP = 1024 }; /* pixels whose places in the table are kept at once */

/* Places in the table, 0..255: value = shift + place / gain. */
FV_CLONES static void find_places(const float *values, int n, double shift, double gain, int32_t *entry,
                                  float *part)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        double at = ((double)values[i] - shift) * gain;
        at = at > 0 ? at : 0; /* NaN too */
        at = at < FV_COLOUR_ENTRIES - 1 ? at : FV_COLOUR_ENTRIES - 1;
        entry[i] = (int32_t)at;
        part[i] = (float)(at - (double)entry[i]);
    }
}

FV_CLONES static void look_up(const float *table, int n, const int32_t *entry, const float *part, float *to)
{
#pragma omp simd
    for (int i = 0; i < n; i++) {
        float a = table[entry[i]], b = table[entry[i] + 1];
        to[i] = a + part[i] * (b - a);
    }
}

static void colour_strip(const colours *c, const fv_tensor *map, size_t first, int n, double shift,
                         double gain, fv_tensor *out)
{
    int32_t entry[STRIP];
    float part[STRIP];
    const float *values = map->data + first;
    find_places(values, n, shift, gain, entry, part);
    for (int k = 0; k < 3; k++) {
        float *to = out->data + (size_t)k * map->count + first;
        look_up(c->of[k], n, entry, part, to);
        for (int i = 0; i < n; i++)
            if (isnan(values[i])) to[i] = mid_grey;
    }
}

fv_status fv_picture_colour(fv_tensor **out, const fv_tensor *map, const fv_tensor *table, double low,
                            double high, fv_error *err)
{
    size s;
    char text[FV_SHAPE_TEXT];
    colours c;
    *out = NULL;
    FV_TRY(check_map(&s, map, "colour", err));
    if (table->shape.rank != 2 || table->shape.dim[0] != FV_COLOUR_ENTRIES || table->shape.dim[1] != 3)
        return fv_fail(err, FV_STATUS_SHAPE, "colour: the table must be 256 x 3, not %s",
                       fv_shape_text(&table->shape, text));
    fv_shape shape = {3, {3, s.h, s.w}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    fill_colours(&c, table);
    double gain = high > low ? (FV_COLOUR_ENTRIES - 1) / (high - low) : 0;
    int64_t strips = ((int64_t)map->count + STRIP - 1) / STRIP;
#pragma omp parallel for schedule(static) if (strips > 64)
    for (int64_t i = 0; i < strips; i++) {
        size_t first = (size_t)i * STRIP, left = map->count - first;
        colour_strip(&c, map, first, left < STRIP ? (int)left : STRIP, low, gain, *out);
    }
    return FV_OK;
}

/* weight: NULL stands for 1 everywhere. */
FV_CLONES static void blend_plane(float *restrict to, const float *below, const float *above,
                                  const float *weight, double alpha, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1;
        double a = alpha * (w > 0 ? w < 1 ? w : 1 : 0);
        to[i] = (float)((1 - a) * below[i] + a * above[i]);
    }
}

fv_status fv_picture_blend(fv_tensor **out, const fv_tensor *below, const fv_tensor *above, double alpha,
                           const fv_tensor *weight, fv_error *err)
{
    size s, other;
    *out = NULL;
    FV_TRY(check_picture(&s, below, "blend", err));
    FV_TRY(check_picture(&other, above, "blend", err));
    if (s.h != other.h || s.w != other.w)
        return fv_fail(err, FV_STATUS_SHAPE, "blend: pictures of %lldx%lld and %lldx%lld", (long long)s.h,
                       (long long)s.w, (long long)other.h, (long long)other.w);
    if (weight) FV_TRY(check_fit(weight, s, "blend", err));
    if (!(alpha >= 0 && alpha <= 1))
        return fv_fail(err, FV_STATUS_ARGUMENT, "blend: alpha %g is not in 0..1", alpha);
    FV_TRY(fv_tensor_new(out, &below->shape, err));
    size_t plane = below->count / 3;
    for (size_t c = 0; c < 3; c++)
        blend_plane((*out)->data + c * plane, below->data + c * plane, above->data + c * plane,
                    weight ? weight->data : NULL, alpha, plane);
    return FV_OK;
}

static void put(fv_tensor *picture, size s, int64_t y, int64_t x, const float colour[3], double coverage)
{
    if (y < 0 || x < 0 || y >= s.h || x >= s.w) return;
    for (int c = 0; c < 3; c++) {
        float *p = picture->data + (c * s.h + y) * s.w + x;
        *p = (float)(*p + coverage * (colour[c] - *p));
    }
}

/* A member of the mask with a face neighbour that is none. */
static int on_boundary(const float *m, size s, int64_t y, int64_t x)
{
    const float *p = m + y * s.w + x;
    return *p != 0 && ((x > 0 && p[-1] == 0) || (x < s.w - 1 && p[1] == 0) || (y > 0 && p[-s.w] == 0) ||
                       (y < s.h - 1 && p[s.w] == 0));
}

/* Disc of the given diameter, its centre on the pixel (odd) or on the pixel's lower right corner (even). */
static void stamp(fv_tensor *picture, size s, int64_t y, int64_t x, const float colour[3], int diameter)
{
    int first = -(diameter - 1) / 2, last = diameter / 2;
    double middle = (first + last) / 2.0, reach = diameter / 2.0;
    for (int dy = first; dy <= last; dy++)
        for (int dx = first; dx <= last; dx++)
            if (diameter < 3 || hypot(dy - middle, dx - middle) <= reach)
                put(picture, s, y + dy, x + dx, colour, 1);
}

fv_status fv_picture_contour(fv_tensor *picture, const fv_tensor *mask, const float colour[3], int thickness,
                             fv_error *err)
{
    size s;
    FV_TRY(check_picture(&s, picture, "contour", err));
    FV_TRY(check_fit(mask, s, "contour", err));
    if (thickness < 1 || thickness > 64)
        return fv_fail(err, FV_STATUS_ARGUMENT, "contour: thickness %d is not in 1..64", thickness);
    for (int64_t y = 0; y < s.h; y++)
        for (int64_t x = 0; x < s.w; x++)
            if (on_boundary(mask->data, s, y, x)) stamp(picture, s, y, x, colour, thickness);
    return FV_OK;
}

static int64_t clamp_index(int64_t v, int64_t n)
{
    return v < 0 ? 0 : v > n ? n : v;
}

fv_status fv_picture_rectangle(fv_tensor *picture, int64_t top, int64_t left, int64_t height, int64_t width,
                               const float colour[3], fv_error *err)
{
    size s;
    FV_TRY(check_picture(&s, picture, "rectangle", err));
    int64_t bottom = clamp_index(top + height, s.h), right = clamp_index(left + width, s.w);
    for (int64_t y = clamp_index(top, s.h); y < bottom; y++)
        for (int64_t x = clamp_index(left, s.w); x < right; x++) put(picture, s, y, x, colour, 1);
    return FV_OK;
}

fv_status fv_picture_paste(fv_tensor *picture, const fv_tensor *part, int64_t top, int64_t left,
                           fv_error *err)
{
    size s, p;
    FV_TRY(check_picture(&s, picture, "paste", err));
    FV_TRY(check_picture(&p, part, "paste", err));
    int64_t y0 = clamp_index(top, s.h), y1 = clamp_index(top + p.h, s.h);
    int64_t x0 = clamp_index(left, s.w), x1 = clamp_index(left + p.w, s.w);
    for (int64_t c = 0; c < 3 && x1 > x0; c++)
        for (int64_t y = y0; y < y1; y++)
            memcpy(picture->data + (c * s.h + y) * s.w + x0,
                   part->data + (c * p.h + y - top) * p.w + x0 - left, (size_t)(x1 - x0) * sizeof(float));
    return FV_OK;
}

static double distance_to(const double s[4], double x, double y)
{
    double dx = s[2] - s[0], dy = s[3] - s[1], length = dx * dx + dy * dy;
    double t = length > 0 ? ((x - s[0]) * dx + (y - s[1]) * dy) / length : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypot(x - s[0] - t * dx, y - s[1] - t * dy);
}

fv_status fv_picture_strokes(fv_tensor *picture, const double *segments, size_t n, double radius,
                             const float colour[3], fv_error *err)
{
    size s;
    FV_TRY(check_picture(&s, picture, "strokes", err));
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (size_t i = 0; i < 2 * n; i++)
        for (int k = 0; k < 2; k++) {
            low[k] = fmin(low[k], segments[2 * i + (size_t)k]);
            high[k] = fmax(high[k], segments[2 * i + (size_t)k]);
        }
    int64_t x0 = (int64_t)fmax(0, low[0] - radius - 1), x1 = (int64_t)fmin((double)s.w, high[0] + radius + 2);
    int64_t y0 = (int64_t)fmax(0, low[1] - radius - 1), y1 = (int64_t)fmin((double)s.h, high[1] + radius + 2);
    for (int64_t y = y0; n && y < y1; y++)
        for (int64_t x = x0; x < x1; x++) {
            double near = INFINITY;
            for (size_t i = 0; i < n; i++)
                near = fmin(near, distance_to(segments + 4 * i, (double)x + 0.5, (double)y + 0.5));
            double coverage = radius + 0.5 - near;
            if (coverage > 0) put(picture, s, y, x, colour, fmin(coverage, 1));
        }
    return FV_OK;
}
