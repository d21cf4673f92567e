/* Files in and out: whole files into memory or mapped, and writing that never leaves half a file behind.
 * Every message names the file and the reason: "model.onnx: no such file". */
#ifndef FV_IO_FILE_H
#define FV_IO_FILE_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* --- messages --- */

/* As fv_fail, with "PATH: " in front; a long path keeps its end, where the name is. */
fv_status fv_file_fail(fv_error *err, fv_status code, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "PATH: " before the text of an error that is already set and returns code: the caller that knows the
 * path adds it to what a decoder said. */
fv_status fv_file_prefix(fv_error *err, const char *path, fv_status code);

/* --- reading --- */

/* Bytes of a file. Zero-initialise; give back with fv_file_close. */
typedef struct fv_file {
    uint8_t *data; /* when mapped: writing changes this process's copy alone */
    size_t size;   /* > 0 */
    int mapped;
} fv_file;

/* The whole file in memory. limit: most bytes accepted (0: no limit). FV_STATUS_IO for a missing file, a
 * folder, a pipe or no permission; FV_STATUS_FORMAT for an empty file; FV_STATUS_MEMORY above the limit. */
fv_status fv_file_read(fv_file *out, const char *path, size_t limit, fv_error *err);

/* As fv_file_read, mapped instead of copied: for big files of which parts are used. The system ends a process
 * that touches a mapped file which somebody else cut short meanwhile: keep it open briefly. */
fv_status fv_file_map(fv_file *out, const char *path, size_t limit, fv_error *err);

/* The part of a mapped file from `from` (whole pages) on is not needed for now: it gives its memory back, and
 * what was written to it is lost. */
void fv_file_forget(const fv_file *file, size_t from, size_t size);

/* Accepts a closed or zeroed file. */
void fv_file_close(fv_file *file);

/* --- writing --- */

/* A file being written under a temporary name in the folder of its final path. Zero-initialise, end with
 * fv_output_commit, and always call fv_output_discard: it does nothing after a commit and removes the
 * temporary file otherwise. */
typedef struct fv_output {
    FILE *stream;
    char *path;
    char *temporary;
    int quick; /* may be set after fv_output_open: when it reaches the disc is left to the system */
} fv_output;

/* Refuses a path that is a folder, a device or in a folder that does not exist. */
fv_status fv_output_open(fv_output *out, const char *path, fv_error *err);
fv_status fv_output_write(fv_output *out, const void *data, size_t size, fv_error *err);
/* Flushes to the disc (unless it is to be quick) and renames over the final path (a symbolic link there is
 * replaced). */
fv_status fv_output_commit(fv_output *out, fv_error *err);
void fv_output_discard(fv_output *out);

/* All of the above for bytes that are in memory. */
fv_status fv_file_write(const char *path, const void *data, size_t size, fv_error *err);
fv_status fv_file_write_quickly(const char *path, const void *data, size_t size, fv_error *err);

#endif
