/* Any bytes are a PNG or a clean error; a picture that was read survives being written and read again. */
#include "io/image.h"

#include <string.h>

static void round_trip(const fv_tensor *image, const fv_image_info *info)
{
    fv_error err;
    fv_image_info again_info;
    fv_png_options options = {.bit_depth = info->white > 255 ? 16 : 8};
    uint8_t *bytes;
    size_t size;
    fv_tensor *again;
    if (fv_png_encode(&bytes, &size, image, &options, &err) != FV_OK) __builtin_trap();
    if (fv_image_decode(&again, &again_info, bytes, size, NULL, &err) != FV_OK) __builtin_trap();
    if (!fv_shape_equal(&again->shape, &image->shape)) __builtin_trap();
    if (memcmp(again->data, image->data, image->count * sizeof(float)) != 0) __builtin_trap();
    fv_tensor_release(again);
    fv_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fv_error err;
    fv_tensor *image;
    fv_image_info info;
    fv_image_options options = {.max_pixels = 1 << 18};
    if (fv_image_decode(&image, &info, bytes, size, &options, &err) != FV_OK) return 0;
    round_trip(image, &info);
    fv_tensor_release(image);
    return 0;
}
