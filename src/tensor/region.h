/* Measures over regions of a map: per label, and in a window around each voxel. */
#ifndef FV_TENSOR_REGION_H
#define FV_TENSOR_REGION_H

#include "tensor/tensor.h"

/* Largest value of each of the labels 1..n of a label tensor, in max[0..n-1]; -infinity for a label without
 * voxels. FV_STATUS_SHAPE when the element counts differ. */
fv_status fv_label_max(float max[], size_t n, const fv_tensor *labels, const fv_tensor *values,
                       fv_error *err);

/* Mask of the voxels whose label is kept: keep[i] for label i + 1 of 1..n; other labels are not. */
fv_status fv_label_keep(fv_tensor **out, const fv_tensor *labels, const unsigned char keep[], size_t n,
                        fv_error *err);

/* Mean over the window of `size` (odd) voxels along each of the last `axes` axes, around every voxel; at the
 * edge over the voxels that are there. Sums in double. */
fv_status fv_tensor_local_mean(fv_tensor **out, const fv_tensor *src, int axes, int64_t size, fv_error *err);

#endif
