/* What is under axis_map.h: the context of the kernel, which holds the tables of taps, and its parts. A row
 * of the target (its last axis) is made in two steps: the weighted sum of the source rows that the outer axes
 * ask for, then the taps of the last axis. */
#ifndef FV_OPS_AXIS_KERNEL_H
#define FV_OPS_AXIS_KERNEL_H

#include "graph/emit.h"

enum {
    FV_FEW_TAPS = 4,       /* up to so many taps are computed for every element, some with weight 0 */
    FV_ROW_PIECE = 1 << 14 /* a row without taps of its own is cut into pieces of this length */
};

/* Compiled for several instruction sets, chosen when the program is loaded; none contracts to fused
 * multiplications, so all give the same bits. */
#if defined(__x86_64__) && defined(__linux__)
#    define FV_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#    define FV_CLONES
#endif

typedef union fv_word {
    int32_t i;
    float f;
} fv_word;

/* One axis in memory order; count, index and weight are positions in words. */
typedef struct fv_kernel_axis {
    int64_t from, to, most;
    int identity; /* no tables */
    int few;      /* every element has a tap, none more than FV_FEW_TAPS */
    /* targets that are copies of the elements from run_from on */
    int64_t run_begin, run_end, run_from;
    /* targets whose taps repeat: those of o + up are those of o, `down` elements further; up 0: none */
    int64_t repeat_begin, repeat_end;
    int up, down;
    size_t count, index, weight;
} fv_kernel_axis;

typedef struct fv_axis_kernel {
    int rank;
    int64_t inner; /* floats that move together, as one element of the last axis */
    int64_t rows, pieces;
    int64_t terms;      /* most products of taps in one sum */
    int64_t row_floats; /* of the sum over the outer axes */
    float fill;         /* of elements without taps */
    int threads;        /* that the scratch memory is for */
    fv_kernel_axis axis[FV_MAX_RANK];
    fv_word words[];
} fv_axis_kernel;

/* Decides the number of threads; floats of scratch memory that the kernel wants as its third value. */
int64_t fv_axis_kernel_scratch(fv_axis_kernel *k);

/* data: source, target, scratch. */
void fv_axis_kernel_run(const void *context, float *const *data);

/* A weighted sum: a pointer and a weight per term. */
typedef struct fv_terms {
    int64_t count;
    const float **at;
    float *weight;
} fv_terms;

/* Multiplies the terms by the taps of element o of an axis whose elements are `stride` floats apart. */
void fv_terms_multiply(fv_terms *t, const fv_axis_kernel *k, const fv_kernel_axis *axis, int64_t o,
                       int64_t stride);

/* 1 when the sum is one term of weight 1. */
int fv_terms_are_copy(const fv_terms *t);

/* out[i] = sum over terms, in double when there are many; fill when there are none. */
void fv_terms_sum(float *out, const fv_terms *t, int64_t n, float fill);

/* Elements [begin, end) of a last axis with few taps: single floats, and groups of k->inner. */
void fv_axis_few(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end);
void fv_axis_few_groups(float *out, const float *from, const fv_axis_kernel *k, int64_t begin, int64_t end);

/* Elements [repeat_begin, repeat_end) of single floats. */
void fv_axis_repeating(float *out, const float *from, const fv_axis_kernel *k);

#endif
