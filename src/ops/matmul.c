/* matmul: dst = a b over the last two axes; those before are a batch and broadcast as in NumPy.
 *
 * oneDNN: its matmul, also for the gradients (da = ddst b', db = a' ddst). Batch axes are merged where they
 * can be; when b has none, those of a are further rows. A factor that was broadcast gets the sum over what it
 * served. */
#include "ops/fold_emit.h"
#include "ops/product.h"

typedef struct matmul_attrs {
    int transpose_a, transpose_b;
} matmul_attrs;

static const fv_attr rows[] = {{"transpose_a", FV_ATTR_BOOL, offsetof(matmul_attrs, transpose_a), 0,
                                "exchange the last two axes of a first", NULL},
                               {"transpose_b", FV_ATTR_BOOL, offsetof(matmul_attrs, transpose_b), 0,
                                "exchange the last two axes of b first", NULL},
                               {0}};

/* Size of the last axis but `back`, after the exchange. */
static int64_t size_of(const fv_shape *shape, int transposed, int back)
{
    return shape->dim[shape->rank - 1 - (transposed ? 1 - back : back)];
}

static fv_status shape(fv_node *node, fv_error *err)
{
    const matmul_attrs *at = node->attrs;
    const fv_shape *a = &node->src[0]->shape, *b = &node->src[1]->shape;
    char ta[FV_SHAPE_TEXT], tb[FV_SHAPE_TEXT];
    if (a->rank < 2 || b->rank < 2)
        return fv_fail(err, FV_STATUS_SHAPE, "a is %s, b is %s: both need at least 2 dimensions",
                       fv_shape_text(a, ta), fv_shape_text(b, tb));
    if (size_of(a, at->transpose_a, 0) != size_of(b, at->transpose_b, 1))
        return fv_fail(err, FV_STATUS_SHAPE, "a is %s%s, b is %s%s: columns of a and rows of b differ",
                       fv_shape_text(a, ta), at->transpose_a ? " transposed" : "", fv_shape_text(b, tb),
                       at->transpose_b ? " transposed" : "");
    fv_shape batch_a = *a, batch_b = *b;
    batch_a.rank -= 2;
    batch_b.rank -= 2;
    if (fv_shape_broadcast(&node->shape, &batch_a, &batch_b, "batch", NULL))
        return fv_fail(err, FV_STATUS_SHAPE, "a is %s, b is %s: their batch axes do not broadcast",
                       fv_shape_text(a, ta), fv_shape_text(b, tb));
    node->shape.dim[node->shape.rank++] = size_of(a, at->transpose_a, 1);
    node->shape.dim[node->shape.rank++] = size_of(b, at->transpose_b, 0);
    return FV_OK;
}

/* The three shapes with one rank and as few batch axes as possible. */
typedef struct matmul_shapes {
    fv_shape a, b, dst;
} matmul_shapes;

static int64_t batch_dim(const fv_shape *shape, int rank, int i)
{
    int own = i - (rank - shape->rank);
    return own < 0 ? 1 : shape->dim[own];
}

static void add_batch(matmul_shapes *s, int64_t a, int64_t b, int64_t dst)
{
    int last = s->dst.rank - 1;
    if (dst == 1) return;
    if (last >= 0 && (s->a.dim[last] == 1) == (a == 1) && (s->b.dim[last] == 1) == (b == 1)) {
        s->a.dim[last] *= a;
        s->b.dim[last] *= b;
        s->dst.dim[last] *= dst;
        return;
    }
    s->a.dim[s->a.rank++] = a;
    s->b.dim[s->b.rank++] = b;
    s->dst.dim[s->dst.rank++] = dst;
}

static void add_matrix(fv_shape *shape, const fv_shape *own)
{
    shape->dim[shape->rank++] = own->dim[own->rank - 2];
    shape->dim[shape->rank++] = own->dim[own->rank - 1];
}

static matmul_shapes shapes_of(const fv_node *node)
{
    const matmul_attrs *at = node->attrs;
    const fv_shape *a = &node->src[0]->shape, *b = &node->src[1]->shape, *dst = &node->shape;
    matmul_shapes s = {{0}, {0}, {0}};
    for (int i = 0; i < dst->rank - 2; i++)
        add_batch(&s, batch_dim(a, dst->rank, i), batch_dim(b, dst->rank, i), dst->dim[i]);
    add_matrix(&s.a, a);
    add_matrix(&s.b, b);
    add_matrix(&s.dst, dst);
    if (s.dst.rank == 3 && s.b.dim[0] == 1 && !at->transpose_a) {
        s.a = fv_shape_of(2, s.a.dim[0] * s.a.dim[1], s.a.dim[2]);
        s.b = fv_shape_of(2, s.b.dim[1], s.b.dim[2]);
        s.dst = fv_shape_of(2, s.dst.dim[0] * s.dst.dim[1], s.dst.dim[2]);
    }
    return s;
}

static fv_factor factor_of(fv_value *value, const fv_shape *shape, int transposed)
{
    fv_factor factor = fv_factor_of(value, shape);
    return transposed ? fv_factor_transposed(factor) : factor;
}

static fv_status forward(const fv_node *node, fv_emit *emit, fv_error *err)
{
    const matmul_attrs *at = node->attrs;
    matmul_shapes s = shapes_of(node);
    fv_factor a = factor_of(fv_src(emit, 0), &s.a, at->transpose_a);
    fv_factor b = factor_of(fv_src(emit, 1), &s.b, at->transpose_b);
    fv_factor dst = factor_of(fv_dst(emit), &s.dst, 0);
    return fv_emit_product(emit, &a, &b, &dst, err);
}

/* Emits diff = left right, summed over the batch axes along which `diff` (of the given shape) was broadcast.
 */
static fv_status emit_gradient(fv_emit *emit, const fv_factor *left, const fv_factor *right,
                               const fv_shape *batch, const fv_shape *shape, fv_value *diff, fv_error *err)
{
    fv_fold fold;
    fv_fold_spec spec = {.kind = FV_FOLD_SUM, .rank = shape->rank};
    fv_factor full = fv_factor_of(diff, shape);
    for (int i = 0; i < shape->rank - 2; i++) full.shape.dim[i] = batch->dim[i];
    if (fv_shape_equal(&full.shape, shape)) return fv_emit_product(emit, left, right, &full, err);
    fv_shape_strides(shape, spec.out);
    FV_TRY(fv_emit_value(emit, &full.shape, &full.value, err));
    full = fv_factor_of(full.value, &full.shape);
    FV_TRY(fv_emit_product(emit, left, right, &full, err));
    for (int i = 0; i < shape->rank; i++) {
        spec.size[i] = full.shape.dim[i];
        spec.stride[i] = full.stride[i];
        spec.reduced[i] = shape->dim[i] != full.shape.dim[i];
    }
    fv_fold_plan(&fold, &spec);
    return fv_emit_fold(emit, &fold, 1.0, full.value, diff, NULL, err);
}

/* With A and B the factors as multiplied and D the gradient of dst: dA = D B', dB = A' D; of a transposed
 * source it is the transpose of that, written as a product of its own. */
static fv_status backward_data(const fv_node *node, fv_emit *emit, fv_error *err)
{
    const matmul_attrs *at = node->attrs;
    matmul_shapes s = shapes_of(node);
    fv_factor d = factor_of(fv_diff_dst(emit), &s.dst, 0), dt = fv_factor_transposed(d);
    if (fv_diff_src(emit, 0)) {
        fv_factor b = factor_of(fv_src(emit, 1), &s.b, at->transpose_b), bt = fv_factor_transposed(b);
        FV_TRY(emit_gradient(emit, at->transpose_a ? &b : &d, at->transpose_a ? &dt : &bt, &s.dst, &s.a,
                             fv_diff_src(emit, 0), err));
    }
    if (!fv_diff_src(emit, 1)) return FV_OK;
    fv_factor a = factor_of(fv_src(emit, 0), &s.a, at->transpose_a), a_turned = fv_factor_transposed(a);
    return emit_gradient(emit, at->transpose_b ? &dt : &a_turned, at->transpose_b ? &a : &d, &s.dst, &s.b,
                         fv_diff_src(emit, 1), err);
}

static double macs(const fv_node *node)
{
    const matmul_attrs *at = node->attrs;
    double n = (double)size_of(&node->src[0]->shape, at->transpose_a, 0);
    for (int i = 0; i < node->shape.rank; i++) n *= (double)node->shape.dim[i];
    return n;
}

const fv_op fv_op_matmul = {.name = "matmul",
                            .doc = "matrix product over the last two axes",
                            .src_min = 2,
                            .src_max = 2,
                            .parameters_from = 2,
                            .attrs_size = sizeof(matmul_attrs),
                            .attrs = rows,
                            .layout = FV_OP_PLAIN,
                            .shape = shape,
                            .forward = forward,
                            .backward_data = backward_data,
                            .macs = macs};
