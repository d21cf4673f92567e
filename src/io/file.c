#define _DEFAULT_SOURCE /* MAP_NORESERVE */
#include "io/file.h"

#include "base/alloc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- messages --- */

enum { PATH_SHOWN = 300 }; /* leaves 200 characters for the reason */

fv_status fv_file_prefix(fv_error *err, const char *path, fv_status code)
{
    if (!err) return code;
    char text[FV_ERROR_TEXT];
    size_t length = strlen(path);
    int cut = length > PATH_SHOWN;
    memcpy(text, err->text, sizeof text);
    snprintf(err->text, sizeof err->text, "%s%.*s: %.200s", cut ? "..." : "", PATH_SHOWN,
             cut ? path + length - PATH_SHOWN : path, text);
    return code;
}

fv_status fv_file_fail(fv_error *err, fv_status code, const char *path, const char *format, ...)
{
    if (!err) return code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->code = code;
    return fv_file_prefix(err, path, code);
}

/* The reason in errno, in the words used all over the project. */
static fv_status fail_errno(fv_error *err, const char *path, const char *missing)
{
    char text[128];
    int number = errno;
    switch (number) {
    case ENOENT:
        return fv_file_fail(err, FV_STATUS_IO, path, "%s", missing);
    case EISDIR:
        return fv_file_fail(err, FV_STATUS_IO, path, "is a directory");
    case ENOTDIR:
        return fv_file_fail(err, FV_STATUS_IO, path, "a part of the path is not a directory");
    case EACCES:
    case EPERM:
        return fv_file_fail(err, FV_STATUS_IO, path, "permission denied");
    case ENOMEM:
        return fv_file_fail(err, FV_STATUS_MEMORY, path, "not enough memory");
    default:
        if (strerror_r(number, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", number);
        return fv_file_fail(err, FV_STATUS_IO, path, "%s", text);
    }
}

/* --- reading --- */

/* Opens a regular file that is neither empty nor above the limit. O_NONBLOCK: a pipe must not hang here. */
static fv_status open_regular(int *fd, size_t *size, const char *path, size_t limit, fv_error *err)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 || fstat(*fd, &st) != 0) return fail_errno(err, path, "no such file");
    if (S_ISDIR(st.st_mode)) return fv_file_fail(err, FV_STATUS_IO, path, "is a directory");
    if (!S_ISREG(st.st_mode)) return fv_file_fail(err, FV_STATUS_IO, path, "is not a regular file");
    if (st.st_size <= 0) return fv_file_fail(err, FV_STATUS_FORMAT, path, "the file is empty");
    *size = (size_t)st.st_size;
    if (limit && *size > limit)
        return fv_file_fail(err, FV_STATUS_MEMORY, path, "%zu bytes, more than the limit of %zu", *size,
                            limit);
    return FV_OK;
}

static fv_status read_all(int fd, uint8_t *data, size_t size, const char *path, fv_error *err)
{
    size_t at = 0;
    while (at < size) {
        ssize_t n = read(fd, data + at, size - at);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno(err, path, "no such file");
        if (n == 0) return fv_file_fail(err, FV_STATUS_IO, path, "became shorter while it was read");
        at += (size_t)n;
    }
    return FV_OK;
}

fv_status fv_file_read(fv_file *out, const char *path, size_t limit, fv_error *err)
{
    fv_status status;
    fv_file file = {0};
    int fd = -1;
    FV_TRY_GOTO(open_regular(&fd, &file.size, path, limit, err));
    status = fv_calloc(&file.data, file.size, 1, err);
    if (status != FV_OK) {
        fv_file_prefix(err, path, status);
        goto done;
    }
    FV_TRY_GOTO(read_all(fd, file.data, file.size, path, err));
done:
    if (fd >= 0) close(fd);
    if (status != FV_OK) {
        fv_free(file.data);
        file = (fv_file){0};
    }
    *out = file;
    return status;
}

fv_status fv_file_map(fv_file *out, const char *path, size_t limit, fv_error *err)
{
    int fd = -1;
    size_t size = 0;
    *out = (fv_file){0};
    fv_status status = open_regular(&fd, &size, path, limit, err);
    if (status == FV_OK) {
        void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
        if (data == MAP_FAILED)
            status = fail_errno(err, path, "no such file");
        else
            *out = (fv_file){data, size, 1};
    }
    if (fd >= 0) close(fd);
    return status;
}

void fv_file_forget(const fv_file *file, size_t from, size_t size)
{
    if (file->mapped) madvise(file->data + from, size, MADV_DONTNEED);
}

void fv_file_close(fv_file *file)
{
    if (file->mapped)
        munmap(file->data, file->size);
    else
        fv_free(file->data);
    *file = (fv_file){0};
}

/* --- writing --- */

/* Opens DIR/.fovea-PID-N.tmp with the permissions of a new file; N makes it the only one of that name. */
static fv_status open_temporary(fv_output *out, fv_error *err)
{
    static atomic_uint counter;
    const char *slash = strrchr(out->path, '/');
    int folder = slash ? (int)(slash - out->path) + 1 : 0, fd;
    size_t room = (size_t)folder + 64;
    FV_TRY(fv_calloc(&out->temporary, room, 1, err));
    do {
        snprintf(out->temporary, room, "%.*s.fovea-%ld-%u.tmp", folder, out->path, (long)getpid(),
                 atomic_fetch_add(&counter, 1));
        fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EEXIST);
    if (fd >= 0) out->stream = fdopen(fd, "wb");
    if (out->stream) return FV_OK;
    fv_status status = fail_errno(err, out->path, "the folder does not exist");
    if (fd >= 0) {
        close(fd);
        unlink(out->temporary);
    }
    return status;
}

fv_status fv_output_open(fv_output *out, const char *path, fv_error *err)
{
    struct stat st;
    *out = (fv_output){0};
    if (!*path) return fv_fail(err, FV_STATUS_ARGUMENT, "the path to write to is empty");
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode)) return fv_file_fail(err, FV_STATUS_IO, path, "is a directory");
        if (!S_ISREG(st.st_mode)) return fv_file_fail(err, FV_STATUS_IO, path, "is not a regular file");
    }
    fv_status status = fv_strdup(&out->path, path, err);
    if (status == FV_OK) status = open_temporary(out, err);
    if (status != FV_OK) fv_output_discard(out);
    return status;
}

fv_status fv_output_write(fv_output *out, const void *data, size_t size, fv_error *err)
{
    if (!size || fwrite(data, 1, size, out->stream) == size) return FV_OK;
    return fail_errno(err, out->path, "no such file");
}

fv_status fv_output_commit(fv_output *out, fv_error *err)
{
    int bad = fflush(out->stream) != 0 || (!out->quick && fsync(fileno(out->stream)) != 0);
    fv_status status = bad ? fail_errno(err, out->path, "no such file") : FV_OK;
    bad = fclose(out->stream) != 0; /* closes in any case; network file systems may report here */
    out->stream = NULL;
    if (status == FV_OK && (bad || rename(out->temporary, out->path) != 0))
        status = fail_errno(err, out->path, "the folder does not exist");
    if (status != FV_OK) unlink(out->temporary);
    fv_free(out->temporary);
    out->temporary = NULL;
    return status;
}

void fv_output_discard(fv_output *out)
{
    if (out->stream) {
        fclose(out->stream);
        unlink(out->temporary);
    }
    fv_free(out->temporary);
    fv_free(out->path);
    *out = (fv_output){0};
}

static fv_status write_file(const char *path, const void *data, size_t size, int quick, fv_error *err)
{
    fv_output out;
    fv_status status = fv_output_open(&out, path, err);
    out.quick = quick;
    if (status == FV_OK) status = fv_output_write(&out, data, size, err);
    if (status == FV_OK) status = fv_output_commit(&out, err);
    fv_output_discard(&out);
    return status;
}

fv_status fv_file_write(const char *path, const void *data, size_t size, fv_error *err)
{
    return write_file(path, data, size, 0, err);
}

fv_status fv_file_write_quickly(const char *path, const void *data, size_t size, fv_error *err)
{
    return write_file(path, data, size, 1, err);
}
