// Memory outside a heap that one foreign value keeps, counted as that heap's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vm/heap.h"

namespace eta {

// A member of the value's data: what it counts ends with it. Before Count it counts nothing, as in
// copies that belong to no heap. Thread safety: one thread; the heap must outlive it.
class ExternalBytes {
 public:
  ExternalBytes() = default;
  ~ExternalBytes() { Report(0); }
  ExternalBytes(const ExternalBytes&) = delete;
  ExternalBytes& operator=(const ExternalBytes&) = delete;

  // The value belongs to `heap` and keeps so many bytes from now on.
  void Count(Heap& heap, size_t bytes) {
    heap_ = &heap;
    Report(bytes);
  }
  // The same again, for a value that may not belong to a heap.
  void Update(size_t bytes) { Report(bytes); }

 private:
  void Report(size_t bytes) {
    if (heap_ == nullptr) return;
    const auto now = static_cast<int64_t>(bytes);
    heap_->AddExternalBytes(now - counted_);
    counted_ = now;
  }

  Heap* heap_ = nullptr;
  int64_t counted_ = 0;
};

}  // namespace eta
