#define _GNU_SOURCE /* dladdr1, pipe2 */
#include "io/program.h"

#include "base/alloc.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH_MOST = 4096 };

/* --- where it is --- */

/* The file that this code was loaded from: a shared library or the executable. */
static fv_status own_file(char path[PATH_MOST], fv_error *err)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (dladdr1((void *)(uintptr_t)fv_program_find, &info, (void **)&map, RTLD_DL_LINKMAP) && map &&
        map->l_name[0] == '/') {
        snprintf(path, PATH_MOST, "%s", map->l_name);
        return FV_OK;
    }
    if (map && map->l_name[0] && realpath(map->l_name, path)) return FV_OK; /* loaded by a relative path */
    ssize_t length = readlink("/proc/self/exe", path, PATH_MOST - 1);
    if (length <= 0) return fv_fail(err, FV_STATUS_IO, "/proc is not there");
    path[length] = 0;
    return FV_OK;
}

fv_status fv_program_find(char **path, const char *name, fv_error *err)
{
    static const char *const places[] = {"", "fovea/", "../lib/lua/5.4/fovea/"};
    char own[PATH_MOST], candidate[PATH_MOST + 64];
    *path = NULL;
    FV_TRY(own_file(own, err));
    char *slash = strrchr(own, '/');
    if (slash) slash[1] = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(candidate, sizeof candidate, "%s%s%s", own, places[i], name);
        if (access(candidate, X_OK) == 0) return fv_strdup(path, candidate, err);
    }
    return fv_fail(err, FV_STATUS_UNSUPPORTED, "the program %s is not there (looked in %.300s)", name, own);
}

/* --- running it --- */

static long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A copy of fd that is none of the three standard ones, so that these can be replaced in any order. */
static int above_standard(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static int add_files(posix_spawn_file_actions_t *actions, const int files[3])
{
    for (int i = 0; i < 3; i++) {
        int number = posix_spawn_file_actions_adddup2(actions, files[i], i);
        if (number) return number;
    }
    return 0;
}

/* Only what finds shared libraries is passed on. Leaks of a process that ends at once do not matter. */
static int start(pid_t *pid, char *const argv[], const int files[3])
{
    char libraries[PATH_MOST];
    static char locale[] = "LC_ALL=C", locking[] = "HDF5_USE_FILE_LOCKING=FALSE";
    static char sanitizer[] = "ASAN_OPTIONS=detect_leaks=0";
    char *environment[] = {locale, locking, sanitizer, NULL, NULL};
    const char *folders = getenv("LD_LIBRARY_PATH");
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    if (folders &&
        (size_t)snprintf(libraries, sizeof libraries, "LD_LIBRARY_PATH=%s", folders) < sizeof libraries)
        environment[3] = libraries;
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int number = add_files(&actions, files);
    if (!number) number = posix_spawn(pid, argv[0], &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return number;
}

/* Keeps the start of what comes through the pipe until it is closed or the time is over. */
static void listen(char *said, size_t room, int fd, long end)
{
    char bytes[512];
    size_t at = 0;
    for (long left = end - now(); left > 0; left = end - now()) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (poll(&wait, 1, (int)left) <= 0) continue;
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n == 0 || (n < 0 && errno != EINTR)) break;
        for (ssize_t i = 0; i < n && at < room - 1; i++) said[at++] = bytes[i];
    }
    said[at] = 0;
}

/* Where the process ignores SIGCHLD the system keeps no status: then it counts as an exit with 0. */
static void collect(fv_program_result *result, pid_t pid, long end)
{
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && now() < end)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    result->end = ended == 0            ? FV_PROGRAM_TIMED_OUT
                  : WIFSIGNALED(status) ? FV_PROGRAM_KILLED
                                        : FV_PROGRAM_EXITED;
    if (ended <= 0) kill(-pid, SIGKILL);
    while (ended == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    result->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

fv_status fv_program_run(fv_program_result *result, char *const argv[], int in, int out, long milliseconds,
                         fv_error *err)
{
    int pipes[2] = {-1, -1}, files[3] = {above_standard(in), above_standard(out), -1};
    long end = now() + milliseconds;
    pid_t pid;
    int number = pipe2(pipes, O_CLOEXEC) == 0 ? 0 : errno;
    *result = (fv_program_result){0};
    files[2] = number ? -1 : above_standard(pipes[1]);
    if (!number) number = start(&pid, argv, files);
    for (int i = 0; i < 3; i++)
        if (files[i] >= 0) close(files[i]);
    if (pipes[1] >= 0) close(pipes[1]);
    if (!number) {
        listen(result->said, sizeof result->said, pipes[0], end);
        collect(result, pid, end);
    }
    if (pipes[0] >= 0) close(pipes[0]);
    if (number) return fv_fail(err, FV_STATUS_IO, "%s cannot be started (error %d)", argv[0], number);
    return FV_OK;
}
