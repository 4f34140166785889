// The fake NCCL in a test's own process.
#pragma once

#include <string>

namespace eta::parallel {

// The library files, from the root of the repository.
inline constexpr const char* kFakeNccl = "tests/fakes/libnccl_fake.so";
inline constexpr const char* kBareNccl = "tests/fakes/libnccl_bare.so";  // without registration

// While it lives, NCCL is the fake one, and what the plan says goes wrong (see nccl_plan.h). In the
// end everything must have been given up.
class FakeNccl {
 public:
  explicit FakeNccl(const std::string& plan = "");
  ~FakeNccl();
  FakeNccl(const FakeNccl&) = delete;
  FakeNccl& operator=(const FakeNccl&) = delete;

  int live_registrations() const;
  // All that there have been.
  int registrations() const;
};

}  // namespace eta::parallel
