/* Losses of segmentation over logits: the value and the gradient with respect to the logits in one call.
 *
 * Logits and targets are N K spatial... of one shape. Targets lie between 0 and 1 (soft ones count in part).
 * Probabilities are sigmoid(z) of each channel for itself, or the softmax over the channels. All sums are in
 * double, in an order that does not depend on the number of threads. */
#ifndef FV_TENSOR_LOSS_H
#define FV_TENSOR_LOSS_H

#include "tensor/tensor.h"

/* Cross-entropy, and with gamma > 0 the focal loss (Lin et al. 2017, arXiv 1708.02002).
 *
 * Sigmoid: mean over all elements of w_k [positive t (1-p)^gamma (-log p) + negative (1-t) p^gamma
 * (-log(1-p))]. Softmax: sum over positions and classes of w_k t_k (1-p_k)^gamma (-log p_k), divided by the
 * sum of w_k t_k (so it is a mean weighted by class; 0 when that sum is 0). */
typedef struct fv_cross_entropy {
    int softmax;
    double gamma;              /* at least 0 */
    double positive, negative; /* weights of targets 1 and 0, of the sigmoid only */
    const double *weight;      /* w of each channel; NULL: 1 */
} fv_cross_entropy;

/* FV_STATUS_SHAPE when the shapes differ, FV_STATUS_ARGUMENT for gamma < 0 or a softmax over one channel. */
fv_status fv_loss_cross_entropy(double *value, fv_tensor **gradient, const fv_tensor *logits,
                                const fv_tensor *target, const fv_cross_entropy *spec, fv_error *err);

/* Tversky loss (Salehi et al. 2017, arXiv 1706.05721): 1 - (TP + smooth) / (TP + alpha FP + beta FN +
 * smooth), with TP = sum p t, FP = sum p (1-t), FN = sum (1-p) t over the batch, or over each image; the mean
 * over channels (weighted by w_k) and, per image, over images. A set with an empty denominator has loss 0.
 * Dice's loss 1 - (2 TP + e) / (sum p + sum t + e) is alpha = beta = 1/2 with smooth = e / 2. */
typedef struct fv_overlap {
    int softmax, per_image;
    double alpha, beta, smooth; /* at least 0 */
    const double *weight;       /* w of each channel; NULL: 1 */
} fv_overlap;

fv_status fv_loss_overlap(double *value, fv_tensor **gradient, const fv_tensor *logits,
                          const fv_tensor *target, const fv_overlap *spec, fv_error *err);

#endif
