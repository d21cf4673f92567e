#include "io/exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY_BYTES = 12 };

/* A TIFF block: offsets count from its start, numbers are in its byte order. */
typedef struct block {
    const uint8_t *data;
    size_t size;
    int little;
} block;

/* Both want offset + 2 (or 4) <= size, which the callers check. */
static unsigned number16(const block *b, size_t at)
{
    const uint8_t *p = b->data + at;
    return b->little ? (unsigned)(p[1] << 8 | p[0]) : (unsigned)(p[0] << 8 | p[1]);
}

static size_t number32(const block *b, size_t at)
{
    size_t first = number16(b, at), second = number16(b, at + 2);
    return b->little ? second << 16 | first : first << 16 | second;
}

static int orientation_of_block(block b)
{
    if (b.size < 8) return 1;
    b.little = b.data[0] == 'I';
    if (memcmp(b.data, b.little ? "II" : "MM", 2) != 0 || number16(&b, 2) != 42) return 1;
    size_t directory = number32(&b, 4);
    if (directory < 8 || directory > b.size - 2) return 1;
    size_t count = number16(&b, directory), at = directory + 2;
    for (size_t i = 0; i < count && b.size - at >= ENTRY_BYTES; i++, at += ENTRY_BYTES) {
        if (number16(&b, at) != TAG_ORIENTATION) continue;
        unsigned value = number16(&b, at + 8);
        int valid = number16(&b, at + 2) == TYPE_SHORT && number32(&b, at + 4) == 1;
        return valid && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

/* Markers follow each other as FF, kind, length (two bytes, counting themselves), up to the first scan. */
int fv_exif_orientation(const uint8_t *jpeg, size_t size)
{
    size_t at = 2; /* after the start marker */
    while (size >= 4 && at <= size - 4 && jpeg[at] == 0xff) {
        unsigned kind = jpeg[at + 1];
        size_t length = (size_t)(jpeg[at + 2] << 8 | jpeg[at + 3]);
        if (kind == 0xff) { /* fill byte */
            at++;
            continue;
        }
        if (kind == 0xda || kind == 0xd9 || length < 2 || length > size - at - 2) return 1;
        const uint8_t *content = jpeg + at + 4;
        if (kind == 0xe1 && length >= 8 && memcmp(content, "Exif\0\0", 6) == 0)
            return orientation_of_block((block){content + 6, length - 8, 0});
        at += 2 + length;
    }
    return 1;
}
