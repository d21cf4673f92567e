#include "tensor/inspect.h"
#include "base/clones.h"

#include <math.h>
#include <string.h>

int fv_tensor_equal(const fv_tensor *a, const fv_tensor *b)
{
    if (!fv_shape_equal(&a->shape, &b->shape)) return 0;
    for (size_t i = 0; i < a->count; i++) {
        float x = a->data[i], y = b->data[i];
        if (x != y && !(x != x && y != y)) return 0;
    }
    return 1;
}

uint64_t fv_tensor_hash(const fv_tensor *t)
{
    const uint64_t prime = UINT64_C(0x100000001B3);
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    hash = (hash ^ (uint64_t)t->shape.rank) * prime;
    for (int i = 0; i < t->shape.rank; i++) hash = (hash ^ (uint64_t)t->shape.dim[i]) * prime;
    for (size_t i = 0; i < t->count; i++) {
        uint32_t bits;
        memcpy(&bits, &t->data[i], sizeof bits);
        hash = (hash ^ bits) * prime;
        hash ^= hash >> 32; /* words instead of bytes: without this the high input bits would only move up */
    }
    return hash;
}

/* How many have all bits of the exponent set. */
FV_CLONES static uint32_t count_not_finite(const float *x, size_t n)
{
    const uint32_t exponent = UINT32_C(0x7F800000);
    uint32_t found = 0;
#pragma omp simd reduction(+ : found)
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        found += (bits & exponent) == exponent;
    }
    return found;
}

int fv_tensor_is_finite(const fv_tensor *t)
{
    const size_t run = 1 << 14;
    for (size_t i = 0; i < t->count; i += run)
        if (count_not_finite(t->data + i, t->count - i < run ? t->count - i : run)) return 0;
    return 1;
}

size_t fv_tensor_count_nonzero(const fv_tensor *t)
{
    size_t n = 0;
#pragma omp simd reduction(+ : n)
    for (size_t i = 0; i < t->count; i++) n += t->data[i] != 0;
    return n;
}

fv_summary fv_tensor_summary(const fv_tensor *t)
{
    fv_summary s = {.min = INFINITY, .max = -INFINITY};
    for (size_t i = 0; i < t->count; i++) {
        double x = t->data[i];
        if (isnan(x)) {
            s.nans++;
        } else if (isinf(x)) {
            s.infinities++;
        } else {
            s.min = x < s.min ? x : s.min;
            s.max = x > s.max ? x : s.max;
            s.mean += x;
        }
    }
    size_t finite = t->count - s.nans - s.infinities;
    if (!finite) s.min = s.max = NAN;
    s.mean = finite ? s.mean / (double)finite : NAN;
    return s;
}
