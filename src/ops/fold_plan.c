/* How a fold is cut into pieces: axes are sorted by stride and merged, the innermost becomes the row. */
#include "ops/fold.h"

enum { CHUNK_MIN = 1 << 14 }; /* elements below which a task is not split further */

/* Adds an axis inside of those that are there; the two become one where they are in memory. */
static void push(fv_fold_axis *axes, int *count, fv_fold_axis axis)
{
    fv_fold_axis *last = axes + *count - 1;
    if (*count && last->stride == axis.stride * axis.size && last->out == axis.out * axis.size)
        *last = (fv_fold_axis){last->size * axis.size, axis.stride, axis.out};
    else
        axes[(*count)++] = axis;
}

/* Axes with more than one element, in the order of memory, outermost first; returns how many. */
static int by_stride(const fv_fold_spec *spec, int order[FV_MAX_RANK])
{
    int count = 0;
    for (int i = 0; i < spec->rank; i++) {
        if (spec->size[i] == 1) continue;
        int at = count++;
        for (; at > 0 && spec->stride[order[at - 1]] < spec->stride[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    return count;
}

static void split_axes(fv_fold *fold, const fv_fold_spec *spec)
{
    int order[FV_MAX_RANK], count = by_stride(spec, order);
    for (int k = 0; k < count; k++) {
        int i = order[k], reduced = spec->reduced[i] != 0;
        fv_fold_axis axis = {spec->size[i], spec->stride[i], reduced ? 0 : spec->out[i]};
        if (reduced)
            push(fold->reduced, &fold->reduced_axes, axis);
        else
            push(fold->kept, &fold->kept_axes, axis);
    }
    fold->row_kept = !count || !spec->reduced[order[count - 1]];
}

/* The innermost axis becomes the row. A reduced row is cut into pieces, which are an axis again. */
static void take_row(fv_fold *fold)
{
    fv_fold_axis row = {1, 1, 1};
    if (fold->row_kept && fold->kept_axes) row = fold->kept[--fold->kept_axes];
    if (!fold->row_kept) {
        row = fold->reduced[fold->reduced_axes - 1];
        fold->reduced[fold->reduced_axes - 1] =
            (fv_fold_axis){(row.size + FV_FOLD_PIECE - 1) / FV_FOLD_PIECE, FV_FOLD_PIECE, 0};
    }
    if (!fold->reduced_axes) fold->reduced[fold->reduced_axes++] = (fv_fold_axis){1, 0, 0};
    fold->row = row.size;
    fold->row_out = row.out;
}

void fv_fold_plan(fv_fold *fold, const fv_fold_spec *spec)
{
    *fold = (fv_fold){.kind = spec->kind, .outer = 1, .inner = 1, .elements = 1};
    for (int i = 0; i < spec->rank; i++) fold->elements *= spec->size[i];
    split_axes(fold, spec);
    take_row(fold);
    for (int i = 0; i < fold->kept_axes; i++) fold->outer *= fold->kept[i].size;
    for (int i = 0; i < fold->reduced_axes; i++) fold->inner *= fold->reduced[i].size;
    fold->outputs = fold->outer * (fold->row_kept ? fold->row : 1);
    fold->tiles = fold->row_kept ? (fold->row + FV_FOLD_TILE - 1) / FV_FOLD_TILE : 1;
    int64_t tasks = fold->outer * fold->tiles, most = fold->elements / CHUNK_MIN / (tasks ? tasks : 1);
    fold->chunks = fv_smaller(tasks ? (FV_FOLD_TASKS + tasks - 1) / tasks : 1, fv_smaller(most, fold->inner));
    if (fold->chunks < 1) fold->chunks = 1;
}

fv_shape fv_fold_scratch(const fv_fold *fold)
{
    return fv_shape_of(1, fold->chunks * 2 * fold->outputs * (int64_t)(sizeof(double) / sizeof(float)));
}

int64_t fv_fold_offset(const fv_fold_axis *axes, int count, int64_t i, int result)
{
    int64_t offset = 0;
    for (int k = count - 1; k >= 0; k--) {
        offset += i % axes[k].size * (result ? axes[k].out : axes[k].stride);
        i /= axes[k].size;
    }
    return offset;
}

int64_t fv_fold_out(const fv_fold *fold, int64_t i)
{
    int64_t row = fold->row_kept ? fold->row : 1;
    return fv_fold_offset(fold->kept, fold->kept_axes, i / row, 1) + i % row * fold->row_out;
}
