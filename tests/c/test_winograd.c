/* Winograd convolution against the plain sum in double precision, for every instruction set of this machine.
 */
#include "base/alloc.h"
#include "base/parallel.h"
#include "base/random.h"
#include "ops/winograd_kernels.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct problem {
    fv_winograd what;
    fv_winograd_data data;
    float *buffer; /* all but results and scratch */
    float *results;
    size_t buffer_count, result_count;
} problem;

static size_t sources_of(const fv_winograd *w, const fv_winograd_part *part)
{
    return (size_t)(w->images * w->depth * w->height * w->width * part->channels);
}

static size_t results_of(const fv_winograd *w, const fv_winograd_part *part)
{
    return (size_t)(w->images * w->out_depth * w->out_height * w->out_width * part->channels);
}

/* Random data for everything; addend, bias and gate where wanted. */
static void open_problem(problem *p, const fv_winograd *what, int with_addend, int with_gate)
{
    fv_error err;
    size_t at = 0, weights = (size_t)(9 * what->weights_out * what->weights_in * what->weights_depth);
    *p = (problem){.what = *what};
    for (int i = 0; i < what->srcs; i++) p->buffer_count += 2 * sources_of(what, &what->src[i]);
    for (int i = 0; i < what->dsts; i++) p->result_count += results_of(what, &what->dst[i]);
    p->buffer_count += weights + p->result_count + (size_t)what->dst[0].channels;
    if (!CHECK_OK(fv_alloc_aligned(&p->buffer, p->buffer_count * sizeof(float), &err))) return;
    if (!CHECK_OK(fv_alloc_aligned(&p->results, p->result_count * sizeof(float), &err))) return;
    for (size_t i = 0; i < p->buffer_count; i++) p->buffer[i] = (float)fv_random_uniform(7, 0, i) * 2 - 0.8f;
    for (int i = 0; i < what->srcs; i++) {
        p->data.src[i] = p->buffer + at;
        at += sources_of(what, &what->src[i]);
    }
    p->data.weights = p->buffer + at;
    p->data.bias = what->backward ? NULL : p->buffer + at + weights;
    at += weights + (size_t)what->dst[0].channels;
    p->data.addend = with_addend ? p->buffer + at : NULL;
    p->data.gate = with_gate ? p->buffer + at + p->result_count : NULL;
    at = 0;
    for (int i = 0; i < what->dsts; i++) {
        p->data.dst[i] = p->results + at;
        at += results_of(what, &what->dst[i]);
    }
}

static void close_problem(problem *p)
{
    fv_free_aligned(p->buffer, p->buffer_count * sizeof(float));
    fv_free_aligned(p->results, p->result_count * sizeof(float));
}

static void run_with(problem *p, int threads, int kernels, int skips_blank)
{
    fv_error err;
    fv_winograd_plan plan;
    fv_set_threads(threads);
    fv_winograd_prepare(&plan, &p->what, threads);
    plan.kernels = fv_winograd_kernels_at(kernels);
    plan.skips_blank &= skips_blank;
    size_t bytes = (size_t)plan.scratch * sizeof(float);
    memset(p->results, 0xff, p->result_count * sizeof(float)); /* NaN */
    if (!CHECK_OK(fv_alloc_aligned(&p->data.scratch, bytes, &err))) return;
    memset(p->data.scratch, 0xff, bytes);
    fv_winograd_run(&plan, &p->data);
    fv_free_aligned(p->data.scratch, bytes);
}

static void run(problem *p, int threads, int kernels)
{
    run_with(p, threads, kernels, 1);
}

static double activated(const fv_winograd *w, double x)
{
    switch (w->activation) {
    case FV_WINOGRAD_LEAKY:
        return x > 0 ? x : x * (double)w->alpha;
    case FV_WINOGRAD_CLIP:
        return fmin(fmax(x, (double)w->alpha), (double)w->beta);
    case FV_WINOGRAD_ELU:
        return x > 0 ? x : (double)w->alpha * expm1(x);
    case FV_WINOGRAD_SIGMOID:
        return 1 / (1 + exp(-x));
    default:
        return x;
    }
}

/* A position among all results, or all sources. */
typedef struct place {
    int64_t image, z, y, x;
} place;

static double source(const problem *p, int part, place s, int64_t channel)
{
    const fv_winograd *w = &p->what;
    if (s.z < 0 || s.y < 0 || s.x < 0 || s.z >= w->depth || s.y >= w->height || s.x >= w->width) return 0;
    int64_t at = ((s.image * w->depth + s.z) * w->height + s.y) * w->width + s.x;
    at = at * w->src[part].channels + channel;
    double value = (double)p->data.src[part][at];
    if (p->data.gate && !(p->data.gate[at] > w->gate_low && p->data.gate[at] < w->gate_high))
        value *= (double)w->gate_slope;
    return value;
}

/* Weight with which channel i of the sources enters channel o of the results at a tap. */
static double weight(const problem *p, int64_t o, int64_t i, int64_t tap)
{
    const fv_winograd *w = &p->what;
    if (w->halves) {
        int64_t y = tap / 4, x = tap % 4, phase = (y + 1) % 2 * 2 + (x + 1) % 2, at = y / 2 * 2 + x / 2;
        return (double)p->data.weights[((4 * phase + at) * w->weights_out + i) * w->weights_in + o];
    }
    int64_t taps = 9 * w->weights_depth, pair = w->backward ? i * w->weights_in + o : o * w->weights_in + i;
    return (double)p->data.weights[taps * pair + (w->backward ? taps - 1 - tap : tap)];
}

/* The result, and the sum of the sizes of its terms. */
static double result(const problem *p, int part, place r, int64_t channel, double *size)
{
    const fv_winograd *w = &p->what;
    double sum = 0;
    *size = 1;
    for (int s = 0; s < w->srcs; s++)
        for (int64_t tap = 0; tap < (w->halves ? 16 : 9 * w->weights_depth); tap++)
            for (int64_t i = 0; i < w->src[s].channels; i++) {
                place from = {r.image, r.z + tap / 9 - w->pad_front, r.y + tap / 3 % 3 - w->pad_top,
                              r.x + tap % 3 - w->pad_left};
                if (w->halves) from = (place){r.image, 0, 2 * r.y + tap / 4 - 1, 2 * r.x + tap % 4 - 1};
                double term =
                    source(p, s, from, i) * weight(p, w->dst[part].first + channel, w->src[s].first + i, tap);
                sum += term;
                *size += fabs(term);
            }
    int64_t at = ((r.image * w->out_depth + r.z) * w->out_height + r.y) * w->out_width + r.x;
    at = at * w->dst[part].channels + channel;
    if (p->data.bias) sum += (double)p->data.bias[channel];
    if (p->data.addend) sum += (double)p->data.addend[at];
    return activated(w, sum);
}

/* Largest error in terms of that size, at some of the results: all at the edges, and every third or so
 * elsewhere. */
static double error_of(const problem *p)
{
    const fv_winograd *w = &p->what;
    double worst = 0;
    for (int d = 0; d < w->dsts; d++)
        for (int64_t i = 0, n = (int64_t)results_of(w, &w->dst[d]); i < n; i++) {
            int64_t channel = i % w->dst[d].channels, pixel = i / w->dst[d].channels;
            int64_t slice = pixel / w->out_width / w->out_height;
            place r = {slice / w->out_depth, slice % w->out_depth, pixel / w->out_width % w->out_height,
                       pixel % w->out_width};
            int edge = !r.x || !r.y || r.x == w->out_width - 1 || r.y == w->out_height - 1;
            if (n > 4000 && i % (edge ? 7 : 31)) continue;
            double size, wanted = result(p, d, r, channel, &size);
            double error = fabs((double)p->data.dst[d][i] - wanted) / size;
            if (!(error <= worst)) worst = error;
        }
    return worst;
}

/* All instruction sets, several numbers of threads: small errors, and the same bits for any number. */
static void check(const fv_winograd *what, int with_addend, int with_gate)
{
    problem p;
    fv_error err;
    float *first;
    int before = fv_threads();
    open_problem(&p, what, with_addend, with_gate);
    size_t bytes = p.result_count * sizeof(float);
    REQUIRE_OK(fv_alloc_aligned(&first, bytes, &err));
    for (int k = 0; fv_winograd_kernels_at(k); k++) {
        run(&p, 1, k);
        if (!CHECK_NEAR(error_of(&p), 0, 1.5e-6))
            printf("  %s, backward %d, %lldx%lld, channels %lld\n", fv_winograd_kernels_at(k)->name,
                   what->backward, (long long)what->height, (long long)what->width,
                   (long long)what->src[0].channels);
        memcpy(first, p.results, bytes);
        for (int threads = 2; threads <= 4; threads += 2) {
            run(&p, threads, k);
            CHECK(memcmp(first, p.results, bytes) == 0);
        }
    }
    fv_set_threads(before);
    fv_free_aligned(first, bytes);
    close_problem(&p);
}

static fv_winograd forward(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out)
{
    return (fv_winograd){.images = images,
                         .depth = 1,
                         .height = height,
                         .width = width,
                         .pad_top = 1,
                         .pad_left = 1,
                         .out_depth = 1,
                         .out_height = height,
                         .out_width = width,
                         .weights_out = out,
                         .weights_in = in,
                         .weights_depth = 1,
                         .srcs = 1,
                         .dsts = 1,
                         .src = {{in, 0}},
                         .dst = {{out, 0}}};
}

static fv_winograd backward(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out)
{
    fv_winograd what = forward(images, height, width, out, in);
    what.backward = 1;
    what.weights_out = out;
    what.weights_in = in;
    return what;
}

/* Of results of this size. */
static fv_winograd halving(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out)
{
    fv_winograd what = backward(images, height, width, in, out);
    what.halves = 1;
    what.height *= 2;
    what.width *= 2;
    what.weights_depth = 4;
    return what;
}

/* Sizes that are no whole tiles, channels that are no whole blocks, one pixel, several images. */
TEST(winograd_shapes)
{
    static const int64_t shapes[][5] = {
        {1, 8, 8, 16, 16}, {1, 7, 9, 16, 32}, {2, 5, 6, 17, 20},   {3, 1, 1, 16, 16},   {1, 13, 3, 48, 33},
        {2, 4, 11, 3, 16}, {1, 2, 30, 40, 5}, {1, 21, 18, 64, 64}, {1, 6, 6, 160, 144}, {1, 40, 37, 16, 16}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int64_t *s = shapes[i];
        fv_winograd there = forward(s[0], s[1], s[2], s[3], s[4]),
                    back = backward(s[0], s[1], s[2], s[3], s[4]);
        check(&there, 0, 0);
        check(&back, 0, 0);
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
        fv_winograd what = halving(s[0], s[1], s[2], s[3], s[4]);
        check(&what, 0, 0);
        what.gate_high = INFINITY;
        check(&what, 0, 1);
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
        fv_winograd there = volume(forward(2, 9, 6, 20, 33), d[0], d[1], d[2], d[3]),
                    back = volume(backward(2, 6, 9, 33, 20), d[0], d[1], d[2], d[3]),
                    large = volume(forward(1, 10, 7, 180, 150), d[0], d[1], d[2], d[3]),
                    large_back = volume(backward(1, 7, 10, 150, 180), d[0], d[1], d[2], d[3]);
        there.activation = FV_WINOGRAD_LEAKY;
        check(&there, 1, 0);
        check(&back, 0, 0);
        check(&large, 0, 0);
        back.gate_high = large_back.gate_high = INFINITY;
        check(&back, 0, 1);
        check(&large_back, 0, 1);
    }
}

/* Several sources of a volume, and two gradients of one. */
TEST(winograd_volume_parts)
{
    fv_winograd there = volume(forward(1, 10, 9, 16 + 20 + 32, 40), 4, 3, 1, 1),
                back = volume(backward(1, 10, 9, 16 + 20 + 32, 40), 4, 3, 1, 1);
    there.srcs = 3;
    there.src[0] = (fv_winograd_part){16, 0};
    there.src[1] = (fv_winograd_part){20, 16};
    there.src[2] = (fv_winograd_part){32, 36};
    check(&there, 1, 0);
    back.dsts = 2;
    back.dst[0] = there.src[2];
    back.dst[1] = there.src[1];
    check(&back, 0, 0);
}

/* Large weights: tiles are transformed first, in more than one block, and summed over in more than one chunk.
 */
TEST(winograd_large_weights)
{
    fv_winograd there = forward(1, 50, 45, 272, 288), back = backward(1, 9, 12, 260, 300);
    check(&there, 0, 0);
    check(&back, 0, 0);
}

TEST(winograd_pads)
{
    for (int64_t top = 0; top < 3; top++) {
        fv_winograd what = forward(2, 9, 10, 16, 16);
        what.pad_top = top;
        what.pad_left = 2 - top;
        what.out_height = 9 + top - 1; /* one row of zeros below */
        what.out_width = 10 + 2 - top - 2;
        check(&what, 0, 0);
    }
}

TEST(winograd_activations)
{
    for (int kind = FV_WINOGRAD_NONE; kind <= FV_WINOGRAD_SIGMOID; kind++)
        for (int with_addend = 0; with_addend < 2; with_addend++) {
            fv_winograd what = forward(1, 6, 9, 16, 21);
            what.activation = (fv_winograd_activation)kind;
            what.alpha = kind == FV_WINOGRAD_CLIP ? -0.5f : 0.2f;
            what.beta = 0.7f;
            check(&what, with_addend, 0);
        }
}

TEST(winograd_gate)
{
    fv_winograd what = backward(2, 7, 10, 24, 20);
    what.gate_high = INFINITY;
    check(&what, 0, 1);
    what.gate_low = -0.2f;
    what.gate_high = 0.6f;
    what.gate_slope = 0.1f;
    check(&what, 0, 1);
}

/* Weights times a factor for each output channel. */
TEST(winograd_factor)
{
    for (int is_back = 0; is_back < 2; is_back++) {
        problem p;
        float factor[48] = {0}, *weights, *plain;
        fv_winograd what = is_back ? backward(1, 9, 6, 20, 33) : forward(1, 9, 6, 20, 33);
        open_problem(&p, &what, 0, 0);
        weights = p.buffer + (p.data.weights - p.buffer);
        for (int i = 0; i < 33; i++) factor[i] = (float)(1 << i % 5) * (i % 2 ? -0.25f : 0.5f);
        for (int k = 0; fv_winograd_kernels_at(k); k++) {
            fv_error err;
            p.data.factor = factor;
            run(&p, 1, k);
            REQUIRE_OK(fv_alloc_aligned(&plain, p.result_count * sizeof(float), &err));
            memcpy(plain, p.results, p.result_count * sizeof(float));
            p.data.factor = NULL; /* powers of two: the same to the bit */
            for (int i = 0; i < 33 * 20 * 9; i++) weights[i] *= factor[i / 180];
            run(&p, 1, k);
            CHECK(memcmp(plain, p.results, p.result_count * sizeof(float)) == 0);
            for (int i = 0; i < 33 * 20 * 9; i++) weights[i] /= factor[i / 180];
            fv_free_aligned(plain, p.result_count * sizeof(float));
        }
        close_problem(&p);
    }
}

/* Several sources instead of their concatenation, and its gradient, of which one part is not wanted. */
TEST(winograd_parts)
{
    fv_winograd there = forward(1, 10, 9, 16 + 20 + 32, 40), back = backward(1, 10, 9, 16 + 20 + 32, 40);
    there.srcs = 3;
    there.src[0] = (fv_winograd_part){16, 0};
    there.src[1] = (fv_winograd_part){20, 16};
    there.src[2] = (fv_winograd_part){32, 36};
    there.activation = FV_WINOGRAD_LEAKY;
    check(&there, 1, 0);
    back.dsts = 2;
    back.dst[0] = there.src[2];
    back.dst[1] = there.src[1];
    check(&back, 0, 0);
}

/* Gradients that are zero but for a window, or whose gate is closed elsewhere: the same bits as without the
 * short cut. */
static void check_blank(const fv_winograd *what, int with_gate, int64_t from, int64_t to)
{
    problem p;
    fv_error err;
    float *first;
    int before = fv_threads();
    open_problem(&p, what, 0, with_gate);
    size_t bytes = p.result_count * sizeof(float), count = sources_of(what, &what->src[0]);
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
        run_with(&p, threads, 0, 0);
        memcpy(first, p.results, bytes);
        run_with(&p, threads, 0, 1);
        CHECK(memcmp(first, p.results, bytes) == 0);
    }
    fv_set_threads(before);
    fv_free_aligned(first, bytes);
    close_problem(&p);
}

TEST(winograd_blank_tiles)
{
    fv_winograd small = backward(2, 23, 18, 24, 40), large = backward(1, 30, 33, 260, 300);
    fv_winograd deep = volume(backward(2, 23, 18, 24, 40), 9, 3, 1, 1), half = halving(2, 17, 16, 24, 40);
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
    problem p;
    fv_error err;
    float *first;
    uint16_t *made, *wanted;
    int before = fv_threads();
    open_problem(&p, what, !what->backward, with_gate);
    size_t bytes = p.result_count * sizeof(float), count = sources_of(what, &what->src[0]);
    size_t most = p.result_count > count ? p.result_count : count;
    REQUIRE_OK(fv_alloc_aligned(&first, bytes, &err));
    REQUIRE_OK(fv_calloc(&made, most, 1, &err));
    REQUIRE_OK(fv_calloc(&wanted, most, 1, &err));
    const float *gate = p.data.gate;
    for (int k = 0; fv_winograd_kernels_at(k); k++) {
        p.data.gate = gate;
        p.data.signs = NULL;
        p.data.signs_out = NULL;
        run(&p, 1, k);
        memcpy(first, p.results, bytes);
        if (gate) take_signs(what, gate, count, wanted);
        if (gate) p.data.signs = wanted;
        if (!what->backward) p.data.signs_out = made;
        p.data.gate = NULL;
        run(&p, 2, k);
        CHECK(memcmp(first, p.results, bytes) == 0);
        if (what->backward) continue;
        take_signs(what, p.results, p.result_count, wanted);
        CHECK(memcmp(made, wanted, p.result_count / 8) == 0);
    }
    fv_set_threads(before);
    fv_free(made);
    fv_free(wanted);
    fv_free_aligned(first, bytes);
    close_problem(&p);
}

TEST(winograd_signs)
{
    fv_winograd what[] = {forward(2, 7, 10, 20, 48), forward(1, 9, 8, 272, 288), backward(2, 7, 10, 20, 48),
                          backward(1, 9, 13, 260, 288), halving(2, 7, 5, 20, 48)};
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
