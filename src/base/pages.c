#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "base/pages.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

enum { GRAIN = 1 << 16, BIG = 1 << 22, SLOTS = 8, KEPT = 1 << 24 };

typedef struct slot {
    void *block;
    size_t bytes;
} slot;

/* Blocks that wait for use, the oldest first. */
static slot kept[SLOTS];
static int kept_count;
static size_t kept_bytes;
static atomic_flag busy = ATOMIC_FLAG_INIT;

static void lock(void)
{
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
    }
}

static void unlock(void)
{
    atomic_flag_clear_explicit(&busy, memory_order_release);
}

static size_t rounded(size_t bytes)
{
    return (bytes + GRAIN - 1) / GRAIN * GRAIN;
}

/* The lock is held. */
static slot take(int i)
{
    slot found = kept[i];
    kept_count--;
    kept_bytes -= found.bytes;
    for (; i < kept_count; i++) kept[i] = kept[i + 1];
    return found;
}

/* A block that waits, or NULL. */
static void *reuse(size_t bytes)
{
    void *block = NULL;
    lock();
    for (int i = kept_count - 1; i >= 0 && !block; i--)
        if (kept[i].bytes == bytes) block = take(i).block;
    unlock();
    return block;
}

/* Memory that is touched for the first time costs a seventh when the system gives it in big pages. */
static void prefer_big_pages(void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    if (bytes >= BIG) madvise(block, bytes, MADV_HUGEPAGE);
#else
    (void)block;
    (void)bytes;
#endif
}

void *fv_pages_new(size_t bytes)
{
    if (bytes > SIZE_MAX / 2) return NULL;
    size_t whole = rounded(bytes);
    void *block = reuse(whole);
    if (block) return block;
    block = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return NULL;
    prefer_big_pages(block, whole);
    return block;
}

void fv_pages_free(void *block, size_t bytes)
{
    slot old[SLOTS];
    int count = 0;
    size_t whole = rounded(bytes);
    if (whole > KEPT) {
        munmap(block, whole);
        return;
    }
    lock();
    while (kept_count == SLOTS || kept_bytes + whole > KEPT) old[count++] = take(0);
    kept[kept_count++] = (slot){block, whole};
    kept_bytes += whole;
    unlock();
    for (int i = 0; i < count; i++) munmap(old[i].block, old[i].bytes);
}
