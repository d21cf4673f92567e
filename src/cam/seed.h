/* The masked-sum score S = sum over M of w_i v_i (definitions 8.2, T0 and T12) and its seed dS/dz, the
 * gradient with which the backward pass starts. */
#ifndef FV_CAM_SEED_H
#define FV_CAM_SEED_H

#include "tensor/tensor.h"

/* What is summed, as a function of the tensor z the seed belongs to. */
typedef enum fv_score_kind {
    FV_SCORE_LOGIT,   /* v = z itself (also right for a probability tensor that has no logits) */
    FV_SCORE_SIGMOID, /* v = sigmoid(z); seed w s(z) s(-z) */
    FV_SCORE_SOFTMAX, /* v = softmax(z) over the class axis; seed w y_c (delta_cj - y_j), reaches all classes
                       */
    FV_SCORE_CONTRAST /* v = z_c - log sum over the other classes of exp z_j (T11); needs two classes or more
                       */
} fv_score_kind;

typedef struct fv_target {
    fv_score_kind kind;
    int class_axis;      /* from 0; 1 for N x K x H x W. Axis 0 is the batch */
    int64_t class_index; /* from 0 */
    int mean;            /* divide by the number of non-zero weights of the batch item */
} fv_target;

/* Of one batch item. saturated: part of the mask where y (1 - y) < 1e-3 (0 for FV_SCORE_LOGIT, or an empty
 * mask). */
typedef struct fv_score {
    double value;
    size_t count; /* non-zero weights */
    double saturated;
} fv_score;

/* weights: 0/1 mask, soft or signed weights, one per position (the elements of logits without the class axis)
 * in any shape. scores holds logits->shape.dim[0] entries. An empty mask scores 0 (never divided by its
 * count). Errors: FV_STATUS_SHAPE, FV_STATUS_ARGUMENT for a class that does not exist. */
fv_status fv_cam_score(fv_score *scores, const fv_tensor *logits, const fv_tensor *weights,
                       const fv_target *target, fv_error *err);

/* dS/dz for the sum of the scores of all batch items: shape of logits. An empty mask gives zeros. */
fv_status fv_cam_seed(fv_tensor **seed, const fv_tensor *logits, const fv_tensor *weights,
                      const fv_target *target, fv_error *err);

#endif
