/* Winograd convolutions on random data, and the plain sum in double precision that they are compared with. */
#ifndef FV_TESTS_WINOGRAD_PROBLEM_H
#define FV_TESTS_WINOGRAD_PROBLEM_H

#include "ops/winograd_kernels.h"
#include <stddef.h>

typedef struct winograd_problem {
    fv_winograd what;
    fv_winograd_data data;
    float *buffer; /* all but results and scratch */
    float *results;
    size_t buffer_count, result_count;
} winograd_problem;

/* How many numbers a source, or a result, has. */
size_t winograd_sources_of(const fv_winograd *w, const fv_winograd_part *part);

/* Random data for everything; addend, bias and gate where wanted. To be closed. */
void open_winograd(winograd_problem *p, const fv_winograd *what, int with_addend, int with_gate);

void close_winograd(winograd_problem *p);

/* Runs it by a set of kernels (fv_winograd_kernels_at); results and scratch are NaN before. */
void run_winograd_with(winograd_problem *p, int threads, int kernels, int skips_blank);

void run_winograd(winograd_problem *p, int threads, int kernels);

/* All instruction sets, several numbers of threads: small errors, and the same bits for any number. */
void check_winograd(const fv_winograd *what, int with_addend, int with_gate);

/* Problems of pictures, padded by 1; sizes are those of the forward pass's source. */
fv_winograd winograd_forward(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out);

fv_winograd winograd_backward(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out);

/* Of results of this size: see halves in ops/winograd.h. */
fv_winograd winograd_halving(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out);

#endif
