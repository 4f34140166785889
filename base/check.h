// ETA_CHECK: an invariant of ours that must hold; a violation is a bug and aborts with its place.
// Never use it for anything that a script, a file or an option can cause.
#pragma once

#include <cstdio>
#include <cstdlib>

#define ETA_CHECK(condition)                                                             \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)

#ifdef NDEBUG
#define ETA_DCHECK(condition) \
  do {                        \
  } while (false && (condition))
#else
#define ETA_DCHECK(condition) ETA_CHECK(condition)
#endif
