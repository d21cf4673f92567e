/* What reading and writing PNG share: libpng with the project's allocator and with errors that come back as
 * fv_status. libpng leaves by longjmp; fv_png_guarded is the only function that calls setjmp, and it owns
 * nothing: all state lives in the session. */
#ifndef FV_IO_PNG_SESSION_H
#define FV_IO_PNG_SESSION_H

#include "base/status.h"
#include <png.h>
#include <stdint.h>

typedef struct fv_png_session {
    png_structp png;
    png_infop info;
    int no_memory;    /* an allocation failed */
    int short_input;  /* the reader asked for more bytes than there are */
    char reason[128]; /* libpng's words */

    uint8_t *data; /* reading: the file (borrowed); writing: what is written so far (owned) */
    size_t size, at, room;
} fv_png_session;

/* writing: whether png_create_write_struct is meant. The session is zeroed but for data and size. */
fv_status fv_png_session_open(fv_png_session *s, int writing, fv_error *err);
void fv_png_session_close(fv_png_session *s, int writing);

/* Calls step(context), during which libpng may give up. */
fv_status fv_png_guarded(fv_png_session *s, void (*step)(void *context), void *context, fv_error *err);

#endif
