/* JSON text to jansson values: strict, without duplicate keys, with the place of a mistake in the message. */
#ifndef FV_IO_JSON_H
#define FV_IO_JSON_H

#include "base/status.h"
#include <jansson.h>
#include <stddef.h>

/* Any JSON value in size bytes of UTF-8; give back with json_decref. flags: JSON_ALLOW_NUL lets \u0000 pass
 * in string values, 0 makes all strings C strings. FV_STATUS_FORMAT, with line and column, also for duplicate
 * keys, numbers that do not fit and nesting that is too deep. */
fv_status fv_json_parse(json_t **out, const char *text, size_t size, size_t flags, fv_error *err);

#endif
