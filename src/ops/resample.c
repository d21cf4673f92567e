/* resample: dst[d] = src[s], s the position of d in src, for n source and m destination elements of an axis:
 *   half_pixel     (d + 1/2) n / m - 1/2     align_corners  d (n - 1) / (m - 1), 0 if m = 1
 *   asymmetric     d n / m
 * clamped to [0, n - 1]; linear weighs the two neighbours of s, nearest rounds s. A given scale takes the
 * place of m / n (as in ONNX, where it need not be exact).
 *
 * oneDNN knows half-pixel centres only, computes s in float, and is slow on row-major values. */
#include "ops/axis_map.h"

#include <limits.h>
#include <math.h>

typedef struct resample_attrs {
    fv_ints size;
    fv_floats scale;
    int mode, coordinates, rounding;
} resample_attrs;

enum { MODE_NEAREST, MODE_LINEAR };
enum { HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC };
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL };
static const char *const modes[] = {"nearest", "linear", NULL};
static const char *const rules[] = {"half_pixel", "align_corners", "asymmetric", NULL};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};

static const fv_attr rows[] = {
    {"size", FV_ATTR_SPATIAL, offsetof(resample_attrs, size), FV_ATTR_EMPTY,
     "of dst per axis; default: size of src times scale, rounded down", NULL},
    {"scale", FV_ATTR_SPATIAL_FLOATS, offsetof(resample_attrs, scale), FV_ATTR_EMPTY,
     "per axis, for the positions; default: size of dst / size of src", NULL},
    {"mode", FV_ATTR_CHOICE, offsetof(resample_attrs, mode), MODE_NEAREST, "interpolation", modes},
    {"coordinates", FV_ATTR_CHOICE, offsetof(resample_attrs, coordinates), HALF_PIXEL,
     "how positions correspond", rules},
    {"rounding", FV_ATTR_CHOICE, offsetof(resample_attrs, rounding), PREFER_FLOOR, "of nearest", roundings},
    {0}};

/* scale[i], or 0 when none is given. */
static double scale_of(const resample_attrs *a, int i)
{
    return a->scale.count ? a->scale.value[a->scale.count == 1 ? 0 : i] : 0.0;
}

static fv_status check(const fv_node *node, fv_error *err)
{
    const resample_attrs *a = node->attrs;
    const fv_shape *src = &node->src[0]->shape;
    char text[FV_SHAPE_TEXT];
    if (src->rank < 3 || src->rank > 5)
        return fv_fail(err, FV_STATUS_SHAPE, "src is %s: it needs 3 to 5 dimensions",
                       fv_shape_text(src, text));
    FV_TRY(fv_check_spatial(&a->size, "size", src->rank - 2, 1, err));
    if (!a->size.count && !a->scale.count)
        return fv_fail(err, FV_STATUS_ARGUMENT, "option 'size' or 'scale' is required");
    if (a->scale.count > 1 && a->scale.count != src->rank - 2)
        return fv_fail(err, FV_STATUS_ARGUMENT, "scale has %d entries, src has %d spatial axes",
                       a->scale.count, src->rank - 2);
    for (int i = 0; i < a->scale.count; i++)
        if (!(a->scale.value[i] > 0) || !isfinite(a->scale.value[i]))
            return fv_fail(err, FV_STATUS_ARGUMENT, "scale must be positive, not %g", a->scale.value[i]);
    return FV_OK;
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const resample_attrs *a = node->attrs;
    char text[FV_SHAPE_TEXT];
    FV_TRY(check(node, err));
    node->shape = node->src[0]->shape;
    for (int i = 0; i < node->shape.rank - 2; i++) {
        double size = floor((double)node->shape.dim[i + 2] * scale_of(a, i));
        if (a->size.count) size = (double)fv_spatial(&a->size, i, 0);
        if (size < 1 || size > INT32_MAX || node->shape.dim[i + 2] < 1)
            return fv_fail(err, FV_STATUS_SHAPE, "src is %s: axis %d cannot become %.0f long",
                           fv_shape_text(&node->src[0]->shape, text), i + 3, size);
        node->shape.dim[i + 2] = (int64_t)size;
    }
    return FV_OK;
}

/* Position of dst element d. A scale that means m / n is taken as that ratio, exactly; positions under
 * another one are as exact as the float it usually comes from. */
static double position(const resample_attrs *a, int i, int64_t d, int64_t n, int64_t m)
{
    double scale = scale_of(a, i), at = (double)d;
    if (a->coordinates == ALIGN_CORNERS) return m > 1 ? at * (double)(n - 1) / (double)(m - 1) : 0.0;
    int exact = scale == 0.0 || fabs(scale * (double)n - (double)m) <= 1e-6 * (double)m;
    if (a->coordinates == ASYMMETRIC) return exact ? at * (double)n / (double)m : (double)(float)(at / scale);
    if (exact) return ((2 * at + 1) * (double)n - (double)m) / (2 * (double)m);
    return (double)(float)((at + 0.5) / scale - 0.5);
}

static double round_position(double s, int rounding)
{
    switch (rounding) {
    case PREFER_FLOOR:
        return ceil(s - 0.5);
    case PREFER_CEIL:
        return floor(s + 0.5);
    case FLOOR:
        return floor(s);
    default:
        return ceil(s);
    }
}

static fv_status make_map(const fv_node *node, int axis, fv_axis_map *map, fv_error *err)
{
    const resample_attrs *a = node->attrs;
    int64_t n = node->src[0]->shape.dim[axis], m = node->shape.dim[axis];
    if (axis < 2) return FV_OK;
    FV_TRY(fv_axis_map_new(map, n, m, a->mode == MODE_LINEAR ? 2 : 1, err));
    for (int64_t d = 0; d < m; d++) {
        double s = position(a, axis - 2, d, n, m);
        if (a->mode == MODE_NEAREST) s = round_position(s, a->rounding);
        s = s < 0 ? 0 : s > (double)(n - 1) ? (double)(n - 1) : s;
        int64_t low = (int64_t)s;
        double high = s - (double)low;
        fv_axis_map_add(map, d, low, 1 - high);
        if (high > 0) fv_axis_map_add(map, d, low + 1, high);
    }
    return FV_OK;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_emit_axis_forward(node, emit, "resample:own", make_map, 0.0f, err);
}

static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    return fv_emit_axis_backward(node, emit, "resample:own", make_map, err);
}

const fv_op fv_op_resample = {.name = "resample",
                              .doc = "dst at a position is src at the corresponding one, interpolated",
                              .src_min = 1,
                              .src_max = 1,
                              .parameters_from = INT_MAX,
                              .attrs_size = sizeof(resample_attrs),
                              .attrs = rows,
                              .layout = FV_OP_ANY,
                              .shape = shape,
                              .forward = forward,
                              .backward_data = backward_data,
                              .keeps_sums = 1};
