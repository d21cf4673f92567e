/* The exact distance transform of label.h. */
#include "tensor/broadcast.h"
#include "tensor/label.h"

#include <math.h>
#ifdef _OPENMP
#    include <omp.h>
#endif

/* Scratch of one thread for lines of n voxels. */
typedef struct envelope {
    double *value;   /* n: squared distances of the line so far */
    double *from;    /* n + 1: parabola k is the lowest from here to from[k + 1] */
    int64_t *vertex; /* n: voxel at which parabola k stands */
} envelope;

/* Where the parabola of voxel q, which is further right, gets below that of voxel p. */
static double crossing(const double *f, int64_t p, int64_t q, double area)
{
    double x = (double)p, y = (double)q;
    return ((f[q] - f[p]) / area + y * y - x * x) / (2 * (y - x));
}

/* Lower envelope of the parabolas of the finite voxels; returns their number. */
static int64_t build_envelope(envelope *e, int64_t n, double area)
{
    int64_t k = -1;
    for (int64_t q = 0; q < n; q++) {
        double s = -INFINITY;
        if (isinf(e->value[q])) continue;
        while (k >= 0 && (s = crossing(e->value, e->vertex[k], q, area)) <= e->from[k]) k--;
        k++;
        e->vertex[k] = q;
        e->from[k] = k ? s : -INFINITY;
    }
    e->from[k + 1] = INFINITY;
    return k + 1;
}

/* line[i] = min over j of line[j] + area (i - j)^2, for n elements with a stride; area is the squared
 * spacing. */
static void transform_line(envelope *e, float *line, int64_t n, int64_t stride, double area)
{
    for (int64_t i = 0; i < n; i++) e->value[i] = (double)line[i * stride];
    if (!build_envelope(e, n, area)) return;
    for (int64_t i = 0, k = 0; i < n; i++) {
        while (e->from[k + 1] < (double)i) k++;
        double away = (double)(i - e->vertex[k]);
        line[i * stride] = (float)(e->value[e->vertex[k]] + area * away * away);
    }
}

static int thread_count(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

static int thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

/* Transforms all lines along an axis of n voxels, `stride` elements apart. */
static fv_status transform_axis(fv_tensor *t, int64_t n, int64_t stride, double spacing, fv_error *err)
{
    double *scratch;
    int64_t lines = (int64_t)t->count / n;
    size_t room = 3 * (size_t)n + 1;
    int threads = t->count >= FV_PARALLEL_MIN ? thread_count() : 1;
    FV_TRY(fv_calloc(&scratch, room * (size_t)threads, sizeof *scratch, err));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < lines; i++) {
        double *own = scratch + room * (size_t)thread_number();
        envelope e = {own, own + n, (int64_t *)(void *)(own + 2 * n + 1)};
        transform_line(&e, t->data + i / stride * stride * n + i % stride, n, stride, spacing * spacing);
    }
    fv_free(scratch);
    return FV_OK;
}

static fv_status check_spacing(const fv_shape *shape, int axes, const double spacing[], fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    int fits = (axes == 2 || axes == 3) && shape->rank >= 2;
    for (int i = 0; fits && i < shape->rank - axes; i++) fits = shape->dim[i] == 1;
    if (!fits)
        return fv_fail(err, FV_STATUS_SHAPE, "distance: shape %s does not fit a spacing of %d axes",
                       fv_shape_text(shape, text), axes);
    for (int i = 0; i < axes; i++)
        if (!(spacing[i] > 0) || isinf(spacing[i]))
            return fv_fail(err, FV_STATUS_ARGUMENT, "distance: spacing %g is not a size", spacing[i]);
    return FV_OK;
}

fv_status fv_tensor_distance(fv_tensor **out, const fv_tensor *mask, int axes, const double spacing[],
                             fv_error *err)
{
    fv_status status = FV_OK;
    int64_t stride = 1;
    *out = NULL;
    FV_TRY(check_spacing(&mask->shape, axes, spacing, err));
    FV_TRY(fv_tensor_new(out, &mask->shape, err));
    for (size_t i = 0; i < mask->count; i++) (*out)->data[i] = mask->data[i] != 0 ? 0.0f : INFINITY;
    for (int i = axes - 1; mask->count && i >= 0; i--) {
        int axis = mask->shape.rank - axes + i;
        int64_t n = axis >= 0 ? mask->shape.dim[axis] : 1;
        if (n > 1) FV_TRY_GOTO(transform_axis(*out, n, stride, spacing[i], err));
        stride *= n;
    }
    for (size_t i = 0; i < mask->count; i++) (*out)->data[i] = sqrtf((*out)->data[i]);
done:
    if (status) {
        fv_tensor_release(*out);
        *out = NULL;
    }
    return status;
}
