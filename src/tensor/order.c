#include "tensor/order.h"

#include <math.h>
#include <string.h>

/* --- keys: unsigned integers in the order of the floats, so that digits can be counted --- */

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, HALF = 1 << 16 };

/* Ascending, -0 just below 0, every NaN at the top. */
static uint32_t key_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t flip = (0u - (bits >> 31)) | 0x80000000u; /* all bits of negative numbers */
    return x != x ? UINT32_MAX : bits ^ flip;
}

static float value_of(uint32_t key)
{
    float x;
    uint32_t bits = key & 0x80000000u ? key & 0x7FFFFFFFu : ~key;
    if (key == UINT32_MAX) return NAN;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* One stable counting pass of a radix sort on the digit at `shift`. */
static void radix_pass(uint32_t *restrict to, const uint32_t *restrict from, size_t n, int shift)
{
    size_t start[DIGITS] = {0}, at = 0;
    for (size_t i = 0; i < n; i++) start[(from[i] >> shift) & (DIGITS - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        size_t count = start[d];
        start[d] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++) to[start[(from[i] >> shift) & (DIGITS - 1)]++] = from[i];
}

fv_status fv_tensor_sort(fv_tensor **out, const fv_tensor *src, fv_error *err)
{
    fv_shape shape = {.rank = 1, .dim = {(int64_t)src->count}};
    fv_status status;
    uint32_t *a = NULL, *b = NULL;
    *out = NULL;
    FV_TRY_GOTO(fv_calloc(&a, src->count, sizeof *a, err));
    FV_TRY_GOTO(fv_calloc(&b, src->count, sizeof *b, err));
    FV_TRY_GOTO(fv_tensor_new(out, &shape, err));
    for (size_t i = 0; i < src->count; i++) a[i] = key_of(src->data[i]);
    radix_pass(b, a, src->count, 0);
    radix_pass(a, b, src->count, DIGIT_BITS);
    radix_pass(b, a, src->count, 2 * DIGIT_BITS);
    for (size_t i = 0; i < src->count; i++) (*out)->data[i] = value_of(b[i]);
done:
    fv_free(a);
    fv_free(b);
    return status;
}

/* The digit in which item *rank (from 0, ascending) falls; *rank becomes its rank within the digit. */
static uint32_t find_digit(const size_t count[HALF], size_t *rank)
{
    uint32_t digit = 0;
    while (*rank >= count[digit]) *rank -= count[digit++];
    return digit;
}

/* Key of the element with the given rank (from 0, ascending), by counting the upper, then the lower half of
 * the keys. count has room for HALF. */
static uint32_t select_key(const fv_tensor *src, size_t rank, size_t *count)
{
    memset(count, 0, HALF * sizeof *count);
    for (size_t i = 0; i < src->count; i++) count[key_of(src->data[i]) >> 16]++;
    uint32_t upper = find_digit(count, &rank);
    memset(count, 0, HALF * sizeof *count);
    for (size_t i = 0; i < src->count; i++) {
        uint32_t key = key_of(src->data[i]);
        if (key >> 16 == upper) count[key & (HALF - 1)]++;
    }
    return upper << 16 | find_digit(count, &rank);
}

static int has_nan(const fv_tensor *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->data[i] != t->data[i]) return 1;
    return 0;
}

fv_status fv_tensor_quantile(double *out, const fv_tensor *src, double q, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    size_t *count;
    if (!(q >= 0 && q <= 1))
        return fv_fail(err, FV_STATUS_ARGUMENT, "quantile: the fraction %g is not within 0 and 1", q);
    if (!src->count)
        return fv_fail(err, FV_STATUS_SHAPE, "quantile: shape %s has no elements",
                       fv_shape_text(&src->shape, text));
    *out = NAN;
    if (has_nan(src)) return FV_OK;
    FV_TRY(fv_calloc(&count, HALF, sizeof *count, err));
    double position = (double)(src->count - 1) * q;
    size_t below = (size_t)position;
    double part = position - (double)below;
    *out = (double)value_of(select_key(src, below, count));
    if (part > 0) {
        double above = (double)value_of(select_key(src, below + 1, count));
        if (above != *out) *out += part * (above - *out); /* equal infinities have no difference */
    }
    fv_free(count);
    return FV_OK;
}

static void fill(fv_tensor *t, float value)
{
    for (size_t i = 0; i < t->count; i++) t->data[i] = value;
}

/* Sets the first `room` elements that equal the cut (NaN equals NaN here); returns whether one was left out.
 */
static int take_equal(fv_tensor *mask, const fv_tensor *src, float cut, size_t room)
{
    int left_out = 0;
    for (size_t i = 0; i < src->count; i++) {
        float x = src->data[i];
        if (x != cut && !(x != x && cut != cut)) continue;
        if (room) {
            mask->data[i] = 1;
            room--;
        } else {
            left_out = 1;
        }
    }
    return left_out;
}

fv_status fv_tensor_top_k(fv_tensor **out, int *ties, const fv_tensor *src, size_t k, fv_error *err)
{
    size_t *count = NULL, taken = 0, nans = 0;
    fv_status status;
    *ties = 0;
    FV_TRY(fv_tensor_full(out, &src->shape, 0, err));
    if (k >= src->count) fill(*out, 1);
    if (k == 0 || k >= src->count) return FV_OK;
    FV_TRY_GOTO(fv_calloc(&count, HALF, sizeof *count, err));
    for (size_t i = 0; i < src->count; i++) nans += src->data[i] != src->data[i];
    /* keys put NaN at the top, top-k at the bottom */
    float cut = k > src->count - nans ? NAN : value_of(select_key(src, src->count - nans - k, count));
    for (size_t i = 0; i < src->count; i++) {
        float x = src->data[i];
        int above = cut != cut ? x == x : x > cut;
        (*out)->data[i] = (float)above;
        taken += (size_t)above;
    }
    *ties = take_equal(*out, src, cut, k - taken);
done:
    fv_free(count);
    if (status) {
        fv_tensor_release(*out);
        *out = NULL;
    }
    return status;
}

/* One stable counting pass over items that hold a key above and an index below 2^32. */
static void radix_pass_items(uint64_t *restrict to, const uint64_t *restrict from, size_t n, int shift)
{
    size_t start[DIGITS] = {0}, at = 0;
    for (size_t i = 0; i < n; i++) start[(from[i] >> shift) & (DIGITS - 1)]++;
    for (int d = 0; d < DIGITS; d++) {
        size_t count = start[d];
        start[d] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++) to[start[(from[i] >> shift) & (DIGITS - 1)]++] = from[i];
}

/* Gives the items, ascending by value, their ranks: runs of equal values the mean of theirs. */
static void spread_ranks(fv_tensor *out, const fv_tensor *src, const uint64_t *items)
{
    for (size_t first = 0, next; first < src->count; first = next) {
        float x = src->data[(uint32_t)items[first]];
        for (next = first + 1; next < src->count && src->data[(uint32_t)items[next]] == x;) next++;
        float rank = x == x ? (float)(0.5 * (double)(first + 1 + next)) : NAN;
        for (size_t i = first; i < next; i++) out->data[(uint32_t)items[i]] = rank;
    }
}

fv_status fv_tensor_ranks(fv_tensor **out, const fv_tensor *src, fv_error *err)
{
    fv_status status;
    uint64_t *a = NULL, *b = NULL;
    size_t n = src->count;
    *out = NULL;
    if (n > UINT32_MAX) return fv_fail(err, FV_STATUS_SHAPE, "ranks: %zu elements are too many", n);
    FV_TRY_GOTO(fv_calloc(&a, n, sizeof *a, err));
    FV_TRY_GOTO(fv_calloc(&b, n, sizeof *b, err));
    FV_TRY_GOTO(fv_tensor_new(out, &src->shape, err));
    for (size_t i = 0; i < n; i++) a[i] = (uint64_t)key_of(src->data[i]) << 32 | i;
    radix_pass_items(b, a, n, 32);
    radix_pass_items(a, b, n, 32 + DIGIT_BITS);
    radix_pass_items(b, a, n, 32 + 2 * DIGIT_BITS);
    spread_ranks(*out, src, b);
done:
    fv_free(a);
    fv_free(b);
    return status;
}

static void count_bins(const fv_tensor *src, int64_t bins, double low, double high, uint64_t *count)
{
    double scale = (double)bins / (high - low);
    for (size_t i = 0; i < src->count; i++) {
        double x = (double)src->data[i];
        if (!(x >= low && x <= high)) continue;
        int64_t bin = (int64_t)((x - low) * scale);
        count[bin < bins ? bin : bins - 1]++;
    }
}

fv_status fv_tensor_histogram(fv_tensor **counts, fv_tensor **edges, const fv_tensor *src, int64_t bins,
                              double low, double high, fv_error *err)
{
    fv_status status;
    uint64_t *count = NULL;
    *counts = *edges = NULL;
    if (bins < 1 || bins > 1 << 24)
        return fv_fail(err, FV_STATUS_ARGUMENT, "histogram: %lld is not a number of bins", (long long)bins);
    if (!isfinite(low) || !isfinite(high) || low > high)
        return fv_fail(err, FV_STATUS_ARGUMENT, "histogram: %g to %g is not a range", low, high);
    if (low == high) {
        low -= 0.5;
        high += 0.5;
    }
    fv_shape one = {.rank = 1, .dim = {bins}}, more = {.rank = 1, .dim = {bins + 1}};
    FV_TRY_GOTO(fv_calloc(&count, (size_t)bins, sizeof *count, err));
    FV_TRY_GOTO(fv_tensor_new(counts, &one, err));
    FV_TRY_GOTO(fv_tensor_new(edges, &more, err));
    count_bins(src, bins, low, high, count);
    for (int64_t i = 0; i < bins; i++) (*counts)->data[i] = (float)count[i];
    for (int64_t i = 0; i <= bins; i++)
        (*edges)->data[i] = (float)(low + (high - low) * (double)i / (double)bins);
done:
    fv_free(count);
    if (status) {
        fv_tensor_release(*counts);
        fv_tensor_release(*edges);
        *counts = *edges = NULL;
    }
    return status;
}
