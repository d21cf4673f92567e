#include "ops/strided.h"

#include <string.h>

enum {
    TILE = 16,             /* of a transposition */
    CHUNK = 1 << 14,       /* longest run that one task copies */
    PARALLEL_MIN = 1 << 15 /* elements below which starting threads costs more than it saves */
};

static void drop_axis(fv_strided *s, int axis)
{
    for (int i = axis; i + 1 < s->rank; i++) {
        s->dim[i] = s->dim[i + 1];
        s->from[i] = s->from[i + 1];
        s->to[i] = s->to[i + 1];
    }
    s->rank--;
}

static void move_axis(fv_strided *s, int from, int to)
{
    int64_t dim = s->dim[from], a = s->from[from], b = s->to[from];
    drop_axis(s, from);
    for (int i = s->rank; i > to; i--) {
        s->dim[i] = s->dim[i - 1];
        s->from[i] = s->from[i - 1];
        s->to[i] = s->to[i - 1];
    }
    s->dim[to] = dim;
    s->from[to] = a;
    s->to[to] = b;
    s->rank++;
}

/* Sorts the axes by falling stride of `to`, drops those of size 1, joins neighbours that run on in both. */
static void normalise(fv_strided *s)
{
    for (int i = s->rank - 1; i >= 0; i--)
        if (s->dim[i] == 1) drop_axis(s, i);
    for (int i = 1; i < s->rank; i++) {
        int at = i;
        while (at > 0 && s->to[at - 1] < s->to[i]) at--;
        if (at < i) move_axis(s, i, at);
    }
    for (int i = s->rank - 2; i >= 0; i--)
        if (s->to[i] == s->to[i + 1] * s->dim[i + 1] && s->from[i] == s->from[i + 1] * s->dim[i + 1]) {
            s->dim[i + 1] *= s->dim[i];
            drop_axis(s, i);
        }
    while (s->rank < 2) {
        s->rank++;
        s->dim[s->rank - 1] = 1;
        s->from[s->rank - 1] = s->to[s->rank - 1] = 1;
        move_axis(s, s->rank - 1, 0);
    }
}

/* The axis along which `from` is dense, when the last axis is dense in `to` only: a transposition. It becomes
 * the last but one. */
static int make_transposition(fv_strided *s)
{
    int last = s->rank - 1;
    if (s->to[last] != 1 || s->from[last] == 1 || s->from[last] == 0) return 0;
    for (int i = 0; i < last; i++)
        if (s->from[i] == 1) {
            move_axis(s, i, last - 1);
            return 1;
        }
    return 0;
}

/* Offsets of the row-th element over the first `axes` axes. */
static void locate(const fv_strided *s, int axes, int64_t row, int64_t *from, int64_t *to)
{
    *from = s->from_offset;
    *to = s->to_offset;
    for (int i = axes - 1; i >= 0; i--) {
        int64_t at = row % s->dim[i];
        *from += at * s->from[i];
        *to += at * s->to[i];
        row /= s->dim[i];
    }
}

static int64_t count_rows(const fv_strided *s, int axes)
{
    int64_t rows = 1;
    for (int i = 0; i < axes; i++) rows *= s->dim[i];
    return rows;
}

static void copy_run(float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t n)
{
    if (to_stride == 1 && from_stride == 1) {
        memcpy(to, from, (size_t)n * sizeof *to);
    } else if (to_stride == 1 && from_stride == 0) {
        float value = *from;
        for (int64_t i = 0; i < n; i++) to[i] = value;
    } else {
        for (int64_t i = 0; i < n; i++) to[i * to_stride] = from[i * from_stride];
    }
}

/* `count` whole runs along the last axis, from run number `first` on. */
static void copy_runs(const fv_strided *s, int64_t first, int64_t count, float *const *data)
{
    int last = s->rank - 1;
    int64_t inner = s->dim[last - 1], from, to;
    while (count > 0) {
        int64_t at = first % inner, n = inner - at < count ? inner - at : count;
        locate(s, last, first, &from, &to);
        for (int64_t i = 0; i < n; i++)
            copy_run(data[1] + to + i * s->to[last - 1], s->to[last], data[0] + from + i * s->from[last - 1],
                     s->from[last], s->dim[last]);
        first += n;
        count -= n;
    }
}

/* Tasks of about CHUNK elements: some runs, or a piece of one. */
static void run_rows(const void *context, float *const *data)
{
    const fv_strided *s = context;
    int last = s->rank - 1;
    int64_t n = s->dim[last], rows = count_rows(s, last), group = n < CHUNK ? CHUNK / n : 1;
    int64_t pieces = (n + CHUNK - 1) / CHUNK, tasks = (rows + group - 1) / group * pieces;
#pragma omp parallel for schedule(static) if (rows * n >= PARALLEL_MIN)
    for (int64_t task = 0; task < tasks; task++) {
        int64_t first = task / pieces * group, begin = task % pieces * CHUNK, from, to;
        if (pieces == 1) {
            copy_runs(s, first, rows - first < group ? rows - first : group, data);
            continue;
        }
        locate(s, last, first, &from, &to);
        copy_run(data[1] + to + begin * s->to[last], s->to[last], data[0] + from + begin * s->from[last],
                 s->from[last], n - begin < CHUNK ? n - begin : CHUNK);
    }
}

/* One tile: rows of `from` are read whole, rows of `to` written whole. */
static void transpose_tile(float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t m,
                           int64_t n)
{
    float tile[TILE][TILE];
    if (m == TILE && n == TILE) {
        for (int j = 0; j < TILE; j++) memcpy(tile[j], from + j * from_stride, sizeof tile[j]);
        for (int i = 0; i < TILE; i++) {
            float *row = to + i * to_stride;
            for (int j = 0; j < TILE; j++) row[j] = tile[j][i];
        }
        return;
    }
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) to[i * to_stride + j] = from[j * from_stride + i];
}

/* The last axis is dense in `to`, the one before it in `from`. */
static void run_tiles(const void *context, float *const *data)
{
    const fv_strided *s = context;
    int last = s->rank - 1;
    int64_t n = s->dim[last], m = s->dim[last - 1], outer = count_rows(s, last - 1);
    int64_t strips = (m + TILE - 1) / TILE;
#pragma omp parallel for schedule(static) if (outer * m * n >= PARALLEL_MIN)
    for (int64_t task = 0; task < outer * strips; task++) {
        int64_t i = task % strips * TILE, height = m - i < TILE ? m - i : TILE, from, to;
        locate(s, last - 1, task / strips, &from, &to);
        for (int64_t j = 0; j < n; j += TILE)
            transpose_tile(data[1] + to + i * s->to[last - 1] + j, s->to[last - 1],
                           data[0] + from + i + j * s->from[last], s->from[last], height,
                           n - j < TILE ? n - j : TILE);
    }
}

fv_status fv_emit_strided(fv_emit *emit, const char *name, const fv_strided *copy, fv_value *from,
                          fv_value *to, fv_error *err)
{
    fv_strided s = *copy;
    for (int i = 0; i < s.rank; i++)
        if (s.dim[i] == 0) return FV_OK;
    normalise(&s);
    fv_emit_kernel kernel = {name,      make_transposition(&s) ? run_tiles : run_rows, &s, sizeof s, 1, 1,
                             {from, to}};
    return fv_emit_call(emit, &kernel, err);
}

fv_strided fv_strided_reverse(fv_strided copy)
{
    fv_strided s = copy;
    memcpy(s.from, copy.to, sizeof s.from);
    memcpy(s.to, copy.from, sizeof s.to);
    s.from_offset = copy.to_offset;
    s.to_offset = copy.from_offset;
    return s;
}
