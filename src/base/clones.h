/* FV_CLONES before a function compiles it for several instruction sets; the best one is picked when the
 * program is loaded. For small functions that are one hot loop, without OpenMP regions of their own: the
 * outlined body of a region would not be cloned. Results do not depend on the set: no contraction, and lanes
 * are spelled out. */
#ifndef FV_BASE_CLONES_H
#define FV_BASE_CLONES_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#    define FV_CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#else
#    define FV_CLONES
#endif

#endif
