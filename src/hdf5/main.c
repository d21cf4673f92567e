/* fovea-hdf5: the weights of an HDF5 file on standard input, as a safetensors file on standard output.
 *
 *     fovea-hdf5 BUDGET MEMORY MILLISECONDS <weights.h5 >weights.safetensors
 *
 * BUDGET: most bytes of elements; MEMORY: most bytes of address space; MILLISECONDS: most processor time; 0
 * or left out: no limit. When the file is refused, standard error is "CODE REASON", CODE a number of
 * fv_status, and the exit status is 64 + CODE. */
#define _DEFAULT_SOURCE /* closefrom */
#include "hdf5/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum { FAILED = 64, HEADER_MOST = 128 << 20 };

#if defined(__SANITIZE_ADDRESS__)
#    define UNDER_SANITIZER 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define UNDER_SANITIZER 1
#    endif
#endif
#ifndef UNDER_SANITIZER
#    define UNDER_SANITIZER 0
#endif

static void limit(int resource, rlim_t value)
{
    struct rlimit old;
    if (getrlimit(resource, &old) != 0) return;
    if (old.rlim_max != RLIM_INFINITY && value > old.rlim_max) value = old.rlim_max;
    setrlimit(resource, &(struct rlimit){value, value});
}

/* The sanitizer maps terabytes of address space and needs more time. */
static void set_limits(unsigned long long budget, unsigned long long memory, unsigned long long milliseconds)
{
    limit(RLIMIT_CORE, 0);
    if (budget) limit(RLIMIT_FSIZE, (rlim_t)budget + HEADER_MOST);
    if (memory && !UNDER_SANITIZER) limit(RLIMIT_AS, (rlim_t)memory);
    if (!milliseconds) return;
    if (UNDER_SANITIZER) milliseconds *= 8;
    struct timeval end = {(time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)};
    setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, end}, NULL);
    limit(RLIMIT_CPU, (rlim_t)(milliseconds / 1000 + 1));
}

/* Opens the file on standard input; afterwards the process cannot open any other. The file is read into
 * memory at once: the other drivers of the library look for its name, which a file in memory does not have.
 */
static fv_status open_input(hid_t *file, size_t *size, fv_error *err)
{
    struct stat st;
    if (fstat(STDIN_FILENO, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
        return fv_fail(err, FV_STATUS_ARGUMENT, "standard input is not a file");
    *size = (size_t)st.st_size;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_core(access, 1 << 16, 0);
    *file = H5Fopen("/proc/self/fd/0", H5F_ACC_RDONLY, access);
    H5Pclose(access);
    limit(RLIMIT_NOFILE, 0);
    if (*file < 0) return fv_fail(err, FV_STATUS_FORMAT, "not an HDF5 file, or a damaged one");
    return FV_OK;
}

static fv_status convert(size_t budget, fv_error *err)
{
    fv_status status;
    hid_t file = H5I_INVALID_HID;
    h5_tree tree = {.budget = budget ? budget : SIZE_MAX};
    FV_TRY_GOTO(open_input(&file, &tree.file_size, err));
    FV_TRY_GOTO(h5_tree_read(&tree, file, err));
    FV_TRY_GOTO(h5_tree_write(&tree, STDOUT_FILENO, err));
done:
    h5_tree_free(&tree);
    if (file >= 0) H5Fclose(file);
    return status;
}

static unsigned long long argument(int argc, char **argv, int i)
{
    return i < argc ? strtoull(argv[i], NULL, 10) : 0;
}

int main(int argc, char **argv)
{
    fv_error err;
    char line[FV_ERROR_TEXT + 32];
    closefrom(STDERR_FILENO + 1);
    set_limits(argument(argc, argv, 1), argument(argc, argv, 2), argument(argc, argv, 3));
    if (convert((size_t)argument(argc, argv, 1), &err) == FV_OK) return 0;
    int size = snprintf(line, sizeof line, "%d %s\n", (int)err.code, err.text);
    if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0) return FAILED;
    return FAILED + (int)err.code;
}
