/* How many threads kernels and oneDNN use. Results do not depend on it. */
#ifndef FV_BASE_PARALLEL_H
#define FV_BASE_PARALLEL_H

/* Threads of the next parallel region, at least 1. */
int fv_threads(void);

/* Which thread of a parallel region runs this: 0 to fv_threads() - 1. */
int fv_thread(void);

/* Sets it for the calling thread; n < 1 is taken as 1. A plan made earlier keeps working, but may not be the
 * best for the new number. */
void fv_set_threads(int n);

#endif
