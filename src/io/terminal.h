/* Pictures in a terminal, through libchafa: as graphics where the terminal can (kitty, iTerm2, sixel), as
 * coloured half blocks elsewhere. Without libchafa at build time every picture is FV_STATUS_UNSUPPORTED. */
#ifndef FV_IO_TERMINAL_H
#define FV_IO_TERMINAL_H

#include "tensor/tensor.h"

typedef enum fv_terminal_protocol {
    FV_TERMINAL_SYMBOLS, /* half blocks */
    FV_TERMINAL_SIXEL,
    FV_TERMINAL_KITTY,
    FV_TERMINAL_ITERM2
} fv_terminal_protocol;

typedef enum fv_terminal_colours {
    FV_TERMINAL_MONO, /* no colour codes at all */
    FV_TERMINAL_16,
    FV_TERMINAL_256,
    FV_TERMINAL_TRUE /* 24 bits */
} fv_terminal_colours;

typedef struct fv_terminal {
    fv_terminal_protocol protocol;
    fv_terminal_colours colours;
    int columns, rows;           /* of text: the most a picture may take */
    int cell_width, cell_height; /* pixels of one character; 0: unknown, 10 x 20 is assumed */
} fv_terminal;

/* True when the library was built with libchafa. */
int fv_terminal_has_pictures(void);

/* Protocol and colours that the environment (TERM, COLORTERM, TERM_PROGRAM ...) promises; the sizes are left
 * alone. */
void fv_terminal_detect(fv_terminal *terminal);

/* Called once with the bytes to write; they end after the last line of the picture, without a newline. */
typedef fv_status fv_terminal_sink(void *context, const char *text, size_t size, fv_error *err);

/* Draws a picture, 3 x H x W in 0..255, as large as fits into columns x rows with its aspect ratio kept, but
 * no larger than its own pixels need. */
fv_status fv_terminal_picture(const fv_tensor *picture, const fv_terminal *terminal, fv_terminal_sink *sink,
                              void *context, fv_error *err);

#endif
