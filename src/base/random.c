#include "base/random.h"

#include <math.h>

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every output bit depends on every input bit. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t fv_random_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
    const uint64_t golden = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t key = mix(mix(seed + golden) ^ (stream + golden));
    return mix(key + (index + 1) * golden);
}

double fv_random_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    return (double)(fv_random_bits(seed, stream, index) >> 11) * 0x1p-53;
}

double fv_random_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
    double u = 1.0 - fv_random_uniform(seed, stream, 2 * index); /* (0, 1]: log is finite */
    double v = fv_random_uniform(seed, stream, 2 * index + 1);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}
