#include "tensor/label.h"

#include <string.h>

int fv_mask_axes(const fv_shape *shape)
{
    for (int i = 0; i + 2 < shape->rank; i++)
        if (shape->dim[i] != 1) return 3;
    return 2;
}

/* Earlier neighbours of a voxel in scan order. */
typedef struct neighbours {
    int n;
    int offset[13][3]; /* depth, height, width */
} neighbours;

/* Offsets that precede (0, 0, 0) in scan order and differ in at most `differences` axes, the last `axes`
 * ones. */
static neighbours earlier_neighbours(int axes, int differences)
{
    neighbours list = {0};
    for (int z = axes == 3 ? -1 : 0; z <= 0; z++)
        for (int y = -1; y <= 1; y++)
            for (int x = -1; x <= 1; x++) {
                int earlier = z < 0 || (z == 0 && (y < 0 || (y == 0 && x < 0)));
                if (!earlier || (z != 0) + (y != 0) + (x != 0) > differences) continue;
                int *offset = list.offset[list.n++];
                offset[0] = z;
                offset[1] = y;
                offset[2] = x;
            }
    return list;
}

/* --- union-find: parent[i] <= i, roots point at themselves, so the root is the first voxel of its set --- */

static uint32_t find(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static uint32_t join(uint32_t *parent, uint32_t a, uint32_t b)
{
    a = find(parent, a);
    b = find(parent, b);
    if (a < b) return parent[b] = a;
    return parent[a] = b;
}

/* Depth, height and width of a mask whose leading axes have size 1. */
static fv_status mask_grid(int64_t grid[3], const fv_shape *shape, int axes, const char *what, fv_error *err)
{
    char text[FV_SHAPE_TEXT];
    int leading = 1;
    for (int i = 0; i < 3; i++) {
        int axis = shape->rank - 3 + i;
        grid[i] = axis >= 0 && i >= 3 - axes ? shape->dim[axis] : 1;
    }
    for (int i = 0; i < shape->rank - axes; i++) leading = leading && shape->dim[i] == 1;
    if (shape->rank >= 2 && leading) return FV_OK;
    return fv_fail(err, FV_STATUS_SHAPE, "%s: shape %s is not one %s (%d axes, those before of size 1)", what,
                   fv_shape_text(shape, text), axes == 2 ? "image" : "volume", axes);
}

/* Parents of all voxels after one scan; only those of mask voxels mean anything. */
static void scan(uint32_t *parent, const fv_tensor *mask, const int64_t grid[3], const neighbours *list)
{
    uint32_t i = 0;
    for (int64_t z = 0; z < grid[0]; z++)
        for (int64_t y = 0; y < grid[1]; y++)
            for (int64_t x = 0; x < grid[2]; x++, i++) {
                uint32_t root = i;
                parent[i] = i;
                if (mask->data[i] == 0) continue;
                for (int k = 0; k < list->n; k++) {
                    int64_t nz = z + list->offset[k][0], ny = y + list->offset[k][1],
                            nx = x + list->offset[k][2];
                    if (nz < 0 || ny < 0 || ny >= grid[1] || nx < 0 || nx >= grid[2]) continue;
                    uint32_t j = (uint32_t)((nz * grid[1] + ny) * grid[2] + nx);
                    if (mask->data[j] != 0) root = join(parent, root, j);
                }
            }
}

/* Roots come before the other members of their set, so one pass can number and label. Returns the count. */
static size_t number(uint32_t *parent, const fv_tensor *mask, float *label)
{
    size_t n = 0;
    for (size_t i = 0; i < mask->count; i++) {
        label[i] = 0;
        if (mask->data[i] == 0) continue;
        uint32_t root = find(parent, (uint32_t)i);
        label[i] = root == i ? (float)++n : label[root];
    }
    return n;
}

static fv_status connectivity_of(int *axes, int *differences, const fv_shape *shape, int connectivity,
                                 fv_error *err)
{
    static const int table[][3] = {{4, 2, 1}, {8, 2, 2}, {6, 3, 1}, {18, 3, 2}, {26, 3, 3}};
    if (!connectivity) connectivity = fv_mask_axes(shape) == 2 ? 8 : 26;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i][0] == connectivity) {
            *axes = table[i][1];
            *differences = table[i][2];
            return FV_OK;
        }
    return fv_fail(err, FV_STATUS_ARGUMENT, "components: connectivity must be 4 or 8, or 6, 18 or 26, not %d",
                   connectivity);
}

fv_status fv_tensor_components(fv_tensor **labels, size_t *n, const fv_tensor *mask, int connectivity,
                               fv_error *err)
{
    int axes = 0, differences = 0;
    int64_t grid[3];
    uint32_t *parent = NULL;
    fv_status status;
    *labels = NULL;
    *n = 0;
    FV_TRY(connectivity_of(&axes, &differences, &mask->shape, connectivity, err));
    FV_TRY(mask_grid(grid, &mask->shape, axes, "components", err));
    if (mask->count > UINT32_MAX)
        return fv_fail(err, FV_STATUS_SHAPE, "components: %zu voxels are too many", mask->count);
    neighbours list = earlier_neighbours(axes, differences);
    FV_TRY_GOTO(fv_calloc(&parent, mask->count, sizeof *parent, err));
    FV_TRY_GOTO(fv_tensor_new(labels, &mask->shape, err));
    scan(parent, mask, grid, &list);
    *n = number(parent, mask, (*labels)->data);
    if (*n > 1 << 24)
        FV_TRY_GOTO(fv_fail(err, FV_STATUS_SHAPE, "components: %zu components are too many", *n));
done:
    fv_free(parent);
    if (status) {
        fv_tensor_release(*labels);
        *labels = NULL;
    }
    return status;
}

void fv_component_sizes(int64_t sizes[], size_t n, const fv_tensor *labels)
{
    for (size_t i = 0; i < n; i++) sizes[i] = 0;
    for (size_t i = 0; i < labels->count; i++)
        if (labels->data[i] > 0) sizes[(size_t)labels->data[i] - 1]++;
}
