/* Compiled with contraction, so that a * b + c is one instruction where there is one (see the Makefile). */
#include "base/peak.h"

#include "base/parallel.h"
#include <time.h>

enum { CHAINS = 12, ROUNDS = 200000 }; /* independent sums: enough to hide the latency of two units */

/* A function of that name that runs ROUNDS * CHAINS multiply-adds of vectors of so many floats. */
#define FV_CHAINS(name, target, floats)                                                                      \
    typedef float name##_vector __attribute__((vector_size(4 * (floats))));                                  \
    target static float name(float factor)                                                                   \
    {                                                                                                        \
        name##_vector sum[CHAINS], scale, step, total;                                                       \
        for (int i = 0; i < (floats); i++) {                                                                 \
            scale[i] = factor;                                                                               \
            step[i] = 1.0f - factor;                                                                         \
        }                                                                                                    \
        for (int k = 0; k < CHAINS; k++) sum[k] = scale * (float)(k + 1);                                    \
        for (long round = 0; round < ROUNDS; round++) {                                                      \
            _Pragma("GCC unroll 12") for (int k = 0; k < CHAINS; k++) sum[k] = sum[k] * scale + step;        \
        }                                                                                                    \
        total = sum[0];                                                                                      \
        for (int k = 1; k < CHAINS; k++) total += sum[k];                                                    \
        return total[0];                                                                                     \
    }

typedef struct chains {
    float (*run)(float factor);
    int floats;
} chains;

FV_CHAINS(chains_plain, , 4)
#if defined(__x86_64__) && defined(__GNUC__)
FV_CHAINS(chains_fma, __attribute__((target("avx2,fma"))), 8)
FV_CHAINS(chains_wide, __attribute__((target("avx512f,fma"))), 16)

static chains widest(void)
{
    if (__builtin_cpu_supports("avx512f")) return (chains){chains_wide, 16};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (chains){chains_fma, 8};
    return (chains){chains_plain, 4};
}
#else
static chains widest(void)
{
    return (chains){chains_plain, 4};
}
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double fv_fma_peak(double seconds)
{
    chains c = widest();
    int threads = fv_threads();
    double operations = 2.0 * ROUNDS * CHAINS * c.floats * threads, best = 0, start = now(), end = start;
    volatile float sink = 0.999f;
    do {
        double before = now();
#pragma omp parallel num_threads(threads)
        {
            float result = c.run(sink);
            if (result == 0.0f) sink = result; /* never: the sums tend to one */
        }
        end = now();
        if (operations / (end - before) > best) best = operations / (end - before);
    } while (end - start < seconds);
    return best;
}
