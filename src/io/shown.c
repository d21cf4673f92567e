#include "io/shown.h"

#include <string.h>

const char *fv_shown(char text[FV_SHOWN_TEXT], const char *bytes, size_t size)
{
    const size_t most = FV_SHOWN_TEXT - 4;
    size_t n = size < most ? size : most;
    for (size_t i = 0; i < n; i++) text[i] = bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '?';
    strcpy(text + n, size > most ? "..." : "");
    return text;
}
