/* Random textures, H x W: functions of the place and the seed alone, so the same for any number of threads,
 * and the same pattern at another resolution when the cells grow with the grid. Bits come from base/random.h;
 * only plain arithmetic, so all machines agree. */
#ifndef FV_TENSOR_NOISE_H
#define FV_TENSOR_NOISE_H

#include "tensor/tensor.h"

typedef struct fv_noise {
    uint64_t seed;
    double cell_x, cell_y; /* size of a lattice cell of the first octave in pixels, along the turned axes */
    double cosine, sine;   /* of the angle that the lattice is turned by */
    int octaves;           /* each has half the cell of the one before, 1..12 */
    double gain;           /* and this part of its amplitude */
} fv_noise;

/* Fractal gradient noise (Perlin 1985, 2002): mean about 0, standard deviation about 1 whatever the octaves.
 */
fv_status fv_noise_fractal(fv_tensor **out, int64_t h, int64_t w, const fv_noise *noise, fv_error *err);

/* Cellular noise (Worley 1996), one random point per cell, 3 x H x W: distance to the nearest point and to
 * the second nearest, in cells, and a random number in 0..1 that belongs to the nearest. Octaves and gain are
 * not used. */
fv_status fv_noise_cells(fv_tensor **out, int64_t h, int64_t w, const fv_noise *noise, fv_error *err);

/* Independent noise of mean 0 and standard deviation 1 for every element: the sum of four uniform numbers,
 * close to normal, no value beyond 3.47. */
fv_status fv_noise_grain(fv_tensor **out, const fv_shape *shape, uint64_t seed, fv_error *err);

#endif
