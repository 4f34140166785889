// ETA_VECTORIZED: for a function that is a loop over arrays. It is compiled for plain x86-64, for
// processors with AVX2 and for those with AVX-512; which one runs is chosen when the program
// starts. None of them fuses a product with a sum, so that all round alike. What the function calls
// has to be inlined to take part: [[gnu::always_inline]].
//
// ETA_VECTORIZED_FUSED: likewise, but they fuse where the processor can, for loops over polynomials
// that need not round alike on all processors.
#pragma once

// Sanitizers cannot run code as early as the choice is made.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define ETA_VECTORIZED_WITH(contraction)      \
  __attribute__((optimize("O3", contraction), \
                 target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define ETA_VECTORIZED_WITH(contraction) __attribute__((optimize("O3", contraction)))
#endif

#define ETA_VECTORIZED ETA_VECTORIZED_WITH("fp-contract=off")
#define ETA_VECTORIZED_FUSED ETA_VECTORIZED_WITH("fp-contract=fast")
