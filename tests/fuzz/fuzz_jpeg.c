/* Any bytes are a JPEG or a clean error; the EXIF reader also gets bytes that libjpeg-turbo would refuse. */
#include "io/exif.h"
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_tensor *image;
    fv_image_info info;
    fv_image_options options = {.max_pixels = 1 << 16};
    int orientation = fv_exif_orientation(bytes, size);
    if (orientation < 1 || orientation > 8) __builtin_trap();
    if (fv_jpeg_decode(&image, &info, bytes, size, &options, &err) != FV_OK) return 0;
    if (image->shape.dim[1] != info.height || image->shape.dim[2] != info.width) __builtin_trap();
    fv_tensor_release(image);
    return 0;
}
