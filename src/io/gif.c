/* GIF in, through giflib: the first frame. */
#include "base/alloc.h"
#include "io/image.h"
#include <gif_lib.h>
#include <string.h>

/* A code of LZW has 12 bits at most and stands for 4096 pixels at most. */
enum { MOST_PIXELS_PER_BYTE = 4096, COLOURS = 256 };

typedef struct reader {
    const uint8_t *data;
    size_t size, at;
    GifFileType *gif;
    int transparent; /* colour index, -1: none */
    uint8_t *screen; /* indices, row by row */
} reader;

int fv_gif_detect(const uint8_t *data, size_t size)
{
    return size >= 6 && (memcmp(data, "GIF87a", 6) == 0 || memcmp(data, "GIF89a", 6) == 0);
}

static int take_bytes(GifFileType *gif, GifByteType *out, int count)
{
    reader *r = gif->UserData;
    size_t left = r->size - r->at, n = (size_t)count < left ? (size_t)count : left;
    memcpy(out, r->data + r->at, n);
    r->at += n;
    return (int)n;
}

static fv_status failure(const reader *r, int code, fv_error *err)
{
    const char *reason = GifErrorString(code);
    if (r->at >= r->size)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated GIF (the file ends after %zu bytes)", r->size);
    return fv_fail(err, FV_STATUS_FORMAT, "damaged GIF (%s)", reason ? reason : "no reason given");
}

static fv_status check_header(const reader *r, const fv_image_options *options, fv_error *err)
{
    int64_t width = r->gif->SWidth, height = r->gif->SHeight;
    FV_TRY(fv_image_check_size(width, height, options, err));
    if (width * height / MOST_PIXELS_PER_BYTE > (int64_t)r->size)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated GIF (%zu bytes cannot hold %lldx%lld pixels)",
                       r->size, (long long)width, (long long)height);
    return FV_OK;
}

/* The transparent colour of the next frame, where an extension gives one. */
static int read_extension(reader *r)
{
    int code;
    GifByteType *block;
    GraphicsControlBlock control;
    if (DGifGetExtension(r->gif, &code, &block) == GIF_ERROR) return GIF_ERROR;
    if (block && code == GRAPHICS_EXT_FUNC_CODE &&
        DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
        r->transparent = control.TransparentColor;
    while (block)
        if (DGifGetExtensionNext(r->gif, &block) == GIF_ERROR) return GIF_ERROR;
    return GIF_OK;
}

/* Goes on to the first frame. */
static fv_status find_frame(reader *r, fv_error *err)
{
    GifRecordType type;
    do {
        if (DGifGetRecordType(r->gif, &type) == GIF_ERROR) return failure(r, r->gif->Error, err);
        if (type == TERMINATE_RECORD_TYPE)
            return fv_fail(err, FV_STATUS_FORMAT, "damaged GIF (no frame in it)");
        if (type == EXTENSION_RECORD_TYPE && read_extension(r) == GIF_ERROR)
            return failure(r, r->gif->Error, err);
    } while (type != IMAGE_DESC_RECORD_TYPE);
    if (DGifGetImageDesc(r->gif) == GIF_ERROR) return failure(r, r->gif->Error, err);
    const GifImageDesc *frame = &r->gif->Image;
    if (frame->Left < 0 || frame->Top < 0 || frame->Width <= 0 || frame->Height <= 0 ||
        frame->Left + frame->Width > r->gif->SWidth || frame->Top + frame->Height > r->gif->SHeight)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged GIF (a frame beyond the picture)");
    return FV_OK;
}

static fv_status read_line(reader *r, int row, fv_error *err)
{
    const GifImageDesc *frame = &r->gif->Image;
    uint8_t *to = r->screen + (int64_t)(frame->Top + row) * r->gif->SWidth + frame->Left;
    if (DGifGetLine(r->gif, to, frame->Width) == GIF_ERROR) return failure(r, r->gif->Error, err);
    return FV_OK;
}

static fv_status read_frame(reader *r, fv_error *err)
{
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const GifImageDesc *frame = &r->gif->Image;
    memset(r->screen, r->transparent >= 0 ? r->transparent : r->gif->SBackGroundColor,
           (size_t)r->gif->SWidth * (size_t)r->gif->SHeight);
    for (int pass = 0; pass < (frame->Interlace ? 4 : 1); pass++)
        for (int y = frame->Interlace ? first[pass] : 0; y < frame->Height;
             y += frame->Interlace ? step[pass] : 1)
            FV_TRY(read_line(r, y, err));
    return FV_OK;
}

static fv_status make_picture(fv_tensor **out, fv_image_info *info, const reader *r, fv_error *err)
{
    uint8_t colours[COLOURS][3] = {{0}};
    const ColorMapObject *map = r->gif->Image.ColorMap ? r->gif->Image.ColorMap : r->gif->SColorMap;
    if (!map) return fv_fail(err, FV_STATUS_FORMAT, "damaged GIF (no palette)");
    int count = map->ColorCount < COLOURS ? map->ColorCount : COLOURS;
    for (int i = 0; i < count; i++) {
        const GifColorType *colour = &map->Colors[i];
        colours[i][0] = colour->Red;
        colours[i][1] = colour->Green;
        colours[i][2] = colour->Blue;
    }
    *info = (fv_image_info){.format = FV_IMAGE_GIF,
                            .width = r->gif->SWidth,
                            .height = r->gif->SHeight,
                            .bit_depth = map->BitsPerPixel,
                            .orientation = 1};
    return fv_image_colour(out, info, r->screen, (const uint8_t(*)[3])colours, count, r->transparent, err);
}

fv_status fv_gif_decode(fv_tensor **out, fv_image_info *info, const uint8_t *data, size_t size,
                        const fv_image_options *options, fv_error *err)
{
    int code = 0;
    fv_status status;
    reader r = {.data = data, .size = size, .transparent = -1};
    *out = NULL;
    r.gif = DGifOpen(&r, take_bytes, &code);
    if (!r.gif) return failure(&r, code, err);
    FV_TRY_GOTO(check_header(&r, options, err));
    FV_TRY_GOTO(find_frame(&r, err));
    FV_TRY_GOTO(fv_calloc(&r.screen, (size_t)r.gif->SWidth, (size_t)r.gif->SHeight, err));
    FV_TRY_GOTO(read_frame(&r, err));
    status = make_picture(out, info, &r, err);
done:
    fv_free(r.screen);
    DGifCloseFile(r.gif, &code);
    return status;
}
