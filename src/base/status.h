/* Status codes and error texts: the one way a C function of the project reports failure.
 *
 * Every fallible function returns an fv_status and takes an fv_error as its last argument:
 *
 *     if (n < 0) return fv_fail(err, FV_STATUS_SHAPE, "conv: group count %d does not divide %d", g, c);
 *     FV_TRY(fv_tensor_new(&t, rank, dims, err));
 *
 * Nothing in src/ aborts, exits or prints. */
#ifndef FV_BASE_STATUS_H
#define FV_BASE_STATUS_H

typedef enum fv_status {
    FV_OK = 0,
    /* misuse: the binding throws a Lua error */
    FV_STATUS_ARGUMENT, /* wrong value, unknown option or name */
    FV_STATUS_SHAPE,    /* shapes that do not fit together */
    FV_STATUS_STATE,    /* called at the wrong time, or on a closed object */
    /* the outside world: the binding returns nil, message, code */
    FV_STATUS_IO,          /* the operating system refused */
    FV_STATUS_FORMAT,      /* a file is damaged or not what it claims to be */
    FV_STATUS_UNSUPPORTED, /* a file is fine but needs something that is not built */
    FV_STATUS_MISMATCH,    /* weights or data that do not fit the model */
    FV_STATUS_MEMORY,      /* an allocation failed or a budget was exceeded */
    FV_STATUS_DNN          /* oneDNN refused a call */
} fv_status;

enum { FV_ERROR_TEXT = 512 };

/* Filled on failure, untouched on success. text always ends in a NUL and is cut at FV_ERROR_TEXT. */
typedef struct fv_error {
    fv_status code;
    char text[FV_ERROR_TEXT];
} fv_error;

/* Formats the message into err (which may be NULL) and returns code, so that `return fv_fail(...)` is the
 * whole idiom. */
fv_status fv_fail(fv_error *err, fv_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text of an error that is already set. Returns err->code. */
fv_status fv_fail_prefix(fv_error *err, const char *prefix);

/* Short lower-case name of a code ("io", "format", "memory", ...), the third value of nil, message, code. */
const char *fv_status_name(fv_status code);

/* True for codes that the outside world causes (returned to Lua), false for misuse (thrown). */
int fv_status_is_external(fv_status code);

#define FV_TRY(call)                                                                                         \
    do {                                                                                                     \
        fv_status fv_try_status_ = (call);                                                                   \
        if (fv_try_status_ != FV_OK) return fv_try_status_;                                                  \
    } while (0)

/* As FV_TRY for functions that own resources: jumps to `done` with `status` set. */
#define FV_TRY_GOTO(call)                                                                                    \
    do {                                                                                                     \
        status = (call);                                                                                     \
        if (status != FV_OK) goto done;                                                                      \
    } while (0)

#endif
