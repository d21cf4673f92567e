/* The kernels of element-wise expressions. */
#ifndef FV_OPS_EXPRESSION_RUN_H
#define FV_OPS_EXPRESSION_RUN_H

#include "graph/expression.h"

enum { FV_EXPRESSION_GAPS = FV_EXPRESSION_STEPS + 1 };

/* A run of elements that a row of a gradient has and nobody writes. */
typedef struct fv_expression_gap {
    int64_t at, size;
} fv_expression_gap;

/* Rows of dst are contiguous: the channels of a position, or all positions of an image. */
typedef struct fv_expression_call {
    fv_expression what;
    int64_t rows, row;
    int64_t stride[FV_EXPRESSION_STEPS], offset[FV_EXPRESSION_STEPS]; /* of a row of what a step reads */
    int sources;
    /* backward: where the gradient of a source is among the values (-1: unwanted), the stride of its rows and
     * their gaps; which steps lead to a wanted source */
    int to[FV_EXPRESSION_SOURCES], gap_count[FV_EXPRESSION_SOURCES];
    int64_t to_stride[FV_EXPRESSION_SOURCES];
    fv_expression_gap gap[FV_EXPRESSION_SOURCES][FV_EXPRESSION_GAPS];
    int is_active[FV_EXPRESSION_STEPS];
} fv_expression_call;

/* data: sources -> dst. */
void fv_expression_forward(const void *context, float *const *data);

/* data: sources, gradient of dst -> gradients of wanted sources. */
void fv_expression_backward(const void *context, float *const *data);

#endif
