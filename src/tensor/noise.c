#include "tensor/noise.h"
#include "base/random.h"

#include <math.h>

enum { PARALLEL_MIN = 1 << 18 };

/* Standard deviation of one octave, measured over many cells. */
static const double OCTAVE_DEVIATION = 0.176;

static fv_status check_noise(int64_t h, int64_t w, const fv_noise *noise, fv_error *err)
{
    if (h < 1 || w < 1)
        return fv_fail(err, FV_STATUS_SHAPE, "noise: no grid of %lldx%lld", (long long)h, (long long)w);
    if (!(noise->cell_x >= 1e-3 && noise->cell_x <= 1e6 && noise->cell_y >= 1e-3 && noise->cell_y <= 1e6))
        return fv_fail(err, FV_STATUS_ARGUMENT, "noise: cells of %g x %g pixels are not in 0.001..1000000",
                       noise->cell_x, noise->cell_y);
    if (!(fabs(noise->cosine) <= 1 && fabs(noise->sine) <= 1))
        return fv_fail(err, FV_STATUS_ARGUMENT, "noise: the angle is not finite");
    if (noise->octaves < 1 || noise->octaves > 12)
        return fv_fail(err, FV_STATUS_ARGUMENT, "noise: octaves %d are not in 1..12", noise->octaves);
    return FV_OK;
}

/* Random bits of a lattice point: the two coordinates share the index. */
static uint64_t lattice_bits(uint64_t key, int64_t x, int64_t y)
{
    return fv_random_at(key, ((uint64_t)y << 32) ^ ((uint64_t)x & 0xFFFFFFFF));
}

/* Two numbers in [-1, 1) from the halves of the bits. */
static double half_a(uint64_t bits)
{
    return (double)(int64_t)(bits >> 32) * 0x1p-31 - 1;
}

static double half_b(uint64_t bits)
{
    return (double)(int64_t)(bits & 0xFFFFFFFF) * 0x1p-31 - 1;
}

static double slope(uint64_t key, int64_t x, int64_t y, double dx, double dy)
{
    uint64_t bits = lattice_bits(key, x, y);
    return half_a(bits) * dx + half_b(bits) * dy;
}

static double fade(double t)
{
    return t * t * t * (t * (t * 6 - 15) + 10);
}

static double octave(uint64_t key, double x, double y)
{
    double fx = floor(x), fy = floor(y), dx = x - fx, dy = y - fy, u = fade(dx), v = fade(dy);
    int64_t ix = (int64_t)fx, iy = (int64_t)fy;
    double a = slope(key, ix, iy, dx, dy), b = slope(key, ix + 1, iy, dx - 1, dy);
    double c = slope(key, ix, iy + 1, dx, dy - 1), d = slope(key, ix + 1, iy + 1, dx - 1, dy - 1);
    double top = a + u * (b - a), bottom = c + u * (d - c);
    return top + v * (bottom - top);
}

/* Place of a pixel's centre on the lattice. */
static void place(const fv_noise *noise, int64_t x, int64_t y, double at[2])
{
    double px = (double)x + 0.5, py = (double)y + 0.5;
    at[0] = (noise->cosine * px + noise->sine * py) / noise->cell_x;
    at[1] = (noise->cosine * py - noise->sine * px) / noise->cell_y;
}

static double fractal(const fv_noise *noise, const uint64_t *keys, int64_t x, int64_t y)
{
    double at[2], sum = 0, amplitude = 1;
    place(noise, x, y, at);
    for (int i = 0; i < noise->octaves; i++, amplitude *= noise->gain) {
        sum += amplitude * octave(keys[i], at[0], at[1]);
        at[0] *= 2;
        at[1] *= 2;
    }
    return sum;
}

fv_status fv_noise_fractal(fv_tensor **out, int64_t h, int64_t w, const fv_noise *noise, fv_error *err)
{
    uint64_t keys[12];
    double power = 0, amplitude = 1;
    *out = NULL;
    FV_TRY(check_noise(h, w, noise, err));
    for (int i = 0; i < noise->octaves; i++, amplitude *= noise->gain) {
        keys[i] = fv_random_key(noise->seed, (uint64_t)i);
        power += amplitude * amplitude;
    }
    double scale = 1 / (OCTAVE_DEVIATION * sqrt(power));
    fv_shape shape = {2, {h, w}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
#pragma omp parallel for schedule(static) if (h * w >= PARALLEL_MIN)
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) to[y * w + x] = (float)(scale * fractal(noise, keys, x, y));
    return FV_OK;
}

/* What the nearest points of the cells around a place say. */
typedef struct nearest {
    double first, second;
    uint64_t bits;
} nearest;

static nearest nearest_point(uint64_t key, const double at[2])
{
    int64_t ix = (int64_t)floor(at[0]), iy = (int64_t)floor(at[1]);
    nearest near = {INFINITY, INFINITY, 0};
    for (int64_t y = iy - 1; y <= iy + 1; y++)
        for (int64_t x = ix - 1; x <= ix + 1; x++) {
            uint64_t bits = lattice_bits(key, x, y);
            double dx = (double)x + 0.5 + 0.5 * half_a(bits) - at[0];
            double dy = (double)y + 0.5 + 0.5 * half_b(bits) - at[1];
            double d = dx * dx + dy * dy;
            if (d < near.first)
                near = (nearest){d, near.first, bits};
            else if (d < near.second)
                near.second = d;
        }
    return near;
}

fv_status fv_noise_cells(fv_tensor **out, int64_t h, int64_t w, const fv_noise *noise, fv_error *err)
{
    *out = NULL;
    FV_TRY(check_noise(h, w, noise, err));
    uint64_t key = fv_random_key(noise->seed, 0);
    fv_shape shape = {3, {3, h, w}};
    FV_TRY(fv_tensor_new(out, &shape, err));
    float *to = (*out)->data;
    int64_t plane = h * w;
#pragma omp parallel for schedule(static) if (plane >= PARALLEL_MIN)
    for (int64_t i = 0; i < plane; i++) {
        double at[2];
        place(noise, i % w, i / w, at);
        nearest near = nearest_point(key, at);
        to[i] = (float)sqrt(near.first);
        to[plane + i] = (float)sqrt(near.second);
        to[2 * plane + i] = (float)((double)(fv_random_mix(near.bits) >> 40) * 0x1p-24);
    }
    return FV_OK;
}

/* The deviation of the sum of four uniform numbers of width 2^16 is 2^16 / sqrt(3). */
static float grain(uint64_t bits)
{
    int64_t sum = 0;
    for (int i = 0; i < 4; i++) sum += (int64_t)((bits >> (16 * i)) & 0xFFFF);
    return (float)((double)(sum - 2 * 65535) * (1.7320508075688772 / 65536));
}

fv_status fv_noise_grain(fv_tensor **out, const fv_shape *shape, uint64_t seed, fv_error *err)
{
    *out = NULL;
    FV_TRY(fv_tensor_new(out, shape, err));
    uint64_t key = fv_random_key(seed, 0);
    float *to = (*out)->data;
    int64_t n = (int64_t)(*out)->count;
#pragma omp parallel for schedule(static) if (n >= PARALLEL_MIN)
    for (int64_t i = 0; i < n; i++) to[i] = grain(fv_random_at(key, (uint64_t)i));
    return FV_OK;
}
