#include "tensor/blur.h"

#include "base/alloc.h"
#include <math.h>
#include <string.h>

enum { MOST_SIGMA = 1000 };

typedef struct kernel {
    int64_t radius;
    double *weight; /* of distance 0 .. radius */
    float *line;    /* one row or column, mirrored beyond both ends */
} kernel;

static fv_status make_kernel(kernel *k, double sigma, int64_t longest, fv_error *err)
{
    double sum = 0;
    if (!(sigma > 0 && sigma <= MOST_SIGMA))
        return fv_fail(err, FV_STATUS_ARGUMENT, "blur: sigma %g is not in 0..%d", sigma, MOST_SIGMA);
    k->radius = (int64_t)ceil(3 * sigma);
    FV_TRY(fv_calloc(&k->weight, (size_t)k->radius + 1, sizeof *k->weight, err));
    FV_TRY(fv_calloc(&k->line, (size_t)(longest + 2 * k->radius), sizeof *k->line, err));
    for (int64_t i = 0; i <= k->radius; i++) {
        k->weight[i] = exp(-0.5 * (double)(i * i) / (sigma * sigma));
        sum += i ? 2 * k->weight[i] : k->weight[i];
    }
    for (int64_t i = 0; i <= k->radius; i++) k->weight[i] /= sum;
    return FV_OK;
}

/* n elements, `step` apart. */
static void blur_line(kernel *k, float *data, int64_t n, int64_t step)
{
    float *middle = k->line + k->radius;
    int64_t period = n > 1 ? 2 * (n - 1) : 1;
    for (int64_t i = 0; i < n; i++) middle[i] = data[i * step];
    for (int64_t i = 1; i <= k->radius; i++) {
        int64_t before = i % period, after = (n - 1 + i) % period;
        middle[-i] = data[(before < n ? before : period - before) * step];
        middle[n - 1 + i] = data[(after < n ? after : period - after) * step];
    }
    for (int64_t i = 0; i < n; i++) {
        double sum = k->weight[0] * middle[i];
        for (int64_t d = 1; d <= k->radius; d++)
            sum += k->weight[d] * ((double)middle[i - d] + (double)middle[i + d]);
        data[i * step] = (float)sum;
    }
}

fv_status fv_blur(float *data, int64_t planes, int64_t height, int64_t width, double sigma, fv_error *err)
{
    kernel k = {0};
    fv_status status = make_kernel(&k, sigma, height > width ? height : width, err);
    for (int64_t p = 0; status == FV_OK && p < planes; p++) {
        float *plane = data + p * height * width;
        for (int64_t y = 0; y < height; y++) blur_line(&k, plane + y * width, width, 1);
        for (int64_t x = 0; x < width; x++) blur_line(&k, plane + x, height, width);
    }
    fv_free(k.weight);
    fv_free(k.line);
    return status;
}
