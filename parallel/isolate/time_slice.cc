#include "parallel/isolate/time_slice.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

namespace eta::parallel {
namespace {

// The kernel's struct sched_attr in its first version; the C library has none.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of the usual policy: the time slice in nanoseconds; 0 sets the default
  uint64_t deadline = 0, period = 0;
};

constexpr uint32_t kUsualPolicy = 0;  // SCHED_OTHER

std::optional<SchedulingAttributes> Attributes() {
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return std::nullopt;
  return attributes;
}

void AskFor(std::chrono::nanoseconds slice) {
  auto attributes = Attributes();
  if (!attributes || attributes->policy != kUsualPolicy) return;
  attributes->runtime = static_cast<uint64_t>(slice.count());
  (void)syscall(SYS_sched_setattr, 0, &*attributes, 0);
}

}  // namespace

LongTimeSlice::LongTimeSlice() { AskFor(kLongTimeSlice); }

LongTimeSlice::~LongTimeSlice() { AskFor(std::chrono::nanoseconds(0)); }

std::chrono::nanoseconds TimeSlice() {
  const auto attributes = Attributes();
  return std::chrono::nanoseconds(attributes ? attributes->runtime : 0);
}

}  // namespace eta::parallel
