#include "base/parallel.h"

#ifdef _OPENMP
#    include <omp.h>

int fv_threads(void)
{
    return omp_get_max_threads();
}

int fv_thread(void)
{
    return omp_get_thread_num();
}

void fv_set_threads(int n)
{
    omp_set_num_threads(n < 1 ? 1 : n);
}
#else
int fv_threads(void)
{
    return 1;
}

int fv_thread(void)
{
    return 0;
}

void fv_set_threads(int n)
{
    (void)n;
}
#endif
