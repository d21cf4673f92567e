#include "io/png_session.h"

#include "base/alloc.h"
#include <setjmp.h>
#include <stdio.h>

static png_voidp take(png_structp png, png_alloc_size_t size)
{
    fv_png_session *s = png_get_mem_ptr(png);
    void *block;
    if (fv_calloc(&block, size, 1, NULL) != FV_OK) s->no_memory = 1;
    return block;
}

static void give_back(png_structp png, png_voidp block)
{
    (void)png;
    fv_free(block);
}

static PNG_NORETURN void on_error(png_structp png, png_const_charp message)
{
    fv_png_session *s = png_get_error_ptr(png);
    snprintf(s->reason, sizeof s->reason, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

fv_status fv_png_session_open(fv_png_session *s, int writing, fv_error *err)
{
    const char *version = PNG_LIBPNG_VER_STRING;
    s->png = writing ? png_create_write_struct_2(version, s, on_error, on_warning, s, take, give_back)
                     : png_create_read_struct_2(version, s, on_error, on_warning, s, take, give_back);
    if (s->png) s->info = png_create_info_struct(s->png);
    if (s->info) return FV_OK;
    return fv_fail(err, FV_STATUS_MEMORY, "not enough memory to start libpng");
}

void fv_png_session_close(fv_png_session *s, int writing)
{
    if (writing)
        png_destroy_write_struct(&s->png, &s->info);
    else
        png_destroy_read_struct(&s->png, &s->info, NULL);
}

static fv_status failure(const fv_png_session *s, fv_error *err)
{
    if (s->no_memory) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for a PNG");
    if (s->short_input)
        return fv_fail(err, FV_STATUS_FORMAT, "truncated PNG (the file ends after %zu bytes)", s->size);
    return fv_fail(err, FV_STATUS_FORMAT, "damaged PNG (%s)", s->reason);
}

fv_status fv_png_guarded(fv_png_session *s, void (*step)(void *context), void *context, fv_error *err)
{
    if (setjmp(png_jmpbuf(s->png))) return failure(s, err);
    step(context);
    return FV_OK;
}
