/* External tensor data. The ONNX project has had path traversal, symbolic-link and hard-link holes here,
 * hence the narrow rule: a plain file name in the model's own folder, opened relative to it without following
 * links. */
#include "io/onnx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *entry(const Onnx__TensorProto *t, const char *key)
{
    for (size_t i = 0; i < t->n_external_data; i++) {
        const Onnx__StringStringEntryProto *e = t->external_data[i];
        if (e->key && e->value && strcmp(e->key, key) == 0) return e->value;
    }
    return NULL;
}

/* Non-negative decimal number; fallback when the entry is absent. */
static fv_status number(size_t *out, const Onnx__TensorProto *t, const char *key, size_t fallback,
                        fv_error *err)
{
    const char *text = entry(t, key);
    char *end;
    *out = fallback;
    if (!text) return FV_OK;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || value > SIZE_MAX)
        return fv_fail(err, FV_STATUS_FORMAT, "external data: %s '%.40s' is not a byte count", key, text);
    *out = (size_t)value;
    return FV_OK;
}

static int plain_name(const char *name)
{
    return name && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strpbrk(name, "/\\");
}

static fv_status open_data(int *fd, struct stat *st, const char *folder, const char *name, fv_error *err)
{
    if (!plain_name(name))
        return fv_fail(err, FV_STATUS_FORMAT,
                       "external data '%.200s' is not a plain file name in the model's folder",
                       name ? name : "");
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return fv_fail(err, FV_STATUS_IO, "external data: folder %.200s: %s", folder, strerror(errno));
    *fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int saved = errno;
    close(dir);
    if (*fd < 0 && saved == ELOOP)
        return fv_fail(err, FV_STATUS_FORMAT, "external data '%.200s' is a symbolic link", name);
    if (*fd < 0) return fv_fail(err, FV_STATUS_IO, "external data '%.200s': %s", name, strerror(saved));
    if (fstat(*fd, st) < 0)
        return fv_fail(err, FV_STATUS_IO, "external data '%.200s': %s", name, strerror(errno));
    if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
        return fv_fail(err, FV_STATUS_FORMAT, "external data '%.200s' is not a regular file with one link",
                       name);
    return FV_OK;
}

static fv_status read_at(int fd, uint8_t *bytes, size_t size, size_t offset, const char *name, fv_error *err)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = pread(fd, bytes + at, size - at, (off_t)(offset + at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return fv_fail(err, FV_STATUS_IO, "external data '%.200s': %s", name,
                           n < 0 ? strerror(errno) : "ends too early");
        at += (size_t)n;
    }
    return FV_OK;
}

fv_status fv_onnx_external(uint8_t **out, size_t size, const char *folder, const Onnx__TensorProto *tensor,
                           fv_error *err)
{
    fv_status status;
    struct stat st;
    size_t offset, length;
    int fd = -1;
    const char *name = entry(tensor, "location");
    *out = NULL;
    FV_TRY_GOTO(number(&offset, tensor, "offset", 0, err));
    FV_TRY_GOTO(number(&length, tensor, "length", size, err));
    FV_TRY_GOTO(open_data(&fd, &st, folder, name, err));
    size_t available = (size_t)st.st_size;
    if (length != size || offset > available || size > available - offset) {
        status = fv_fail(
            err, FV_STATUS_FORMAT,
            "tensor '%.100s' needs %zu bytes, the file names %zu at offset %zu of external data '%.100s' "
            "(%zu bytes)",
            tensor->name ? tensor->name : "", size, length, offset, name, available);
        goto done;
    }
    FV_TRY_GOTO(fv_calloc(out, size, 1, err));
    FV_TRY_GOTO(read_at(fd, *out, size, offset, name, err));
done:
    if (fd >= 0) close(fd);
    if (status != FV_OK) {
        fv_free(*out);
        *out = NULL;
    }
    return status;
}
