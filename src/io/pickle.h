/* Python pickles as data. A pickle is a program for a stack machine; this machine builds numbers, strings,
 * tuples, lists and dictionaries, and asks its caller about everything else. Nothing is ever called: a name
 * that the caller does not know is refused, and so is every instruction that weight files do not need.
 *
 * Protocols 2 to 5, those instructions that torch.save writes and their siblings for larger sizes. */
#ifndef FV_IO_PICKLE_H
#define FV_IO_PICKLE_H

#include "base/status.h"
#include <stddef.h>
#include <stdint.h>

typedef enum fv_pickle_kind {
    FV_PICKLE_NONE,
    FV_PICKLE_BOOL,   /* as.integer */
    FV_PICKLE_INT,    /* as.integer */
    FV_PICKLE_FLOAT,  /* as.number */
    FV_PICKLE_LONG,   /* as.text: an integer of more than 8 bytes, little-endian */
    FV_PICKLE_STRING, /* as.text */
    FV_PICKLE_BYTES,  /* as.text */
    FV_PICKLE_TUPLE,  /* as.items, as the next two */
    FV_PICKLE_LIST,
    FV_PICKLE_DICT,   /* keys and values in turn */
    FV_PICKLE_GLOBAL, /* as.object: what the caller says of a name */
    FV_PICKLE_OBJECT, /* as.object: what the caller made */
    FV_PICKLE_OPAQUE  /* something that is known but not built */
} fv_pickle_kind;

typedef uint32_t fv_pickle_id; /* number of a value */

typedef struct fv_pickle_value {
    fv_pickle_kind kind;
    uint32_t depth; /* levels of containers below */
    union {
        int64_t integer;
        double number;
        struct {
            const char *bytes; /* in the pickle */
            size_t size;
        } text;
        struct {
            fv_pickle_id *ids;
            uint32_t count, room;
        } items;
        struct {
            int type; /* the caller's */
            size_t index;
        } object;
    } as;
} fv_pickle_value;

struct fv_pickle;

/* What the machine does not know. Each may refuse by returning a status; messages need no prefix. */
typedef struct fv_pickle_caller {
    void *context;
    /* MODULE.NAME is asked for: fill result (kind GLOBAL or OPAQUE). The texts are not terminated. */
    fv_status (*global)(void *context, fv_pickle_value *result, const char *module, size_t module_size,
                        const char *name, size_t name_size, fv_error *err);
    /* A global is applied to a tuple: fill result (its items are freed when that fails). */
    fv_status (*reduce)(void *context, const struct fv_pickle *pickle, fv_pickle_value *result,
                        const fv_pickle_value *function, const fv_pickle_value *arguments, fv_error *err);
    /* A reference to something outside of the pickle. */
    fv_status (*persistent)(void *context, const struct fv_pickle *pickle, fv_pickle_value *result,
                            const fv_pickle_value *reference, fv_error *err);
} fv_pickle_caller;

/* All values that a pickle made, in order; texts point into its bytes. Zero-initialise, end with
 * fv_pickle_free. */
typedef struct fv_pickle {
    fv_pickle_value *values;
    size_t count, room;
    fv_pickle_id root;
} fv_pickle;

enum { FV_PICKLE_VALUES_MOST = 1 << 20, FV_PICKLE_DEPTH_MOST = 200 };

/* Runs one pickle at the start of bytes; *used: bytes up to its end. FV_STATUS_FORMAT for damage,
 * FV_STATUS_UNSUPPORTED for refused instructions and names, FV_STATUS_MEMORY above the limits. caller: NULL
 * refuses all names. */
fv_status fv_pickle_run(fv_pickle *pickle, const void *bytes, size_t size, size_t *used,
                        const fv_pickle_caller *caller, fv_error *err);

void fv_pickle_free(fv_pickle *pickle);

/* Item i of a tuple, list or dictionary. */
const fv_pickle_value *fv_pickle_item(const fv_pickle *pickle, const fv_pickle_value *container, size_t i);

/* True when value is the string text. */
int fv_pickle_is_text(const fv_pickle_value *value, const char *text);

/* Appends an item to the container value. */
fv_status fv_pickle_append(fv_pickle_value *value, fv_pickle_id id, fv_error *err);

/* A copy of an array of items into the container value, for `reduce`. */
fv_status fv_pickle_set_items(fv_pickle_value *value, const fv_pickle_id *ids, size_t count, fv_error *err);

#endif
