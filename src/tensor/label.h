/* Masks as sets of voxels: connected components and distances. Both work on the last two axes (images) or the
 * last three (volumes); every axis before those must have size 1. */
#ifndef FV_TENSOR_LABEL_H
#define FV_TENSOR_LABEL_H

#include "tensor/tensor.h"

/* Number of spatial axes of a mask: 2 when all axes but the last two have size 1, otherwise 3. */
int fv_mask_axes(const fv_shape *shape);

/* Labels the connected components of the elements that are not 0. connectivity is 4 or 8 for images, 6, 18 or
 * 26 for volumes; 0 takes 8 or 26 after fv_mask_axes. *labels has the shape of mask: 0 outside, otherwise 1,
 * 2 and so on in the scan order of the first voxel (*n of them, at most 2^24). Two scans with union-find
 * (Rosenfeld and Pfaltz 1966). */
fv_status fv_tensor_components(fv_tensor **labels, size_t *n, const fv_tensor *mask, int connectivity,
                               fv_error *err);

/* Voxels of each of the n components of a label tensor. */
void fv_component_sizes(int64_t sizes[], size_t n, const fv_tensor *labels);

/* Euclidean distance from every voxel centre to the nearest voxel of the mask (elements that are not 0): 0
 * inside the mask, infinite when the mask is empty. spacing holds `axes` (2 or 3) voxel sizes > 0, in the
 * order of the axes; distances are in its unit. Exact but for rounding of the squares to float (none for
 * spacing 1 and distances below 4096). Felzenszwalb and Huttenlocher 2012. */
fv_status fv_tensor_distance(fv_tensor **out, const fv_tensor *mask, int axes, const double spacing[],
                             fv_error *err);

#endif
