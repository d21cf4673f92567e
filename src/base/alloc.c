#include "base/alloc.h"
#include "base/pages.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_size_t aligned_bytes;
static atomic_long fail_at = -1;
static atomic_long alloc_count;

size_t fv_alloc_bytes(void)
{
    return atomic_load(&aligned_bytes);
}

void fv_alloc_fail_at(long n)
{
    atomic_store(&alloc_count, 0);
    atomic_store(&fail_at, n);
}

long fv_alloc_count(void)
{
    return atomic_load(&alloc_count);
}

static int must_fail(void)
{
    long n = atomic_fetch_add(&alloc_count, 1);
    return n == atomic_load(&fail_at);
}

int fv_mul_size(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

fv_status fv_calloc(void *out, size_t count, size_t size, fv_error *err)
{
    void **block = out;
    size_t bytes;
    *block = NULL;
    if (!fv_mul_size(count, size, &bytes))
        return fv_fail(err, FV_STATUS_MEMORY, "allocation of %zu x %zu bytes overflows", count, size);
    if (!must_fail()) *block = calloc(1, bytes ? bytes : 1);
    if (!*block) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for %zu bytes", bytes);
    return FV_OK;
}

fv_status fv_realloc(void *inout, size_t count, size_t size, fv_error *err)
{
    void **block = inout;
    size_t bytes;
    if (!fv_mul_size(count, size, &bytes))
        return fv_fail(err, FV_STATUS_MEMORY, "allocation of %zu x %zu bytes overflows", count, size);
    void *moved = must_fail() ? NULL : realloc(*block, bytes ? bytes : 1);
    if (!moved) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for %zu bytes", bytes);
    *block = moved;
    return FV_OK;
}

fv_status fv_strdup(char **out, const char *text, fv_error *err)
{
    size_t n = strlen(text) + 1;
    FV_TRY(fv_calloc(out, n, 1, err));
    memcpy(*out, text, n);
    return FV_OK;
}

/* Rounded up because aligned_alloc wants a multiple of the alignment. */
static size_t padded(size_t bytes)
{
    size_t n = (bytes + FV_ALIGNMENT - 1) / FV_ALIGNMENT * FV_ALIGNMENT;
    return n ? n : FV_ALIGNMENT;
}

/* Checkers want to see every block. */
#if defined(__SANITIZE_ADDRESS__)
#    define CHECKED 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define CHECKED 1
#    endif
#endif

static int is_big(size_t bytes)
{
#ifdef CHECKED
    (void)bytes;
    return 0;
#else
    return bytes >= FV_PAGES_LEAST;
#endif
}

fv_status fv_alloc_aligned(void *out, size_t bytes, fv_error *err)
{
    void **block = out;
    *block = NULL;
    if (bytes <= SIZE_MAX / 2 && !must_fail())
        *block = is_big(bytes) ? fv_pages_new(bytes) : aligned_alloc(FV_ALIGNMENT, padded(bytes));
    if (!*block) return fv_fail(err, FV_STATUS_MEMORY, "not enough memory for %zu bytes", bytes);
    atomic_fetch_add(&aligned_bytes, bytes);
    return FV_OK;
}

void fv_free(void *block)
{
    free(block);
}

void fv_free_aligned(void *block, size_t bytes)
{
    if (!block) return;
    atomic_fetch_sub(&aligned_bytes, bytes);
    if (is_big(bytes))
        fv_pages_free(block, bytes);
    else
        free(block);
}
