/* Winograd kernels for AVX2. */
#include "ops/winograd_kernels.h"

#ifdef FV_WINOGRAD_X86
#    pragma GCC target("avx2,fma")
#    define FV_W_TABLE  fv_winograd_avx2
#    define FV_W_NAME   "avx2"
#    define FV_W_LANES  8
#    define FV_W_ROWS   6
#    define FV_W_BLOCKS 1
#    include "ops/winograd_template.h"
#endif
