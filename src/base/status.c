#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

fv_status fv_fail(fv_error *err, fv_status code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->code = code;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return code;
}

fv_status fv_fail_prefix(fv_error *err, const char *prefix)
{
    if (!err) return FV_STATUS_ARGUMENT;
    char text[FV_ERROR_TEXT];
    memcpy(text, err->text, sizeof text);
    snprintf(err->text, sizeof err->text, "%.128s: %.380s", prefix, text);
    return err->code;
}

static const struct {
    const char *name;
    int external;
} status_table[] = {
    [FV_OK] = {"ok", 0},
    [FV_STATUS_ARGUMENT] = {"argument", 0},
    [FV_STATUS_SHAPE] = {"shape", 0},
    [FV_STATUS_STATE] = {"state", 0},
    [FV_STATUS_IO] = {"io", 1},
    [FV_STATUS_FORMAT] = {"format", 1},
    [FV_STATUS_UNSUPPORTED] = {"unsupported", 1},
    [FV_STATUS_MISMATCH] = {"mismatch", 1},
    [FV_STATUS_MEMORY] = {"memory", 1},
    [FV_STATUS_DNN] = {"dnn", 1},
};

const char *fv_status_name(fv_status code)
{
    return (unsigned)code < sizeof status_table / sizeof *status_table ? status_table[code].name : "unknown";
}

int fv_status_is_external(fv_status code)
{
    return (unsigned)code < sizeof status_table / sizeof *status_table && status_table[code].external;
}
