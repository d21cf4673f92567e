/* Counter-based random numbers: value i of a stream depends on (seed, stream, i) alone, never on what was
 * drawn before or on the number of threads. */
#ifndef FV_BASE_RANDOM_H
#define FV_BASE_RANDOM_H

#include <stdint.h>

/* 64 well-mixed bits for (seed, stream, index). */
uint64_t fv_random_bits(uint64_t seed, uint64_t stream, uint64_t index);

/* The same in two parts, for loops over the index: fv_random_at(fv_random_key(seed, stream), index). */
uint64_t fv_random_key(uint64_t seed, uint64_t stream);

#define FV_RANDOM_STEP UINT64_C(0x9E3779B97F4A7C15)

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every output bit depends on every input bit. */
static inline uint64_t fv_random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline uint64_t fv_random_at(uint64_t key, uint64_t index)
{
    return fv_random_mix(key + (index + 1) * FV_RANDOM_STEP);
}

/* Uniform in [0, 1). */
double fv_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* Standard normal deviate (Box-Muller on two draws of the stream). */
double fv_random_normal(uint64_t seed, uint64_t stream, uint64_t index);

#endif
