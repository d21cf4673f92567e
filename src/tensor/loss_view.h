/* What the loss files share: logits and target as images x channels x positions, cut into chunks that threads
 * work on, each of which leaves its sums in a place of its own. */
#ifndef FV_TENSOR_LOSS_VIEW_H
#define FV_TENSOR_LOSS_VIEW_H

#include "tensor/tensor.h"

enum { FV_LOSS_CHUNK = 1 << 12 };

typedef struct fv_loss_view {
    int64_t images, channels, positions, chunks; /* chunks of positions per image */
    const float *logits, *target;
    float *gradient;
    int softmax;
    const double *weight; /* may be NULL */
    const void *spec;
    double *sums; /* `width` numbers per chunk of each image */
    int64_t width;
} fv_loss_view;

/* Part of an image: all channels of some positions. Offsets are those of channel 0. */
typedef struct fv_loss_part {
    int64_t image, first, count; /* first: offset of its first element */
    double *sums;                /* of this part, zeroed */
} fv_loss_part;

typedef void (*fv_loss_kernel)(const fv_loss_view *view, const fv_loss_part *part);

/* Checks the shapes, makes the gradient tensor (*gradient) and `width` sums per chunk. Closed with
 * fv_loss_close, also after a failure. */
fv_status fv_loss_open(fv_loss_view *view, fv_tensor **gradient, const fv_tensor *logits,
                       const fv_tensor *target, int64_t width, fv_error *err);
void fv_loss_close(fv_loss_view *view);

/* Runs a kernel over all parts, on all threads. */
void fv_loss_run(const fv_loss_view *view, fv_loss_kernel kernel);

/* Sums of one part. */
double *fv_loss_sums(const fv_loss_view *view, int64_t image, int64_t chunk);

static inline double fv_loss_weight(const fv_loss_view *view, int64_t channel)
{
    return view->weight ? view->weight[channel] : 1.0;
}

/* log of the sum of exp(z) over the channels, at element `at` of channel 0. */
double fv_loss_log_sum(const fv_loss_view *view, int64_t at);

/* A logit's probability and what goes with it, without loss of digits at either end. */
typedef struct fv_loss_sigmoid {
    double p, q;         /* q = 1 - p */
    double log_p, log_q; /* their logarithms */
} fv_loss_sigmoid;

fv_loss_sigmoid fv_loss_sigmoid_of(double z);

#endif
