// Clang's thread-safety annotations; they expand to nothing under other compilers.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#if defined(__clang__)
#define ETA_ANNOTATE(x) __attribute__((x))
#else
#define ETA_ANNOTATE(x)
#endif

#define GUARDED_BY(mutex) ETA_ANNOTATE(guarded_by(mutex))
#define REQUIRES_LOCK(mutex) ETA_ANNOTATE(exclusive_locks_required(mutex))
#define EXCLUDES_LOCK(mutex) ETA_ANNOTATE(locks_excluded(mutex))

// For the classes in base/mutex.h.
#define LOCKABLE ETA_ANNOTATE(capability("mutex"))
#define SCOPED_LOCK ETA_ANNOTATE(scoped_lockable)
#define ACQUIRES(...) ETA_ANNOTATE(acquire_capability(__VA_ARGS__))
#define RELEASES(...) ETA_ANNOTATE(release_capability(__VA_ARGS__))
