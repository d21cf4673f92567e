/* Helper programs of the project: found beside the library, run with a time limit. What reads untrusted bytes
 * with a library that cannot be trusted with them runs in such a process. */
#ifndef FV_IO_PROGRAM_H
#define FV_IO_PROGRAM_H

#include "base/status.h"

/* Path of the helper program NAME, in the folder of the code that calls this (fovea/core.so or an
 * executable), in its subfolder fovea or, from PREFIX/bin, in PREFIX/lib/lua/5.4/fovea. Free with fv_free.
 * FV_STATUS_UNSUPPORTED when it is not there. */
fv_status fv_program_find(char **path, const char *name, fv_error *err);

typedef enum fv_program_end { FV_PROGRAM_EXITED, FV_PROGRAM_KILLED, FV_PROGRAM_TIMED_OUT } fv_program_end;

typedef struct fv_program_result {
    fv_program_end end;
    int code;                 /* exit status or signal */
    char said[FV_ERROR_TEXT]; /* start of standard error */
} fv_program_result;

/* Runs a program with the files in and out as standard input and output and waits for it, killing it (and
 * what it started) after so many milliseconds. It inherits nothing else: no other file, environment or signal
 * mask. argv ends in NULL. An error only when it cannot be started. */
fv_status fv_program_run(fv_program_result *result, char *const argv[], int in, int out, long milliseconds,
                         fv_error *err);

#endif
