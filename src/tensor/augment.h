/* Batches for training: samples cut out of images and masks, with random changes of geometry and intensity.
 * Geometry is one resampling, linear for the image and nearest for the mask at the same positions. Every
 * sample is a function of its own record, whatever the number of threads. */
#ifndef FV_TENSOR_AUGMENT_H
#define FV_TENSOR_AUGMENT_H

#include "tensor/tensor.h"

enum { FV_AUGMENT_CHANNELS = 4 };

typedef struct fv_augment {
    const fv_tensor *image; /* C x H x W */
    const fv_tensor *mask;  /* H x W, classes from 0; or NULL */

    /* Pixel (y, x) of the sample, from 0, lies at [0] y + [1] x + [2] and [3] y + [4] x + [5] of the image,
     * where whole numbers are pixel centres. Outside, the image goes on mirrored at the border pixel (not
     * repeated). */
    double place[6];
    double elastic, spacing; /* fv_elastic in pixels of the sample, added before `place`; 0: none */

    /* Intensity: u = gain[c] value + offset[c] is 0 for black and 1 for white. In this order, what is not
     * neutral: blur, u = (u - mean) contrast + mean + brightness, u clamped to 0..1, u^gamma, u + noise,
     * clamped again. The mean is that of all pixels and channels of the sample. */
    double gain[FV_AUGMENT_CHANNELS], offset[FV_AUGMENT_CHANNELS];
    double blur;                        /* standard deviation in pixels of the sample; 0: none */
    double contrast, brightness, gamma; /* neutral: 1, 0, 1 */
    double noise;                       /* standard deviation of u; 0: none */
    uint64_t seed;                      /* of the field and of the noise */
} fv_augment;

/* input N x C x height x width and target N x 1 x height x width of n samples, or N x classes x height x
 * width (one-hot) for more than two classes; *target is NULL when the samples have no masks. Work is shared
 * among threads by samples. FV_STATUS_SHAPE for images that differ in channels or do not fit their masks. */
fv_status fv_augment_batch(fv_tensor **input, fv_tensor **target, const fv_augment samples[], int64_t n,
                           int64_t height, int64_t width, int classes, fv_error *err);

/* Pixel number (size_t)(share * count) of the `count` pixels that are not 0, in row order, as y * width + x;
 * -1 when there is none. share in [0, 1). */
int64_t fv_augment_pick(const fv_tensor *mask, double share);

#endif
