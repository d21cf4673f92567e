#include "tensor/augment.h"

#include "base/random.h"
#include "tensor/blur.h"
#include "tensor/elastic.h"
#include <math.h>
#include <string.h>

enum { STREAM_FIELD = 1, STREAM_NOISE = 2 };

/* Where one sample goes: planes of height x width. */
typedef struct place {
    float *image, *mask;
    int64_t channels, classes, height, width;
} place;

/* --- geometry --- */

/* Index i of an axis of n elements that goes on mirrored at both ends. */
static int64_t mirrored(int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    if (n == 1) return 0;
    int64_t period = 2 * (n - 1);
    i = (i % period + period) % period;
    return i < n ? i : period - i;
}

/* Between a and b after rounding; weight 0 keeps what is not a number out. */
static double between(double a, double b, double weight)
{
    return weight == 0 ? a : a + weight * (b - a);
}

static void take_pixel(const fv_augment *s, const place *to, int64_t at, double y, double x)
{
    int64_t h = s->image->shape.dim[1], w = s->image->shape.dim[2];
    double top = floor(y), left = floor(x), down = y - top, right = x - left;
    int64_t y0 = mirrored((int64_t)top, h), y1 = mirrored((int64_t)top + 1, h);
    int64_t x0 = mirrored((int64_t)left, w), x1 = mirrored((int64_t)left + 1, w);
    for (int64_t c = 0; c < to->channels; c++) {
        const float *upper = s->image->data + (c * h + y0) * w, *lower = s->image->data + (c * h + y1) * w;
        double above = between(upper[x0], upper[x1], right), below = between(lower[x0], lower[x1], right);
        to->image[c * to->height * to->width + at] = (float)between(above, below, down);
    }
    if (!s->mask) return;
    float value = s->mask->data[(down < 0.5 ? y0 : y1) * w + (right < 0.5 ? x0 : x1)];
    if (to->classes <= 2) {
        to->mask[at] = value;
    } else {
        for (int64_t k = 0; k < to->classes; k++)
            to->mask[k * to->height * to->width + at] = value == (float)k;
    }
}

/* Far from the image there is nothing new: keeps the indices of the mirror small, and NaN out of them. */
static double bounded(double v)
{
    return !(v > -1e9) ? -1e9 : v > 1e9 ? 1e9 : v;
}

static void resample(const fv_augment *s, const place *to, fv_elastic *field)
{
    const double *p = s->place;
    for (int64_t y = 0; y < to->height; y++) {
        if (field) fv_elastic_row(field, y);
        for (int64_t x = 0; x < to->width; x++) {
            double move[2] = {0, 0};
            if (field) fv_elastic_at(field, x, move);
            double v = (double)y + move[0], u = (double)x + move[1];
            take_pixel(s, to, y * to->width + x, bounded(p[0] * v + p[1] * u + p[2]),
                       bounded(p[3] * v + p[4] * u + p[5]));
        }
    }
}

/* --- intensity --- */

static double clamped(double u)
{
    return u < 0 ? 0 : u > 1 ? 1 : u; /* NaN stays */
}

static double mean_of(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i];
    return sum / (double)count;
}

/* Two normal deviates from two draws (Box and Muller 1958). */
static void add_noise(float *values, size_t count, double std, uint64_t seed)
{
    uint64_t key = fv_random_key(seed, STREAM_NOISE);
    for (size_t i = 0; i < count; i += 2) {
        double u = 1.0 - (double)(fv_random_at(key, i) >> 11) * 0x1p-53;
        double v = 6.283185307179586 * ((double)(fv_random_at(key, i + 1) >> 11) * 0x1p-53);
        double radius = std * sqrt(-2.0 * log(u));
        values[i] = (float)clamped(values[i] + radius * cos(v));
        if (i + 1 < count) values[i + 1] = (float)clamped(values[i + 1] + radius * sin(v));
    }
}

static void change_tones(const fv_augment *s, float *values, size_t count)
{
    double mean = s->contrast != 1 ? mean_of(values, count) : 0;
    for (size_t i = 0; i < count; i++) {
        double u = clamped((values[i] - mean) * s->contrast + mean + s->brightness);
        values[i] = (float)(s->gamma != 1 ? pow(u, s->gamma) : u);
    }
}

static void to_unit(const fv_augment *s, const place *to, int back)
{
    int64_t plane = to->height * to->width;
    for (int64_t c = 0; c < to->channels; c++) {
        float *values = to->image + c * plane;
        double gain = s->gain[c], offset = s->offset[c];
        for (int64_t i = 0; i < plane; i++)
            values[i] = (float)(back ? (values[i] - offset) / gain : values[i] * gain + offset);
    }
}

static fv_status change_intensity(const fv_augment *s, const place *to, fv_error *err)
{
    int tones = s->contrast != 1 || s->brightness != 0 || s->gamma != 1;
    size_t count = (size_t)(to->channels * to->height * to->width);
    if (s->blur > 0) FV_TRY(fv_blur(to->image, to->channels, to->height, to->width, s->blur, err));
    if (!tones && s->noise <= 0) return FV_OK;
    to_unit(s, to, 0);
    if (tones) change_tones(s, to->image, count);
    if (s->noise > 0) add_noise(to->image, count, s->noise, s->seed);
    to_unit(s, to, 1);
    return FV_OK;
}

/* --- batches --- */

static fv_status make_sample(const fv_augment *s, const place *to, fv_error *err)
{
    fv_elastic field = {0};
    if (s->elastic > 0)
        FV_TRY(fv_elastic_make(&field, to->height, to->width, s->elastic, s->spacing, s->seed, STREAM_FIELD,
                               err));
    resample(s, to, s->elastic > 0 ? &field : NULL);
    fv_elastic_free(&field);
    return change_intensity(s, to, err);
}

static fv_status check_sample(const fv_augment *s, const fv_augment *first, fv_error *err)
{
    char a[FV_SHAPE_TEXT], b[FV_SHAPE_TEXT];
    const fv_shape *image = &s->image->shape, *mask = s->mask ? &s->mask->shape : NULL;
    if (image->rank != 3 || !s->image->count || image->dim[0] > FV_AUGMENT_CHANNELS)
        return fv_fail(err, FV_STATUS_SHAPE, "batch: an image is C x H x W with 1 to 4 channels, not %s",
                       fv_shape_text(image, a));
    if (image->dim[0] != first->image->shape.dim[0])
        return fv_fail(err, FV_STATUS_SHAPE, "batch: images of %lld and of %lld channels",
                       (long long)first->image->shape.dim[0], (long long)image->dim[0]);
    if (!s->mask != !first->mask)
        return fv_fail(err, FV_STATUS_SHAPE, "batch: some samples have masks and some have none");
    if (mask && (mask->rank != 2 || mask->dim[0] != image->dim[1] || mask->dim[1] != image->dim[2]))
        return fv_fail(err, FV_STATUS_SHAPE, "batch: the image is %s, its mask %s", fv_shape_text(image, a),
                       fv_shape_text(mask, b));
    if (s->elastic > 0 && !(s->spacing >= 1))
        return fv_fail(err, FV_STATUS_ARGUMENT, "batch: elastic spacing %g is below 1 pixel", s->spacing);
    return FV_OK;
}

static fv_status fill(const fv_augment samples[], int64_t n, const place *first, fv_error *err)
{
    fv_status status = FV_OK;
    int64_t plane = first->height * first->width, maps = first->classes > 2 ? first->classes : 1;
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < n; i++) {
        fv_error own;
        place to = *first;
        to.image += i * to.channels * plane;
        if (to.mask) to.mask += i * maps * plane;
        fv_status result = make_sample(&samples[i], &to, &own);
        if (result == FV_OK) continue;
#pragma omp critical(fv_augment_failure)
        {
            status = result;
            if (err) *err = own;
        }
    }
    return status;
}

fv_status fv_augment_batch(fv_tensor **input, fv_tensor **target, const fv_augment samples[], int64_t n,
                           int64_t height, int64_t width, int classes, fv_error *err)
{
    fv_status status;
    *input = *target = NULL;
    if (n < 1 || height < 1 || width < 1)
        return fv_fail(err, FV_STATUS_SHAPE, "batch: %lld samples of %lldx%lld", (long long)n,
                       (long long)height, (long long)width);
    for (int64_t i = 0; i < n; i++) FV_TRY(check_sample(&samples[i], &samples[0], err));
    place to = {
        .channels = samples[0].image->shape.dim[0], .classes = classes, .height = height, .width = width};
    fv_shape shape = fv_shape_of(4, n, to.channels, height, width);
    FV_TRY_GOTO(fv_tensor_new(input, &shape, err));
    to.image = (*input)->data;
    shape.dim[1] = classes > 2 ? classes : 1;
    if (samples[0].mask) FV_TRY_GOTO(fv_tensor_new(target, &shape, err));
    if (samples[0].mask) to.mask = (*target)->data;
    status = fill(samples, n, &to, err);
done:
    if (status == FV_OK) return status;
    fv_tensor_release(*input);
    fv_tensor_release(*target);
    *input = *target = NULL;
    return status;
}

int64_t fv_augment_pick(const fv_tensor *mask, double share)
{
    size_t count = 0, wanted;
    for (size_t i = 0; i < mask->count; i++) count += mask->data[i] != 0;
    if (!count) return -1;
    wanted = (size_t)(share * (double)count);
    for (size_t i = 0; i < mask->count; i++)
        if (mask->data[i] != 0 && wanted-- == 0) return (int64_t)i;
    return -1;
}
