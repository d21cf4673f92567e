/* The functions of element-wise expressions, over spans of memory. */
#ifndef FV_OPS_EXPRESSION_MATH_H
#define FV_OPS_EXPRESSION_MATH_H

#include "graph/expression.h"

/* y = f(a, b), n elements; y may be a or b. */
typedef void (*fv_span)(float *y, const float *a, const float *b, float alpha, float beta, int64_t n);

/* Adds g times the derivatives to ga and gb, which may be NULL. */
typedef void (*fv_span_slope)(float *ga, float *gb, const float *g, const float *a, const float *b,
                              const float *y, const fv_expression_step *step, int64_t n);

fv_span fv_expression_span(fv_function function);
fv_span_slope fv_expression_slope(fv_function function);

#endif
