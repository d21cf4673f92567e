/* A C program against the installed library: prints the version, computes a mean. Built by `make test`. */
#include <fovea.h>

#include <stdio.h>

int main(void)
{
    fv_error err;
    fv_tensor *t;
    fv_shape shape = fv_shape_of(2, 3, 4);
    if (fv_tensor_full(&t, &shape, 0.25f, &err) != FV_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    double sum = 0;
    for (size_t i = 0; i < t->count; i++) sum += t->data[i];
    fv_tensor_release(t);
    if (sum != 3) return 1;
    puts(FV_VERSION);
    return 0;
}
