/* Threads that wait for each other spin before they sleep: those of libgomp for some milliseconds, unless
 * there are more of them than processors. Two processes on one machine then spend most of their time so:
 * beside each other they took 2.5 (U-Net) to 30 times (M2U-Net) as long as one after the other. A thousandth
 * of that is as good for a process that is alone. libgomp can be told only by the environment, which it reads
 * before main (GOMP_SPINCOUNT, OMP_WAIT_POLICY). What it does count there is processors: at that moment, this
 * process has one. */
#define _GNU_SOURCE /* sched_setaffinity */
#include "base/parallel.h"

#include <sched.h>
#include <string.h>

#if defined(_OPENMP) && defined(__linux__) && defined(__GLIBC__) && !defined(__clang__)

static cpu_set_t allowed; /* before it was narrowed */
static int is_narrowed, is_number_given;

static int names(const char *entry, const char *name)
{
    size_t length = strlen(name);
    return strncmp(entry, name, length) == 0 && entry[length] == '=';
}

/* Whoever says how threads are to wait, or where they are to run, is obeyed. */
static int is_left_alone(char **environment)
{
    static const char *const wishes[] = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_PROC_BIND", "OMP_PLACES",
                                         "GOMP_CPU_AFFINITY"};
    for (; *environment; environment++) {
        for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
            if (names(*environment, wishes[i])) return 1;
        is_number_given |= names(*environment, "OMP_NUM_THREADS");
    }
    return 0;
}

/* Before the libraries are initialised. getenv does not work yet. */
static void narrow(int count, char **arguments, char **environment)
{
    (void)count;
    (void)arguments;
    cpu_set_t one;
    size_t here = (size_t)sched_getcpu(); /* -1 is beyond all */
    if (is_left_alone(environment) || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    if (here >= CPU_SETSIZE || CPU_COUNT(&allowed) < 2 || !CPU_ISSET(here, &allowed)) return;
    CPU_ZERO(&one);
    CPU_SET(here, &one);
    is_narrowed = sched_setaffinity(0, sizeof one, &one) == 0;
}

/* After that. */
__attribute__((constructor)) static void widen(void)
{
    if (!is_narrowed) return;
    sched_setaffinity(0, sizeof allowed, &allowed);
    if (!is_number_given) fv_set_threads(CPU_COUNT(&allowed));
}

typedef void start_function(int count, char **arguments, char **environment);
__attribute__((section(".preinit_array"), used)) static start_function *const before_libraries = narrow;
#endif
