/* How well scores tell the members of a mask from the rest, over all thresholds. */
#ifndef FV_TENSOR_DETECT_H
#define FV_TENSOR_DETECT_H

#include "tensor/tensor.h"

typedef struct fv_detection {
    size_t positives, negatives; /* elements inside and outside of the mask */
    double roc;       /* area under the ROC curve, ties one half (Mann and Whitney); definitions L6 */
    double precision; /* average precision: sum of recall steps times precision; definitions L7 */
} fv_detection;

/* Both areas of the elements of `scores` as detectors of the elements of `mask` that are not 0. Elements
 * where `within` (may be NULL) is 0 are left out. Equal scores are one threshold, so that the order of the
 * elements does not matter. roc is NaN without positives or without negatives, precision without positives,
 * both when a score is NaN. FV_STATUS_SHAPE when the tensors differ in the number of elements. */
fv_status fv_tensor_detection(fv_detection *out, const fv_tensor *scores, const fv_tensor *mask,
                              const fv_tensor *within, fv_error *err);

#endif
