/* What the machine can do at most, to measure programs by. */
#ifndef FV_BASE_PEAK_H
#define FV_BASE_PEAK_H

/* Floating-point operations per second (32 bits) of fused multiply-adds in registers, on as many threads as
 * fv_threads() says, with the widest vectors the machine has: the best of many short runs within that time.
 */
double fv_fma_peak(double seconds);

#endif
