/* Updates of parameters in place, one tensor at a time. Elements are independent, so the result does not
 * depend on the number of threads. Tensors of one call have one shape (else FV_STATUS_SHAPE). What changes
 * with the step (bias corrections, schedules) is worked out by the caller. */
#ifndef FV_TENSOR_OPTIMISE_H
#define FV_TENSOR_OPTIMISE_H

#include "tensor/tensor.h"

/* Stochastic gradient descent: g = scale gradient + decay w; m = momentum m + g; w -= rate (nesterov ? g +
 * momentum m : m). */
typedef struct fv_sgd_step {
    double rate, momentum, decay, scale;
    int nesterov;
} fv_sgd_step;

/* buffer (m) may be NULL when the momentum is 0. */
fv_status fv_optimise_sgd(fv_tensor *weights, const fv_tensor *gradient, fv_tensor *buffer,
                          const fv_sgd_step *step, fv_error *err);

/* The family of Adam: g = scale gradient + decay w; m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2)
 * g^2; w = keep w - (rate_m m + rate_g g) / (root sqrt(v) + epsilon). */
typedef struct fv_adam_step {
    double beta1, beta2, epsilon;
    double scale, decay, keep;
    double rate_m, rate_g, root;
} fv_adam_step;

fv_status fv_optimise_adam(fv_tensor *weights, const fv_tensor *gradient, fv_tensor *mean, fv_tensor *square,
                           const fv_adam_step *step, fv_error *err);

/* Sum of the squares of all elements, in double. */
double fv_square_sum(const fv_tensor *tensor);

#endif
