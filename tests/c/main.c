/* Runs the registered tests: c_tests [WORD], where WORD picks the tests with the word in their name. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static test_case *tests;
static int failed_checks;
static const char *skip_reason;

void test_register(test_case *test)
{
    test_case **at = &tests; /* sorted by name: the order of constructors is the linker's */
    while (*at && strcmp((*at)->name, test->name) < 0) at = &(*at)->next;
    test->next = *at;
    *at = test;
}

int test_check(int ok, const char *file, int line, const char *what)
{
    if (ok) return 1;
    failed_checks++;
    printf("  %s:%d: %s\n", file, line, what);
    return 0;
}

int test_check_near(double got, double wanted, double tolerance, const char *file, int line, const char *what)
{
    if (fabs(got - wanted) <= tolerance) return 1;
    printf("  got %.9g, wanted %.9g within %g\n", got, wanted, tolerance);
    return test_check(0, file, line, what);
}

int test_check_text(const char *got, const char *wanted, const char *file, int line)
{
    if (strstr(got, wanted)) return 1;
    printf("  got \"%s\"\n", got);
    return test_check(0, file, line, wanted);
}

int test_check_status(fv_status got, fv_status wanted, const fv_error *err, const char *file, int line,
                      const char *what)
{
    if (got == wanted) return 1;
    printf("  status %s, wanted %s: %s\n", fv_status_name(got), fv_status_name(wanted), got ? err->text : "");
    return test_check(0, file, line, what);
}

void test_skip(const char *reason)
{
    skip_reason = reason;
}

static void tally(const int counts[3])
{
    const char *path = getenv("FOVEA_TALLY");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    fprintf(file, "%d %d %d\n", counts[0], counts[1], counts[2]);
    fclose(file);
}

int main(int argc, char **argv)
{
    int counts[3] = {0}; /* passed, failed, skipped */
    for (test_case *test = tests; test; test = test->next) {
        if (argc > 1 && !strstr(test->name, argv[1])) continue;
        failed_checks = 0;
        skip_reason = NULL;
        test->run();
        if (failed_checks) printf("failure: %s\n", test->name);
        if (!failed_checks && skip_reason) printf("skipped: %s (%s)\n", test->name, skip_reason);
        counts[failed_checks ? 1 : skip_reason ? 2 : 0]++;
    }
    printf("c: %d passed, %d failed, %d skipped\n", counts[0], counts[1], counts[2]);
    tally(counts);
    return counts[1] > 0;
}
