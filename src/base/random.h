/* Counter-based random numbers: value i of a stream depends on (seed, stream, i) alone, never on what was
 * drawn before or on the number of threads. */
#ifndef FV_BASE_RANDOM_H
#define FV_BASE_RANDOM_H

#include <stdint.h>

/* 64 well-mixed bits for (seed, stream, index). */
uint64_t fv_random_bits(uint64_t seed, uint64_t stream, uint64_t index);

/* Uniform in [0, 1). */
double fv_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* Standard normal deviate (Box-Muller on two draws of the stream). */
double fv_random_normal(uint64_t seed, uint64_t stream, uint64_t index);

#endif
