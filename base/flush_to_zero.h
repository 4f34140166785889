// FlushToZero: while one is in scope, results of this thread's floating-point operations that are
// smaller than any number with all of its bits are 0. Processors take up to a hundred times as long
// for arithmetic on such numbers, and what they add to anything is lost in rounding.
#pragma once

#include <cstdint>

#ifdef __SSE2__
#include <xmmintrin.h>
#endif

namespace eta {

class FlushToZero {
 public:
  FlushToZero() : before_(Get()) { Set(before_ | kFlush); }
  ~FlushToZero() { Set(before_); }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
#if defined(__SSE2__)
  using Control = uint32_t;
  static constexpr Control kFlush = _MM_FLUSH_ZERO_ON;
  static Control Get() { return _mm_getcsr(); }
  static void Set(Control control) { _mm_setcsr(control); }
#elif defined(__aarch64__)
  using Control = uint64_t;
  static constexpr Control kFlush = uint64_t{1} << 24;  // FPCR.FZ
  static Control Get() {
    Control control;
    asm volatile("mrs %0, fpcr" : "=r"(control));
    return control;
  }
  static void Set(Control control) { asm volatile("msr fpcr, %0" : : "r"(control)); }
#else
  using Control = uint32_t;
  static constexpr Control kFlush = 0;
  static Control Get() { return 0; }
  static void Set(Control) {}
#endif

  const Control before_;
};

}  // namespace eta
