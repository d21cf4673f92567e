/* What readers of several formats share: orientation and palettes. */
#include "io/image.h"

/* Where an oriented picture finds its pixels: start + y * down + x * right, in pixels of the stored one. */
typedef struct walk {
    int64_t start, down, right;
} walk;

static walk walk_of(int orientation, int64_t height, int64_t width)
{
    int64_t last_row = (height - 1) * width, last = width - 1;
    switch (orientation) {
    case 2:
        return (walk){last, width, -1}; /* mirrored */
    case 3:
        return (walk){last_row + last, -width, -1}; /* upside down */
    case 4:
        return (walk){last_row, -width, 1};
    case 5:
        return (walk){0, 1, width}; /* transposed */
    case 6:
        return (walk){last_row, 1, -width}; /* turn clockwise */
    case 7:
        return (walk){last_row + last, -1, -width};
    case 8:
        return (walk){last, -1, width}; /* turn anticlockwise */
    default:
        return (walk){0, width, 1};
    }
}

fv_status fv_image_orient(fv_tensor **image, fv_image_info *info, int orientation, fv_error *err)
{
    if (orientation <= 1) return FV_OK;
    walk from = walk_of(orientation, info->height, info->width);
    int64_t plane = info->height * info->width;
    if (orientation >= 5) {
        int64_t width = info->width;
        info->width = info->height;
        info->height = width;
    }
    fv_tensor *turned = NULL;
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    fv_status status = fv_tensor_new(&turned, &shape, err);
    if (status == FV_OK) {
        float *to = turned->data;
        for (int c = 0; c < info->channels; c++)
            for (int64_t y = 0; y < info->height; y++)
                for (int64_t x = 0; x < info->width; x++)
                    *to++ = (*image)->data[c * plane + from.start + y * from.down + x * from.right];
    }
    fv_tensor_release(*image);
    *image = turned;
    return status;
}

static int all_grey(const uint8_t (*colours)[3], int count)
{
    for (int i = 0; i < count; i++)
        if (colours[i][0] != colours[i][1] || colours[i][1] != colours[i][2]) return 0;
    return 1;
}

fv_status fv_image_colour(fv_tensor **image, fv_image_info *info, const uint8_t *indices,
                          const uint8_t (*colours)[3], int count, int transparent, fv_error *err)
{
    int colour_channels = all_grey(colours, count) ? 1 : 3;
    int64_t plane = info->height * info->width;
    info->palette = 1;
    info->white = 255;
    info->has_alpha = transparent >= 0;
    info->channels = colour_channels + info->has_alpha;
    fv_shape shape = {.rank = 3, .dim = {info->channels, info->height, info->width}};
    FV_TRY(fv_tensor_new(image, &shape, err));
    for (int64_t i = 0; i < plane; i++) {
        float *to = (*image)->data + i;
        int index = indices[i] < count ? indices[i] : -1;
        for (int c = 0; c < colour_channels; c++, to += plane) *to = index < 0 ? 0 : colours[index][c];
        if (info->has_alpha) *to = index == transparent ? 0 : 255;
    }
    return FV_OK;
}
