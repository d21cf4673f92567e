/* Zip archives in memory: the entries are listed and checked when an archive is opened, and read when they
 * are asked for. Stored and deflated entries; checksums are compared. */
#ifndef FV_IO_ZIP_H
#define FV_IO_ZIP_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef struct fv_zip_entry {
    const char *name; /* with "/" between folders */
    size_t size;      /* of the content */
    uint64_t index;   /* in the archive */
} fv_zip_entry;

/* Fields are read-only; entries are sorted by name (bytewise), folders left out. */
typedef struct fv_zip {
    size_t count;
    fv_zip_entry *entries;
    void *archive;
} fv_zip;

/* True for bytes that begin as archives do. */
int fv_zip_is(const void *data, size_t size);

/* Opens an archive in bytes that outlive it. FV_STATUS_FORMAT for damage, for names that lead out of the
 * archive ("../x", "/x") or come twice, and for sizes that the bytes cannot hold; FV_STATUS_UNSUPPORTED for
 * encryption and other ways of compression. */
fv_status fv_zip_parse(fv_zip **out, const void *data, size_t size, fv_error *err);

/* Accepts NULL. */
void fv_zip_close(fv_zip *zip);

/* The entry of that name, or NULL. */
const fv_zip_entry *fv_zip_find(const fv_zip *zip, const char *name);

/* The content of an entry: entry->size bytes. FV_STATUS_FORMAT when it is shorter or longer than the archive
 * says, or its checksum is another. */
fv_status fv_zip_read(void *dst, const fv_zip *zip, const fv_zip_entry *entry, fv_error *err);

#endif
