/* The test frame of the C tests: TEST(name) { ... } in any tests/c/test_*.c registers itself; main.c runs
 * all. A failed CHECK is reported and the test goes on; a failed REQUIRE ends the test. */
#ifndef FV_TESTS_TEST_H
#define FV_TESTS_TEST_H

#include "base/status.h"

typedef struct test_case {
    const char *name;
    void (*run)(void);
    struct test_case *next;
} test_case;

void test_register(test_case *test);
int test_check(int ok, const char *file, int line, const char *what);
int test_check_near(double got, double wanted, double tolerance, const char *file, int line,
                    const char *what);
int test_check_text(const char *got, const char *wanted, const char *file, int line);
int test_check_status(fv_status got, fv_status wanted, const fv_error *err, const char *file, int line,
                      const char *what);
/* Marks the running test as skipped; the reason is printed. */
void test_skip(const char *reason);

#define TEST(name)                                                                                           \
    static void name(void);                                                                                  \
    __attribute__((constructor)) static void name##_register(void)                                           \
    {                                                                                                        \
        static test_case test = {#name, name, 0};                                                            \
        test_register(&test);                                                                                \
    }                                                                                                        \
    static void name(void)

#define CHECK(condition)             test_check((condition) != 0, __FILE__, __LINE__, #condition)
#define CHECK_NEAR(got, wanted, tol) test_check_near((got), (wanted), (tol), __FILE__, __LINE__, #got)
/* The text got contains the text wanted. */
#define CHECK_TEXT(got, wanted) test_check_text((got), (wanted), __FILE__, __LINE__)
/* A call that must succeed, and one that must fail with a code; err is a fv_error in scope. */
#define CHECK_OK(call)          test_check_status((call), FV_OK, &err, __FILE__, __LINE__, #call)
#define CHECK_FAILS(call, code) test_check_status((call), (code), &err, __FILE__, __LINE__, #call)
#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!CHECK(condition)) return;                                                                       \
    } while (0)
#define REQUIRE_OK(call)                                                                                     \
    do {                                                                                                     \
        if (!CHECK_OK(call)) return;                                                                         \
    } while (0)

#endif
