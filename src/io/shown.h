/* Names from files that are not to be trusted, for messages. */
#ifndef FV_IO_SHOWN_H
#define FV_IO_SHOWN_H

#include <stddef.h>

enum { FV_SHOWN_TEXT = 104 };

/* Writes at most 100 of the bytes as text, those that are not printable ASCII as "?", and returns text. */
const char *fv_shown(char text[FV_SHOWN_TEXT], const char *bytes, size_t size);

#endif
