// libtorch with its own allocator, as programs in C++ have it; the tensor extension brings another.
#pragma once

#include <c10/core/CPUAllocator.h>

#include <cstdint>

namespace eta {

// While in scope libtorch allocates as it does by itself. Memory may be freed later. Thread safety:
// nobody else allocates meanwhile, or does not care how.
class OwnAllocator {
 public:
  OwnAllocator() : before_(c10::GetCPUAllocator()) { Set(c10::GetDefaultCPUAllocator()); }
  ~OwnAllocator() { Set(before_); }
  OwnAllocator(const OwnAllocator&) = delete;
  OwnAllocator& operator=(const OwnAllocator&) = delete;

 private:
  static void Set(c10::Allocator* allocator) {
    constexpr uint8_t kHighestPriority = 0xFF;
    c10::SetCPUAllocator(allocator, kHighestPriority);
  }
  c10::Allocator* const before_;
};

}  // namespace eta
