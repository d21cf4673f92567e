#include "io/json.h"

fv_status fv_json_parse(json_t **out, const char *text, size_t size, size_t flags, fv_error *err)
{
    json_error_t reason;
    *out = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | flags, &reason);
    if (*out) return FV_OK;
    if (json_error_code(&reason) == json_error_out_of_memory)
        return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for JSON");
    return fv_fail(err, FV_STATUS_FORMAT, "damaged JSON (line %d, column %d: %s)", reason.line, reason.column,
                   reason.text);
}
