#include "base/waiting.h"
#include "base/parallel.h"

#ifdef _OPENMP
#    include <omp.h>
#    include <pthread.h>
#    include <stdlib.h>
#    include <time.h>

/* libgomp lets threads sleep at once while there are more of them than processors. These are the others: they
 * do nothing until they are sent away. */
typedef struct crowd {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    int is_there, size;
} crowd;

static crowd idle = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static void *stand_around(void *context)
{
    crowd *c = context;
#    pragma omp parallel num_threads(c->size)
    {
        pthread_mutex_lock(&c->lock);
        while (c->is_there) pthread_cond_wait(&c->change, &c->lock);
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

static void call_crowd(crowd *c, int size)
{
    c->size = size;
    c->is_there = 1;
    if (pthread_create(&c->thread, NULL, stand_around, c) != 0) c->is_there = 0;
}

static void send_away(crowd *c)
{
    pthread_mutex_lock(&c->lock);
    c->is_there = 0;
    pthread_cond_broadcast(&c->change);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
}

/* What was seen; one thread at a time looks. */
static struct {
    pthread_mutex_t lock;
    double wall, used;      /* clocks at the start of the window */
    double retry, patience; /* when to spin again, after how long */
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const double window = 0.01, first_patience = 0.25, last_patience = 8; /* seconds */

static double clock_of(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void open_window(double wall)
{
    seen.wall = wall;
    seen.used = clock_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* Threads that could run at once; 1: nothing to do here. Who says how threads are to wait is obeyed. */
static int wanted(void)
{
    static int is_told = -1;
    if (is_told < 0) is_told = getenv("GOMP_SPINCOUNT") || getenv("OMP_WAIT_POLICY");
    int threads = fv_threads(), processors = omp_get_num_procs();
    return is_told ? 1 : threads < processors ? threads : processors;
}

void fv_waiting_begin(void)
{
    if (wanted() < 2 || pthread_mutex_trylock(&seen.lock) != 0) return;
    open_window(clock_of(CLOCK_MONOTONIC));
    pthread_mutex_unlock(&seen.lock);
}

/* Threads that spin use their processors all the time, if they get them. */
static void judge(int threads, double wall)
{
    double got = (clock_of(CLOCK_PROCESS_CPUTIME_ID) - seen.used) / (wall - seen.wall);
    if (got > threads - 0.4) {
        if (wall > seen.retry + seen.patience) seen.patience = 0;
        return;
    }
    seen.patience = seen.patience > 0 ? 2 * seen.patience : first_patience;
    if (seen.patience > last_patience) seen.patience = last_patience;
    seen.retry = wall + seen.patience;
    call_crowd(&idle, omp_get_num_procs() - threads + 2);
}

void fv_waiting_look(void)
{
    if (pthread_mutex_trylock(&seen.lock) != 0) return;
    double wall = clock_of(CLOCK_MONOTONIC);
    int threads = wall - seen.wall < window ? 1 : wanted();
    if (threads > 1) {
        if (!idle.is_there)
            judge(threads, wall);
        else if (wall > seen.retry)
            send_away(&idle);
        open_window(wall);
    }
    pthread_mutex_unlock(&seen.lock);
}
#else
void fv_waiting_begin(void) {}

void fv_waiting_look(void) {}
#endif
