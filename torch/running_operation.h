// RunningOperation: which operation of the language the calling thread runs, for whoever notes what
// it does.
#pragma once

#include <string_view>
#include <utility>

namespace eta::tensor {

// In scope while it runs; operations may run others. Thread safety: of the calling thread.
class RunningOperation {
 public:
  // `name` is kept: static storage.
  explicit RunningOperation(std::string_view name) : outer_(std::exchange(current_, name)) {}
  ~RunningOperation() { current_ = outer_; }
  RunningOperation(const RunningOperation&) = delete;
  RunningOperation& operator=(const RunningOperation&) = delete;

  // Empty: none.
  static std::string_view Name() { return current_; }

 private:
  inline static constinit thread_local std::string_view current_;

  const std::string_view outer_;
};

}  // namespace eta::tensor
