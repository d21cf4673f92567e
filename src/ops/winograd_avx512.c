/* Winograd kernels for AVX-512. */
#include "ops/winograd_kernels.h"

#ifdef FV_WINOGRAD_X86
#    pragma GCC target("avx512f,fma")
#    define FV_W_TABLE  fv_winograd_avx512
#    define FV_W_NAME   "avx512"
#    define FV_W_LANES  16
#    define FV_W_ROWS   12
#    define FV_W_BLOCKS 2
#    include "ops/winograd_template.h"
#endif
