/* Gaussian blur of planes. */
#ifndef FV_TENSOR_BLUR_H
#define FV_TENSOR_BLUR_H

#include "base/status.h"
#include <stdint.h>

/* Convolves `planes` planes of height x width in place with a Gaussian of `sigma` pixels, cut at 3 sigma
 * (rounded up) and normalised to a sum of 1; planes go on mirrored at the border pixel. sigma must be
 * positive; above 1000 it is refused. For one thread: the caller shares out the work. */
fv_status fv_blur(float *data, int64_t planes, int64_t height, int64_t width, double sigma, fv_error *err);

#endif
