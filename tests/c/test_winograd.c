/* Winograd convolution against the plain sum in double precision, for every instruction set of this machine.
 */
#include "base/alloc.h"
#include "base/parallel.h"
#include "test.h"
#include "winograd_problem.h"

#include <math.h>
#include <string.h>

/* Sizes that are no whole tiles, channels that are no whole blocks, one pixel, several images. */
TEST(winograd_shapes)
{
    static const int64_t shapes[][5] = {
        {1, 8, 8, 16, 16}, {1, 7, 9, 16, 32}, {2, 5, 6, 17, 20},   {3, 1, 1, 16, 16},   {1, 13, 3, 48, 33},
        {2, 4, 11, 3, 16}, {1, 2, 30, 40, 5}, {1, 21, 18, 64, 64}, {1, 6, 6, 160, 144}, {1, 40, 37, 16, 16}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        fv_winograd there = winograd_forward(s[0], s[1], s[2], s[3], s[4]),
                    back = winograd_backward(s[0], s[1], s[2], s[3], s[4]);
        check_winograd(&there, 0, 0);
        check_winograd(&back, 0, 0);
    }
}

/* Through a doubling: one source pixel more and less than a tile, blocks that are not full, both ways to cut
 * it up, and gates. */
TEST(winograd_halves)
{
    static const int64_t shapes[][5] = {{1, 5, 5, 16, 16},   {2, 4, 6, 16, 32},  {1, 1, 1, 16, 16},
                                        {1, 11, 3, 20, 33},  {3, 10, 9, 33, 17}, {1, 21, 18, 64, 48},
                                        {1, 9, 12, 260, 300}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        fv_winograd what = winograd_halving(s[0], s[1], s[2], s[3], s[4]);
        check_winograd(&what, 0, 0);
        what.gate_high = INFINITY;
        check_winograd(&what, 0, 1);
    }
}

/* Volumes: any padding along the depth, kernels of one slice and of three, of more slices than there are. */
static fv_winograd volume(fv_winograd what, int64_t depth, int64_t weights_depth, int64_t pad_front,
                          int64_t pad_back)
{
    what.depth = depth;
    what.weights_depth = weights_depth;
    what.pad_front = pad_front;
    what.out_depth = depth + pad_front + pad_back - weights_depth + 1;
    return what;
}

TEST(winograd_volumes)
{
    static const int64_t depths[][4] = {{5, 3, 1, 1}, {3, 1, 0, 0}, {4, 3, 0, 0}, {2, 3, 2, 1}, {1, 3, 1, 1},
                                        {7, 5, 2, 2}, {3, 3, 0, 2}, {6, 2, 0, 1}, {13, 3, 1, 1}};
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++) {
        const int64_t *d = depths[i];
        fv_winograd there = volume(winograd_forward(2, 9, 6, 20, 33), d[0], d[1], d[2], d[3]),
                    back = volume(winograd_backward(2, 6, 9, 33, 20), d[0], d[1], d[2], d[3]),
                    large = volume(winograd_forward(1, 10, 7, 180, 150), d[0], d[1], d[2], d[3]),
                    large_back = volume(winograd_backward(1, 7, 10, 150, 180), d[0], d[1], d[2], d[3]);
        there.activation = FV_WINOGRAD_LEAKY;
        check_winograd(&there, 1, 0);
        check_winograd(&back, 0, 0);
        check_winograd(&large, 0, 0);
        back.gate_high = large_back.gate_high = INFINITY;
        check_winograd(&back, 0, 1);
        check_winograd(&large_back, 0, 1);
    }
}

/* Several sources of a volume, and two gradients of one. */
TEST(winograd_volume_parts)
{
    fv_winograd there = volume(winograd_forward(1, 10, 9, 16 + 20 + 32, 40), 4, 3, 1, 1),
                back = volume(winograd_backward(1, 10, 9, 16 + 20 + 32, 40), 4, 3, 1, 1);
    there.srcs = 3;
    there.src[0] = (fv_winograd_part){16, 0};
    there.src[1] = (fv_winograd_part){20, 16};
    there.src[2] = (fv_winograd_part){32, 36};
    check_winograd(&there, 1, 0);
    back.dsts = 2;
    back.dst[0] = there.src[2];
    back.dst[1] = there.src[1];
    check_winograd(&back, 0, 0);
}

/* Large weights: tiles are transformed first, in more than one block, and summed over in more than one chunk.
 */
TEST(winograd_large_weights)
{
    fv_winograd there = winograd_forward(1, 50, 45, 272, 288), back = winograd_backward(1, 9, 12, 260, 300);
    check_winograd(&there, 0, 0);
    check_winograd(&back, 0, 0);
}

TEST(winograd_pads)
{
    for (int64_t top = 0; top < 3; top++) {
        fv_winograd what = winograd_forward(2, 9, 10, 16, 16);
        what.pad_top = top;
        what.pad_left = 2 - top;
        what.out_height = 9 + top - 1; /* one row of zeros below */
        what.out_width = 10 + 2 - top - 2;
        check_winograd(&what, 0, 0);
    }
}

TEST(winograd_activations)
{
    for (int kind = FV_WINOGRAD_NONE; kind <= FV_WINOGRAD_SIGMOID; kind++)
        for (int with_addend = 0; with_addend < 2; with_addend++) {
            fv_winograd what = winograd_forward(1, 6, 9, 16, 21);
            what.activation = (fv_winograd_activation)kind;
            what.alpha = kind == FV_WINOGRAD_CLIP ? -0.5f : 0.2f;
            what.beta = 0.7f;
            check_winograd(&what, with_addend, 0);
        }
}

TEST(winograd_gate)
{
    fv_winograd what = winograd_backward(2, 7, 10, 24, 20);
    what.gate_high = INFINITY;
    check_winograd(&what, 0, 1);
    what.gate_low = -0.2f;
    what.gate_high = 0.6f;
    what.gate_slope = 0.1f;
    check_winograd(&what, 0, 1);
}

/* Weights times a factor for each output channel. */
TEST(winograd_factor)
{
    for (int is_back = 0; is_back < 2; is_back++) {
        winograd_problem p;
        float factor[48] = {0}, *weights, *plain;
        fv_winograd what = is_back ? winograd_backward(1, 9, 6, 20, 33) : winograd_forward(1, 9, 6, 20, 33);
        open_winograd(&p, &what, 0, 0);
        weights = p.buffer + (p.data.weights - p.buffer);
        for (int i = 0; i < 33; i++) factor[i] = (float)(1 << i % 5) * (i % 2 ? -0.25f : 0.5f);
        for (int k = 0; fv_winograd_kernels_at(k); k++) {
            fv_error err;
            p.data.factor = factor;
            run_winograd(&p, 1, k);
            REQUIRE_OK(fv_alloc_aligned(&plain, p.result_count * sizeof(float), &err));
            memcpy(plain, p.results, p.result_count * sizeof(float));
            p.data.factor = NULL; /* powers of two: the same to the bit */
            for (int i = 0; i < 33 * 20 * 9; i++) weights[i] *= factor[i / 180];
            run_winograd(&p, 1, k);
            CHECK(memcmp(plain, p.results, p.result_count * sizeof(float)) == 0);
            for (int i = 0; i < 33 * 20 * 9; i++) weights[i] /= factor[i / 180];
            fv_free_aligned(plain, p.result_count * sizeof(float));
        }
        close_winograd(&p);
    }
}

/* Several sources instead of their concatenation, and its gradient, of which one part is not wanted. */
TEST(winograd_parts)
{
    fv_winograd there = winograd_forward(1, 10, 9, 16 + 20 + 32, 40),
                back = winograd_backward(1, 10, 9, 16 + 20 + 32, 40);
    there.srcs = 3;
    there.src[0] = (fv_winograd_part){16, 0};
    there.src[1] = (fv_winograd_part){20, 16};
    there.src[2] = (fv_winograd_part){32, 36};
    there.activation = FV_WINOGRAD_LEAKY;
    check_winograd(&there, 1, 0);
    back.dsts = 2;
    back.dst[0] = there.src[2];
    back.dst[1] = there.src[1];
    check_winograd(&back, 0, 0);
}

/* Gradients that are zero but for a window, or whose gate is closed elsewhere: the same bits as without the
 * short cut. */
static void check_blank(const fv_winograd *what, int with_gate, int64_t from, int64_t to)
{
    winograd_problem p;
    fv_error err;
    float *first;
    int before = fv_threads();
    open_winograd(&p, what, 0, with_gate);
    size_t bytes = p.result_count * sizeof(float), count = winograd_sources_of(what, &what->src[0]);
    REQUIRE_OK(fv_alloc_aligned(&first, bytes, &err));
    for (size_t i = 0; i < count; i++) {
        int64_t pixel = (int64_t)i / what->src[0].channels, x = pixel % what->width,
                y = pixel / what->width % what->height, slice = pixel / what->width / what->height;
        int inside = what->depth == 1 || slice % what->depth == 2;
        if (inside && x >= from && x < to && y >= from && y < to) continue;
        if (with_gate && i % 3)
            p.buffer[(size_t)(p.data.gate - p.buffer) + i] = -1;
        else
            p.buffer[i] = i % 2 ? 0.0f : -0.0f;
    }
    for (int threads = 1; threads <= 2; threads++) {
        run_winograd_with(&p, threads, 0, 0);
        memcpy(first, p.results, bytes);
        run_winograd_with(&p, threads, 0, 1);
        CHECK(memcmp(first, p.results, bytes) == 0);
    }
    fv_set_threads(before);
    fv_free_aligned(first, bytes);
    close_winograd(&p);
}

TEST(winograd_blank_tiles)
{
    fv_winograd small = winograd_backward(2, 23, 18, 24, 40), large = winograd_backward(1, 30, 33, 260, 300);
    fv_winograd deep = volume(winograd_backward(2, 23, 18, 24, 40), 9, 3, 1, 1),
                half = winograd_halving(2, 17, 16, 24, 40);
    small.gate_high = large.gate_high = deep.gate_high = half.gate_high = INFINITY;
    small.dsts = 2;
    small.dst[0] = (fv_winograd_part){16, 24};
    small.dst[1] = (fv_winograd_part){24, 0};
    small.weights_in = 40;
    for (int with_gate = 0; with_gate < 2; with_gate++)
        for (int64_t size = 0; size < 9; size += 4) {
            check_blank(&small, with_gate, 6, 6 + size);
            check_blank(&large, with_gate, 3, 3 + size);
            check_blank(&deep, with_gate, 6, 6 + size);
            for (int64_t from = 9; from < 13; from++) check_blank(&half, with_gate, from, from + size);
        }
}

/* Bits between the bounds, of `count` numbers in whole words. */
static void take_signs(const fv_winograd *what, const float *from, size_t count, uint16_t *signs)
{
    memset(signs, 0, count / 8);
    for (size_t i = 0; i < count; i++)
        if (from[i] > what->gate_low && from[i] < what->gate_high)
            signs[i / 16] = (uint16_t)(signs[i / 16] | 1 << i % 16);
}

/* Bits of results are right, and gradients through them have the bits of those through the results. */
static void check_signs(const fv_winograd *what, int with_gate)
{
    winograd_problem p;
    fv_error err;
    float *first;
    uint16_t *made, *wanted;
    int before = fv_threads();
    open_winograd(&p, what, !what->backward, with_gate);
    size_t bytes = p.result_count * sizeof(float), count = winograd_sources_of(what, &what->src[0]);
    size_t most = p.result_count > count ? p.result_count : count;
    REQUIRE_OK(fv_alloc_aligned(&first, bytes, &err));
    REQUIRE_OK(fv_calloc(&made, most, 1, &err));
    REQUIRE_OK(fv_calloc(&wanted, most, 1, &err));
    const float *gate = p.data.gate;
    for (int k = 0; fv_winograd_kernels_at(k); k++) {
        p.data.gate = gate;
        p.data.signs = NULL;
        p.data.signs_out = NULL;
        run_winograd(&p, 1, k);
        memcpy(first, p.results, bytes);
        if (gate) take_signs(what, gate, count, wanted);
        if (gate) p.data.signs = wanted;
        if (!what->backward) p.data.signs_out = made;
        p.data.gate = NULL;
        run_winograd(&p, 2, k);
        CHECK(memcmp(first, p.results, bytes) == 0);
        if (what->backward) continue;
        take_signs(what, p.results, p.result_count, wanted);
        CHECK(memcmp(made, wanted, p.result_count / 8) == 0);
    }
    fv_set_threads(before);
    fv_free(made);
    fv_free(wanted);
    fv_free_aligned(first, bytes);
    close_winograd(&p);
}

TEST(winograd_signs)
{
    fv_winograd what[] = {winograd_forward(2, 7, 10, 20, 48), winograd_forward(1, 9, 8, 272, 288),
                          winograd_backward(2, 7, 10, 20, 48), winograd_backward(1, 9, 13, 260, 288),
                          winograd_halving(2, 7, 5, 20, 48)};
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        what[i].activation = what[i].backward ? FV_WINOGRAD_NONE : FV_WINOGRAD_LEAKY;
        what[i].gate_high = INFINITY;
        check_signs(&what[i], what[i].backward);
        what[i].activation = what[i].backward ? FV_WINOGRAD_NONE : FV_WINOGRAD_CLIP;
        what[i].gate_low = what[i].alpha = -0.5f;
        what[i].gate_high = what[i].beta = 0.6f;
        what[i].gate_slope = what[i].backward ? 0.25f : 0.0f;
        check_signs(&what[i], what[i].backward);
    }
}
