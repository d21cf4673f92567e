/* tensor: what C callers reach and Lua does not: scalars on the stack, negative steps, refused axes. */
#include "tensor/label.h"
#include "tensor/layout.h"
#include "tensor/math.h"
#include "tensor/reduce.h"
#include "test.h"

/* {1, 2, ..., 6} as 2x3. */
static fv_tensor *counting(void)
{
    fv_error err;
    fv_tensor *t = NULL;
    fv_shape shape = fv_shape_of(2, 2, 3);
    CHECK_OK(fv_tensor_new(&t, &shape, &err));
    for (size_t i = 0; t && i < t->count; i++) t->data[i] = (float)(i + 1);
    return t;
}

TEST(tensor_scalar_is_an_operand)
{
    fv_error err;
    float value = 10;
    fv_tensor ten = fv_tensor_scalar(&value), *t = counting(), *out = NULL;
    REQUIRE(t != NULL);
    REQUIRE_OK(fv_tensor_binary(&out, FV_BINARY_SUB, &ten, t, &err));
    CHECK(out->data[0] == 9 && out->data[5] == 4);
    CHECK(fv_shape_equal(&out->shape, &t->shape));
    fv_tensor_release(out);
    REQUIRE_OK(fv_tensor_binary(&out, FV_BINARY_ADD, &ten, &ten, &err));
    CHECK(out->shape.rank == 0 && out->data[0] == 20);
    fv_tensor_release(out);
    fv_tensor_release(t);
}

TEST(tensor_slice_runs_backwards)
{
    fv_error err;
    fv_tensor *t = counting(), *out = NULL;
    REQUIRE(t != NULL);
    REQUIRE_OK(fv_tensor_slice(&out, t, 1, 2, 3, -1, &err));
    CHECK(out->data[0] == 3 && out->data[2] == 1 && out->data[3] == 6);
    fv_tensor_release(out);
    CHECK_FAILS(fv_tensor_slice(&out, t, 1, 1, 3, -1, &err), FV_STATUS_ARGUMENT);
    CHECK_FAILS(fv_tensor_slice(&out, t, 1, 0, 3, INT64_MAX, &err), FV_STATUS_ARGUMENT);
    CHECK_FAILS(fv_tensor_slice(&out, t, 1, INT64_MAX, 2, 1, &err), FV_STATUS_ARGUMENT);
    CHECK_FAILS(fv_tensor_slice(&out, t, 2, 0, 1, 1, &err), FV_STATUS_ARGUMENT);
    CHECK(out == NULL);
    REQUIRE_OK(fv_tensor_slice(&out, t, 0, 0, 0, 1, &err));
    CHECK(out->count == 0 && out->shape.dim[1] == 3);
    fv_tensor_release(out);
    fv_tensor_release(t);
}

TEST(tensor_axes_are_checked)
{
    fv_error err;
    fv_tensor *t = counting(), *out = NULL;
    REQUIRE(t != NULL);
    CHECK_FAILS(fv_tensor_select(&out, t, -1, 0, &err), FV_STATUS_ARGUMENT);
    CHECK_FAILS(fv_tensor_select(&out, t, 0, 2, &err), FV_STATUS_ARGUMENT);
    CHECK_TEXT(err.text, "2x3");
    CHECK_FAILS(fv_tensor_softmax(&out, t, 2, &err), FV_STATUS_ARGUMENT);
    CHECK_FAILS(fv_tensor_argmax_axis(&out, t, 5, 0, &err), FV_STATUS_ARGUMENT);
    CHECK(out == NULL);
    fv_tensor_release(t);
}

TEST(tensor_component_sizes)
{
    fv_error err;
    size_t n = 0;
    int64_t sizes[2] = {0};
    fv_tensor *t = counting(), *labels = NULL;
    REQUIRE(t != NULL);
    t->data[1] = t->data[4] = 0; /* two columns remain */
    REQUIRE_OK(fv_tensor_components(&labels, &n, t, 8, &err));
    REQUIRE(n == 2);
    fv_component_sizes(sizes, n, labels);
    CHECK(sizes[0] == 2 && sizes[1] == 2);
    fv_tensor_release(labels);
    fv_tensor_release(t);
}
