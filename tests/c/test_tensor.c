/* tensor: shapes, life cycle, and what happens when any allocation fails. */
#include "tensor/tensor.h"
#include "test.h"

#include <stdint.h>
#include <string.h>

TEST(shape_count_and_text)
{
    fv_error err;
    size_t count;
    char text[FV_SHAPE_TEXT];
    fv_shape shape = fv_shape_of(4, 1, 3, 64, 64), scalar = fv_shape_of(0);
    REQUIRE_OK(fv_shape_count(&shape, &count, &err));
    CHECK(count == 12288);
    CHECK(strcmp(fv_shape_text(&shape, text), "1x3x64x64") == 0);
    REQUIRE_OK(fv_shape_count(&scalar, &count, &err));
    CHECK(count == 1);
    CHECK(strcmp(fv_shape_text(&scalar, text), "scalar") == 0);
    shape.dim[1] = 0;
    REQUIRE_OK(fv_shape_count(&shape, &count, &err));
    CHECK(count == 0);
}

TEST(shape_refuses_nonsense)
{
    fv_error err;
    size_t count;
    fv_shape negative = fv_shape_of(2, 4, -1), deep = {.rank = FV_MAX_RANK + 1};
    fv_shape huge = {.rank = 3, .dim = {INT64_MAX, INT64_MAX, INT64_MAX}};
    fv_shape bytes = {.rank = 1, .dim = {INT64_MAX}}; /* the count fits, the bytes do not */
    CHECK_FAILS(fv_shape_count(&negative, &count, &err), FV_STATUS_SHAPE);
    CHECK_TEXT(err.text, "4x-1");
    CHECK_FAILS(fv_shape_count(&deep, &count, &err), FV_STATUS_SHAPE);
    CHECK_FAILS(fv_shape_count(&huge, &count, &err), FV_STATUS_SHAPE);
    CHECK_TEXT(err.text, "too large");
    CHECK_FAILS(fv_shape_count(&bytes, &count, &err), FV_STATUS_SHAPE);
}

TEST(shape_broadcast_aligns_right)
{
    fv_error err;
    fv_shape r, a = fv_shape_of(3, 2, 1, 5), b = fv_shape_of(2, 4, 1), c = fv_shape_of(1, 3);
    fv_shape wanted = fv_shape_of(3, 2, 4, 5);
    REQUIRE_OK(fv_shape_broadcast(&r, &a, &b, "add", &err));
    CHECK(fv_shape_equal(&r, &wanted));
    CHECK_FAILS(fv_shape_broadcast(&r, &a, &c, "add", &err), FV_STATUS_SHAPE);
    CHECK_TEXT(err.text, "add");
    CHECK_TEXT(err.text, "2x1x5");
}

TEST(shape_strides_row_major)
{
    fv_shape shape = fv_shape_of(3, 2, 3, 4);
    int64_t strides[FV_MAX_RANK];
    fv_shape_strides(&shape, strides);
    CHECK(strides[0] == 12 && strides[1] == 4 && strides[2] == 1);
}

TEST(tensor_views_share_copies_do_not)
{
    fv_error err;
    fv_tensor *t = NULL, *view = NULL, *copy = NULL, *bad = NULL;
    fv_shape shape = fv_shape_of(2, 2, 3), flat = fv_shape_of(1, 6), wrong = fv_shape_of(1, 5);
    size_t before = fv_alloc_bytes();
    REQUIRE_OK(fv_tensor_full(&t, &shape, 1.5f, &err));
    REQUIRE_OK(fv_tensor_reshape(&view, t, &flat, &err));
    REQUIRE_OK(fv_tensor_copy(&copy, t, &err));
    CHECK_FAILS(fv_tensor_reshape(&bad, t, &wrong, &err), FV_STATUS_SHAPE);
    CHECK(bad == NULL);
    t->data[4] = 7;
    CHECK(view->data[4] == 7 && copy->data[4] == 1.5f);
    fv_tensor_release(t);
    CHECK(view->data[4] == 7); /* the view keeps the buffer */
    CHECK(fv_tensor_retain(view) == view);
    fv_tensor_release(view);
    CHECK(view->count == 6);
    fv_tensor_release(view);
    fv_tensor_release(copy);
    fv_tensor_release(NULL);
    CHECK(fv_alloc_bytes() == before);
}

static void count_release(void *context)
{
    ++*(int *)context;
}

TEST(tensor_wrap_releases_once)
{
    fv_error err;
    fv_tensor *t = NULL, *view = NULL;
    float data[4] = {1, 2, 3, 4};
    int released = 0;
    fv_shape shape = fv_shape_of(2, 2, 2), flat = fv_shape_of(1, 4), bad = fv_shape_of(1, -1);
    REQUIRE_OK(fv_tensor_wrap(&t, &shape, data, count_release, &released, &err));
    REQUIRE_OK(fv_tensor_reshape(&view, t, &flat, &err));
    fv_tensor_release(t);
    CHECK(released == 0 && view->data == data);
    fv_tensor_release(view);
    CHECK(released == 1);
    CHECK_FAILS(fv_tensor_wrap(&t, &bad, data, count_release, &released, &err), FV_STATUS_SHAPE);
    CHECK(released == 2 && t == NULL);
}

/* new, copy, view, wrap: what every user of tensors does. */
static fv_status life_cycle(int *released, fv_error *err)
{
    static float data[6];
    fv_tensor *t = NULL, *copy = NULL, *view = NULL, *wrapped = NULL;
    fv_shape shape = fv_shape_of(2, 2, 3), flat = fv_shape_of(1, 6);
    fv_status status;
    FV_TRY_GOTO(fv_tensor_full(&t, &shape, 0, err));
    FV_TRY_GOTO(fv_tensor_copy(&copy, t, err));
    FV_TRY_GOTO(fv_tensor_reshape(&view, copy, &flat, err));
    FV_TRY_GOTO(fv_tensor_wrap(&wrapped, &flat, data, count_release, released, err));
done:
    fv_tensor_release(t);
    fv_tensor_release(copy);
    fv_tensor_release(view);
    fv_tensor_release(wrapped);
    return status;
}

TEST(tensor_survives_every_failing_allocation)
{
    fv_error err;
    size_t before = fv_alloc_bytes();
    int released = 0;
    fv_alloc_fail_at(-1);
    REQUIRE_OK(life_cycle(&released, &err));
    long allocations = fv_alloc_count();
    CHECK(allocations >= 8 && released == 1);
    for (long n = 0; n < allocations; n++) {
        fv_alloc_fail_at(n);
        CHECK_FAILS(life_cycle(&released, &err), FV_STATUS_MEMORY);
        CHECK(fv_alloc_bytes() == before);
    }
    fv_alloc_fail_at(-1);
    CHECK(released == 3); /* the two allocations of the wrapping tensor failed once each */
}
