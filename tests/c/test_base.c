/* base: status texts, checked allocation, random numbers. */
#include "base/alloc.h"
#include "base/random.h"
#include "base/status.h"
#include "test.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

TEST(status_names_and_kinds)
{
    CHECK(strcmp(fv_status_name(FV_OK), "ok") == 0);
    CHECK(strcmp(fv_status_name(FV_STATUS_MISMATCH), "mismatch") == 0);
    CHECK(strcmp(fv_status_name((fv_status)99), "unknown") == 0);
    CHECK(!fv_status_is_external(FV_STATUS_SHAPE) && !fv_status_is_external(FV_OK));
    CHECK(fv_status_is_external(FV_STATUS_IO) && fv_status_is_external(FV_STATUS_DNN));
    CHECK(!fv_status_is_external((fv_status)-1));
}

TEST(status_formats_the_text)
{
    fv_error err;
    CHECK(fv_fail(&err, FV_STATUS_IO, "%s: %d", "file", 7) == FV_STATUS_IO);
    CHECK(err.code == FV_STATUS_IO && strcmp(err.text, "file: 7") == 0);
    CHECK(fv_fail_prefix(&err, "reading") == FV_STATUS_IO);
    CHECK(strcmp(err.text, "reading: file: 7") == 0);
    CHECK(fv_fail(NULL, FV_STATUS_SHAPE, "nobody listens") == FV_STATUS_SHAPE);
}

TEST(status_cuts_long_texts)
{
    fv_error err;
    char long_text[2000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    fv_fail(&err, FV_STATUS_FORMAT, "%s", long_text);
    CHECK(strlen(err.text) == FV_ERROR_TEXT - 1);
    fv_fail_prefix(&err, long_text);
    CHECK(strlen(err.text) < FV_ERROR_TEXT);
}

TEST(alloc_is_zeroed_and_counted)
{
    fv_error err;
    unsigned char *block;
    REQUIRE_OK(fv_calloc(&block, 100, 1, &err));
    int sum = 0;
    for (int i = 0; i < 100; i++) sum += block[i];
    CHECK(sum == 0);
    fv_free(block);
    REQUIRE_OK(fv_calloc(&block, 0, 8, &err)); /* an empty array is a block, too */
    CHECK(block != NULL);
    fv_free(block);
    fv_free(NULL);
}

TEST(alloc_aligned_counts_bytes)
{
    fv_error err;
    float *block;
    size_t before = fv_alloc_bytes();
    REQUIRE_OK(fv_alloc_aligned(&block, 1000, &err));
    CHECK((uintptr_t)block % FV_ALIGNMENT == 0);
    CHECK(fv_alloc_bytes() == before + 1000);
    fv_free_aligned(block, 1000);
    fv_free_aligned(NULL, 1000);
    CHECK(fv_alloc_bytes() == before);
}

TEST(alloc_refuses_overflow)
{
    fv_error err;
    void *block = &err;
    CHECK_FAILS(fv_calloc(&block, SIZE_MAX / 2, 3, &err), FV_STATUS_MEMORY);
    CHECK(block == NULL);
    CHECK_TEXT(err.text, "overflows");
    CHECK_FAILS(fv_realloc(&block, SIZE_MAX / 2, 3, &err), FV_STATUS_MEMORY);
    CHECK_FAILS(fv_alloc_aligned(&block, SIZE_MAX - 8, &err), FV_STATUS_MEMORY);
    size_t product = 5;
    CHECK(!fv_mul_size(SIZE_MAX, 2, &product));
    CHECK(fv_mul_size(6, 7, &product) && product == 42);
}

TEST(alloc_fails_on_demand)
{
    fv_error err;
    char *text = NULL, *block = NULL;
    fv_alloc_fail_at(1);
    CHECK_OK(fv_strdup(&text, "kept", &err));
    CHECK_FAILS(fv_realloc(&text, 100, 1, &err), FV_STATUS_MEMORY);
    CHECK(text && strcmp(text, "kept") == 0); /* unchanged on failure */
    CHECK_OK(fv_calloc(&block, 1, 1, &err));
    CHECK(fv_alloc_count() == 3);
    fv_free(block);
    fv_alloc_fail_at(0);
    CHECK_FAILS(fv_alloc_aligned(&block, 64, &err), FV_STATUS_MEMORY);
    CHECK(block == NULL);
    CHECK_TEXT(err.text, "64 bytes");
    fv_alloc_fail_at(-1);
    CHECK_OK(fv_realloc(&text, 100, 1, &err));
    CHECK(strcmp(text, "kept") == 0);
    fv_free(text);
}

/* The generator is part of the file formats of experiments: its values must never change. */
TEST(random_is_a_function_of_its_arguments)
{
    CHECK(fv_random_bits(1, 2, 3) == fv_random_bits(1, 2, 3));
    CHECK(fv_random_bits(1, 2, 3) != fv_random_bits(1, 2, 4));
    CHECK(fv_random_bits(1, 2, 3) != fv_random_bits(1, 3, 3));
    CHECK(fv_random_bits(1, 2, 3) != fv_random_bits(2, 2, 3));
    CHECK(fv_random_bits(0, 0, 0) != 0);
}

TEST(random_moments)
{
    enum { N = 100000 };
    double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0;
    for (uint64_t i = 0; i < N; i++) {
        double u = fv_random_uniform(7, 1, i), z = fv_random_normal(7, 2, i);
        REQUIRE(u >= 0 && u < 1 && isfinite(z));
        sum += u;
        squares += u * u;
        normal_sum += z;
        normal_squares += z * z;
    }
    CHECK_NEAR(sum / N, 0.5, 0.005);
    CHECK_NEAR(squares / N, 1.0 / 3, 0.005);
    CHECK_NEAR(normal_sum / N, 0, 0.02);
    CHECK_NEAR(normal_squares / N, 1, 0.02);
}

/* Big blocks come from the system and are used again; each keeps what is written to it. */
TEST(alloc_big)
{
    enum { COUNT = 12 };
    static const size_t sizes[COUNT] = {1 << 20, (1 << 20) - 1, 3 << 20, 5000000, 5000000, 17 << 20,
                                        1 << 21, 1 << 24,       1 << 20, 1 << 22, 9 << 20, 33 << 20};
    fv_error err;
    size_t before = fv_alloc_bytes(), held = 0;
    for (int round = 0; round < 3; round++) {
        unsigned char *block[COUNT];
        for (int i = 0; i < COUNT; i++) {
            REQUIRE_OK(fv_alloc_aligned(&block[i], sizes[i], &err));
            CHECK((uintptr_t)block[i] % FV_ALIGNMENT == 0);
            memset(block[i], i + 1, sizes[i]);
            held += sizes[i];
        }
        CHECK(fv_alloc_bytes() == before + held);
        for (int i = 0; i < COUNT; i++) {
            CHECK(block[i][0] == i + 1 && block[i][sizes[i] / 2] == i + 1 && block[i][sizes[i] - 1] == i + 1);
            fv_free_aligned(block[i], sizes[i]);
            held -= sizes[i];
        }
    }
    CHECK(fv_alloc_bytes() == before);
    unsigned char *none;
    CHECK(fv_alloc_aligned(&none, SIZE_MAX / 2 - 4096, &err) == FV_STATUS_MEMORY && !none);
}
