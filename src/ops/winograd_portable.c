/* Winograd kernels for any processor: vectors of four, which SSE2 and NEON have. */
#define FV_W_TABLE fv_winograd_portable
#define FV_W_NAME  "portable"
#define FV_W_LANES 4
#ifdef __aarch64__
#    define FV_W_ROWS 6 /* 32 registers */
#else
#    define FV_W_ROWS 2
#endif
#define FV_W_BLOCKS 1
#include "ops/winograd_template.h"
