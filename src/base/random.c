#include "base/random.h"

#include <math.h>

uint64_t fv_random_key(uint64_t seed, uint64_t stream)
{
    return fv_random_mix(fv_random_mix(seed + FV_RANDOM_STEP) ^ (stream + FV_RANDOM_STEP));
}

uint64_t fv_random_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
    return fv_random_at(fv_random_key(seed, stream), index);
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
