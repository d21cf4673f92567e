/* What the readers of BMP and PNM share: pictures of Leptonica to tensors. */
#ifndef FV_IO_LEPTONICA_H
#define FV_IO_LEPTONICA_H

#include "io/image.h"

struct Pix;

/* Keeps Leptonica from printing. */
void fv_leptonica_quiet(void);

/* Tensor of a picture: 1, 2, 4, 8, 16 (grey), 32 (RGB) bits, palettes as RGB or grey. Fills channels,
 * has_alpha, palette, white, width and height of info. Takes over *pix. */
fv_status fv_leptonica_tensor(fv_tensor **out, fv_image_info *info, struct Pix *pix, fv_error *err);

#endif
