/* The kernel under axis_map.h: its context, which holds the tables of taps, and its run function. */
#ifndef FV_OPS_AXIS_KERNEL_H
#define FV_OPS_AXIS_KERNEL_H

#include "graph/emit.h"

enum {
    FV_UNIFORM_TAPS = 4,    /* up to so many taps, all elements are computed with the same number of them */
    FV_ROW_PIECE = 1 << 14, /* a row that is only copied or summed up is cut into pieces of this length */
    FV_DOUBLE_TERMS = 16    /* more terms than these are summed in double */
};

/* Compiled for several instruction sets, chosen when the program is loaded; none of them contracts to FMA, so
 * all give the same bits. */
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
    int identity;                         /* no tables */
    int uniform;                          /* every element has a tap, none more than FV_UNIFORM_TAPS */
    int64_t run_begin, run_end, run_from; /* targets that are copies of elements from run_from on */
    size_t count, index, weight;
} fv_kernel_axis;

/* A row is the last axis times `inner` floats that move together. */
typedef struct fv_axis_kernel {
    int rank;
    int64_t inner, rows, pieces;
    int64_t terms;      /* most products of taps that meet in one sum */
    int64_t row_floats; /* of the sum over the outer axes */
    float fill;
    int threads; /* of the scratch memory */
    fv_kernel_axis axis[FV_MAX_RANK];
    fv_word words[];
} fv_axis_kernel;

/* Decides the number of threads; floats of scratch memory that the kernel wants as its third value. */
int64_t fv_axis_kernel_scratch(fv_axis_kernel *k);

/* data: source, target, scratch. */
void fv_axis_kernel_run(const void *context, float *const *data);

#endif
