/* Element-wise maths and comparisons. Every result is a new tensor; operands broadcast by NumPy's rule
 * (fv_shape_broadcast). NaN is carried through, also by min, max, relu and clamp; comparisons with NaN are
 * false (ne: true). Truth values are 1 and 0; every element that is not 0 counts as true. */
#ifndef FV_TENSOR_MATH_H
#define FV_TENSOR_MATH_H

#include "tensor/tensor.h"

typedef enum fv_unary {
    FV_UNARY_NEG,
    FV_UNARY_ABS,
    FV_UNARY_RELU,
    FV_UNARY_EXP,
    FV_UNARY_LOG,
    FV_UNARY_SQRT,
    FV_UNARY_SIGMOID,
    FV_UNARY_TANH,
    FV_UNARY_SIGN, /* -1, 0 or 1 */
    FV_UNARY_FLOOR,
    FV_UNARY_NOT, /* 1 where the element is 0 */
    FV_UNARY_COUNT
} fv_unary;

typedef enum fv_binary {
    FV_BINARY_ADD,
    FV_BINARY_SUB,
    FV_BINARY_MUL,
    FV_BINARY_DIV,
    FV_BINARY_POW,
    FV_BINARY_MIN,
    FV_BINARY_MAX,
    FV_BINARY_GT,
    FV_BINARY_GE,
    FV_BINARY_LT,
    FV_BINARY_LE,
    FV_BINARY_EQ,
    FV_BINARY_NE,
    FV_BINARY_AND,
    FV_BINARY_OR,
    FV_BINARY_XOR,
    FV_BINARY_COUNT
} fv_binary;

/* Lower-case names ("abs", "add", "gt"), used in error texts. */
const char *fv_unary_name(fv_unary op);
const char *fv_binary_name(fv_binary op);

/* A rank-0 operand on the caller's stack: `fv_tensor two = fv_tensor_scalar(&value);`. It owns nothing, lives
 * as long as *value, and must be neither retained nor released. */
fv_tensor fv_tensor_scalar(float *value);

fv_status fv_tensor_unary(fv_tensor **out, fv_unary op, const fv_tensor *a, fv_error *err);

/* FV_STATUS_SHAPE, with both shapes in the text, when the operands do not broadcast. */
fv_status fv_tensor_binary(fv_tensor **out, fv_binary op, const fv_tensor *a, const fv_tensor *b,
                           fv_error *err);

/* a where condition is not 0, b elsewhere. All three broadcast. */
fv_status fv_tensor_where(fv_tensor **out, const fv_tensor *condition, const fv_tensor *a, const fv_tensor *b,
                          fv_error *err);

/* Elements limited to [low, high]; FV_STATUS_ARGUMENT unless low <= high. */
fv_status fv_tensor_clamp(fv_tensor **out, const fv_tensor *a, float low, float high, fv_error *err);

#endif
