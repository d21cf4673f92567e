/* Element-wise expressions: several element-wise nodes as one. Folding makes them, so that what lies between
 * is never written to memory; the backward pass computes it again from the sources. */
#ifndef FV_GRAPH_EXPRESSION_H
#define FV_GRAPH_EXPRESSION_H

#include "graph/op.h"

typedef enum fv_function {
    FV_FN_SOURCE,   /* channels first, first + 1, ... of source a */
    FV_FN_CONSTANT, /* alpha */
    FV_FN_ADD,
    FV_FN_SUB,
    FV_FN_MUL,
    FV_FN_NEG,
    FV_FN_LEAKY,        /* x > 0 ? x : alpha x */
    FV_FN_CLIP,         /* between alpha and beta */
    FV_FN_HARD_SIGMOID, /* alpha x + beta between 0 and 1 */
    FV_FN_SIGMOID,
    FV_FN_TANH,
    FV_FN_COUNT
} fv_function;

/* One value of the expression; a and b are positions of earlier ones. */
typedef struct fv_expression_step {
    fv_function function;
    int a, b;
    float alpha, beta;
    int64_t first;
} fv_expression_step;

enum { FV_EXPRESSION_STEPS = 24, FV_EXPRESSION_SOURCES = 5 };

/* Attributes of the op `expression`. The last step is the result; all have its shape. Steps of one source
 * have the same channels or none in common. */
typedef struct fv_expression {
    fv_shape shape;
    int count;
    fv_expression_step step[FV_EXPRESSION_STEPS];
} fv_expression;

#endif
