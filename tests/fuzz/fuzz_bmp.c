/* Any bytes are a BMP or a clean error. */
#include "io/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_tensor *image;
    fv_image_info info;
    fv_image_options options = {.max_pixels = 1 << 16};
    if (!fv_bmp_detect(bytes, size)) return 0;
    if (fv_bmp_decode(&image, &info, bytes, size, &options, &err) != FV_OK) return 0;
    if (image->shape.dim[0] != info.channels || image->shape.dim[1] != info.height) __builtin_trap();
    if (image->shape.dim[2] != info.width || info.white < 1) __builtin_trap();
    fv_tensor_release(image);
    return 0;
}
