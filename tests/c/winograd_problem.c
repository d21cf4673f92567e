#include "winograd_problem.h"

#include "base/alloc.h"
#include "base/parallel.h"
#include "base/random.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

size_t winograd_sources_of(const fv_winograd *w, const fv_winograd_part *part)
{
    return (size_t)(w->images * w->depth * w->height * w->width * part->channels);
}

static size_t winograd_results_of(const fv_winograd *w, const fv_winograd_part *part)
{
    return (size_t)(w->images * w->out_depth * w->out_height * w->out_width * part->channels);
}

void open_winograd(winograd_problem *p, const fv_winograd *what, int with_addend, int with_gate)
{
    fv_error err;
    size_t at = 0, weights = (size_t)(9 * what->weights_out * what->weights_in * what->weights_depth);
    *p = (winograd_problem){.what = *what};
    for (int i = 0; i < what->srcs; i++) p->buffer_count += 2 * winograd_sources_of(what, &what->src[i]);
    for (int i = 0; i < what->dsts; i++) p->result_count += winograd_results_of(what, &what->dst[i]);
    p->buffer_count += weights + p->result_count + (size_t)what->dst[0].channels;
    if (!CHECK_OK(fv_alloc_aligned(&p->buffer, p->buffer_count * sizeof(float), &err))) return;
    if (!CHECK_OK(fv_alloc_aligned(&p->results, p->result_count * sizeof(float), &err))) return;
    for (size_t i = 0; i < p->buffer_count; i++) p->buffer[i] = (float)fv_random_uniform(7, 0, i) * 2 - 0.8f;
    for (int i = 0; i < what->srcs; i++) {
        p->data.src[i] = p->buffer + at;
        at += winograd_sources_of(what, &what->src[i]);
    }
    p->data.weights = p->buffer + at;
    p->data.bias = what->backward ? NULL : p->buffer + at + weights;
    at += weights + (size_t)what->dst[0].channels;
    p->data.addend = with_addend ? p->buffer + at : NULL;
    p->data.gate = with_gate ? p->buffer + at + p->result_count : NULL;
    at = 0;
    for (int i = 0; i < what->dsts; i++) {
        p->data.dst[i] = p->results + at;
        at += winograd_results_of(what, &what->dst[i]);
    }
}

void close_winograd(winograd_problem *p)
{
    fv_free_aligned(p->buffer, p->buffer_count * sizeof(float));
    fv_free_aligned(p->results, p->result_count * sizeof(float));
}

void run_winograd_with(winograd_problem *p, int threads, int kernels, int skips_blank)
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

void run_winograd(winograd_problem *p, int threads, int kernels)
{
    run_winograd_with(p, threads, kernels, 1);
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

static double source(const winograd_problem *p, int part, place s, int64_t channel)
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
static double weight(const winograd_problem *p, int64_t o, int64_t i, int64_t tap)
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
static double result(const winograd_problem *p, int part, place r, int64_t channel, double *size)
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
static double error_of(const winograd_problem *p)
{
    const fv_winograd *w = &p->what;
    double worst = 0;
    for (int d = 0; d < w->dsts; d++)
        for (int64_t i = 0, n = (int64_t)winograd_results_of(w, &w->dst[d]); i < n; i++) {
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

void check_winograd(const fv_winograd *what, int with_addend, int with_gate)
{
    winograd_problem p;
    fv_error err;
    float *first;
    int before = fv_threads();
    open_winograd(&p, what, with_addend, with_gate);
    size_t bytes = p.result_count * sizeof(float);
    REQUIRE_OK(fv_alloc_aligned(&first, bytes, &err));
    for (int k = 0; fv_winograd_kernels_at(k); k++) {
        run_winograd(&p, 1, k);
        if (!CHECK_NEAR(error_of(&p), 0, 1.5e-6))
            printf("  %s, backward %d, %lldx%lld, channels %lld\n", fv_winograd_kernels_at(k)->name,
                   what->backward, (long long)what->height, (long long)what->width,
                   (long long)what->src[0].channels);
        memcpy(first, p.results, bytes);
        for (int threads = 2; threads <= 4; threads += 2) {
            run_winograd(&p, threads, k);
            CHECK(memcmp(first, p.results, bytes) == 0);
        }
    }
    fv_set_threads(before);
    fv_free_aligned(first, bytes);
    close_winograd(&p);
}

fv_winograd winograd_forward(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out)
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

fv_winograd winograd_backward(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out)
{
    fv_winograd what = winograd_forward(images, height, width, out, in);
    what.backward = 1;
    what.weights_out = out;
    what.weights_in = in;
    return what;
}

fv_winograd winograd_halving(int64_t images, int64_t height, int64_t width, int64_t in, int64_t out)
{
    fv_winograd what = winograd_backward(images, height, width, in, out);
    what.halves = 1;
    what.height *= 2;
    what.width *= 2;
    what.weights_depth = 4;
    return what;
}
