/* Inner: the stack, the memo and the bytes of the pickle machine (pickle.h). */
#ifndef FV_IO_PICKLE_MACHINE_H
#define FV_IO_PICKLE_MACHINE_H

#include "io/pickle.h"

#define FV_PICKLE_NOTHING UINT32_MAX /* in the memo: not set; on the stack: a mark */

typedef struct fv_pickle_machine {
    fv_pickle *pickle;
    const fv_pickle_caller *caller;
    const uint8_t *at, *end;
    fv_pickle_id *stack;
    size_t top, stack_room;
    fv_pickle_id *memo;
    size_t memo_room, memo_next;
    int stopped;
    fv_error *err;
} fv_pickle_machine;

#define FV_PICKLE_DAMAGED(m, ...) fv_fail((m)->err, FV_STATUS_FORMAT, "damaged pickle: " __VA_ARGS__)

/* Frees the items of a value that has some. */
void fv_pickle_drop(fv_pickle_value *value);

/* A new value on the stack. Takes over its items, also when it fails. */
fv_status fv_pickle_push(fv_pickle_machine *m, const fv_pickle_value *value);

/* A value that exists (or a mark) on the stack. */
fv_status fv_pickle_push_id(fv_pickle_machine *m, fv_pickle_id id);

/* The value on top of the stack; NULL when there is none (a mark is none). */
fv_pickle_value *fv_pickle_top(fv_pickle_machine *m);

fv_status fv_pickle_pop(fv_pickle_machine *m, fv_pickle_id *id);

/* Position on the stack of the first value above the last mark. */
fv_status fv_pickle_mark(fv_pickle_machine *m, size_t *first);

/* Memo: the value on top goes into a slot; the value of a slot on top. */
fv_status fv_pickle_remember(fv_pickle_machine *m, size_t slot);
fv_status fv_pickle_recall(fv_pickle_machine *m, size_t slot);

/* The next bytes of the pickle; an unsigned little-endian number of n <= 8 bytes; a line without its end. */
fv_status fv_pickle_take(fv_pickle_machine *m, const uint8_t **bytes, uint64_t size);
fv_status fv_pickle_take_number(fv_pickle_machine *m, uint64_t *number, int n);
fv_status fv_pickle_take_line(fv_pickle_machine *m, const char **text, size_t *size);

#endif
