/* The one thing the project wants from EXIF: how the camera was held. */
#ifndef FV_IO_EXIF_H
#define FV_IO_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* Orientation tag (1 to 8) in the first EXIF block of a JPEG file; 1 when there is none or it makes no sense.
 * Never reads outside the size bytes. Exif 2.32 (CIPA DC-008), tag 0x0112 of the first directory. */
int fv_exif_orientation(const uint8_t *jpeg, size_t size);

#endif
