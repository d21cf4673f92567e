/* Engine, stream and status texts. The engine lives as long as the process: primitives made on any thread
 * share it, and it stays reachable for leak checkers. */
#include "dnn/internal.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dnnl_engine_t shared_engine;
static dnnl_stream_t shared_stream;

fv_status fv_dnn_check(dnnl_status_t status, const char *what, fv_error *err)
{
    static const char *const names[] = {"success",         "out of memory",  "invalid arguments",
                                        "not implemented", "last primitive", "runtime error",
                                        "not required"};
    if (status == dnnl_success) return FV_OK;
    const char *name = (size_t)status < sizeof names / sizeof *names ? names[status] : "unknown status";
    return fv_fail(err, status == dnnl_out_of_memory ? FV_STATUS_MEMORY : FV_STATUS_DNN, "oneDNN %s: %s",
                   what, name);
}

__attribute__((destructor)) static void destroy_context(void)
{
    if (shared_stream) dnnl_stream_destroy(shared_stream);
    if (shared_engine) dnnl_engine_destroy(shared_engine);
    shared_stream = NULL;
    shared_engine = NULL;
}

static fv_status create_context(fv_error *err)
{
    if (!shared_engine) FV_DNN("engine", dnnl_engine_create(&shared_engine, dnnl_cpu, 0));
    if (!shared_stream)
        FV_DNN("stream", dnnl_stream_create(&shared_stream, shared_engine, dnnl_stream_in_order));
    return FV_OK;
}

fv_status fv_dnn_context(dnnl_engine_t *engine, dnnl_stream_t *stream, fv_error *err)
{
    pthread_mutex_lock(&lock);
    fv_status status = create_context(err);
    pthread_mutex_unlock(&lock);
    *engine = shared_engine;
    if (stream) *stream = shared_stream;
    return status;
}
