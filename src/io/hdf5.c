#define _GNU_SOURCE /* memfd_create */
#include "io/hdf5.h"

#include "base/alloc.h"
#include "io/file.h"
#include "io/program.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MEGABYTE = 1 << 20, OWN_MEMORY = 256 * MEGABYTE };

/* The reader holds the file in memory. */
static const size_t FILE_MOST = (size_t)16 << 30;

/* Most processor time is for inflating, at 8 MB a second or more; the wall clock is for a busy machine. */
enum { CPU_LEAST = 700, CPU_PER_MEGABYTE = 125, WALL_LEAST = 15000, WALL_PER_MEGABYTE = 500 };

/* A file in memory that has no name. */
static fv_status make_memory(int *fd, fv_error *err)
{
    *fd = memfd_create("fovea-hdf5", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return *fd >= 0 ? FV_OK : fv_fail(err, FV_STATUS_IO, "no file in memory (error %d)", errno);
}

/* --- the reader program --- */

/* Letters of the reader only: what a damaged file made it say may be anything. */
static void make_printable(char *text)
{
    text[strcspn(text, "\n")] = 0;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
}

/* Says why the reader program has no result. */
static fv_status explain(fv_program_result *result, fv_error *err)
{
    char *reason;
    if (result->end == FV_PROGRAM_TIMED_OUT ||
        (result->end == FV_PROGRAM_KILLED && result->code == SIGPROF) ||
        (result->end == FV_PROGRAM_KILLED && result->code == SIGXCPU))
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (reading it does not end)");
    if (result->end == FV_PROGRAM_KILLED)
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (its reader was ended by signal %d)",
                       result->code);
    long code = strtol(result->said, &reason, 10);
    if (code <= FV_STATUS_STATE || code > FV_STATUS_MEMORY || *reason != ' ')
        return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (its reader failed with status %d)",
                       result->code);
    make_printable(reason);
    return fv_fail(err, (fv_status)code, "%s", reason + 1);
}

static fv_status run_reader(int in, int out, size_t file_size, fv_error *err)
{
    char budget[32], memory[32], time[32];
    size_t megabytes = file_size / MEGABYTE, most = 64 * (size_t)MEGABYTE + 8 * file_size;
    char *program;
    FV_TRY(fv_program_find(&program, "fovea-hdf5", err));
    snprintf(budget, sizeof budget, "%zu", most);
    snprintf(memory, sizeof memory, "%zu", OWN_MEMORY + 2 * most);
    snprintf(time, sizeof time, "%zu", CPU_LEAST + megabytes * CPU_PER_MEGABYTE);
    char *argv[] = {program, budget, memory, time, NULL};
    fv_program_result result;
    fv_status status =
        fv_program_run(&result, argv, in, out, (long)(WALL_LEAST + megabytes * WALL_PER_MEGABYTE), err);
    if (status == FV_OK && (result.end != FV_PROGRAM_EXITED || result.code != 0 || result.said[0]))
        status = explain(&result, err);
    fv_free(program);
    return status;
}

/* --- its result --- */

/* Nothing that is left of the process can change the result any more. */
static fv_status open_result(fv_safetensors **out, int fd, fv_error *err)
{
    char path[64];
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    fv_status status = fv_safetensors_open(out, path, err);
    if (status == FV_OK || status == FV_STATUS_MEMORY) return status;
    return fv_fail(err, FV_STATUS_FORMAT, "damaged HDF5 file (its reader gave no result)");
}

static fv_status convert(fv_safetensors **result, int in, size_t size, fv_error *err)
{
    fv_status status;
    int out = -1;
    FV_TRY_GOTO(make_memory(&out, err));
    FV_TRY_GOTO(run_reader(in, out, size, err));
    FV_TRY_GOTO(open_result(result, out, err));
done:
    if (out >= 0) close(out);
    return status;
}

fv_status fv_hdf5_open_bytes(fv_safetensors **out, const void *bytes, size_t size, const char *name,
                             fv_error *err)
{
    fv_status status;
    int in = -1;
    *out = NULL;
    FV_TRY_GOTO(make_memory(&in, err));
    for (size_t at = 0; at < size;) {
        ssize_t n = write(in, (const char *)bytes + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            status = fv_fail(err, FV_STATUS_MEMORY, "not enough memory");
            goto done;
        }
        at += (size_t)n;
    }
    FV_TRY_GOTO(convert(out, in, size, err));
done:
    if (in >= 0) close(in);
    return status == FV_OK ? FV_OK : fv_file_prefix(err, name, status);
}

int fv_hdf5_is(const void *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89HDF\r\n\x1a\n", 8) == 0;
}

fv_status fv_hdf5_open(fv_safetensors **out, const char *path, fv_error *err)
{
    fv_file file;
    *out = NULL;
    FV_TRY(fv_file_map(&file, path, FILE_MOST, err)); /* says what is wrong with a file that cannot be read */
    size_t size = file.size;
    int looks_right = fv_hdf5_is(file.data, size);
    fv_file_close(&file);
    if (!looks_right) return fv_file_fail(err, FV_STATUS_FORMAT, path, "not an HDF5 file");
    int in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (in < 0) return fv_file_fail(err, FV_STATUS_IO, path, "error %d", errno);
    fv_status status = convert(out, in, size, err);
    close(in);
    return status == FV_OK ? FV_OK : fv_file_prefix(err, path, status);
}
