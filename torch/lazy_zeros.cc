#include "torch/lazy_zeros.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <sys/mman.h>

#include "torch/memory.h"

namespace eta::tensor {
namespace {

constexpr size_t kLeast = 64 * 1024;  // bytes; below, pages are too coarse to gain anything

// A mapping, and the account that it is charged to.
class Mapping {
 public:
  explicit Mapping(size_t bytes) : bytes_(bytes), account_(MemoryAccount::OfThread()) {
    const bool admitted = account_ == nullptr || account_->Admits(bytes);
    start_ = admitted
                 ? mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                 : MAP_FAILED;
    TORCH_CHECK_WITH(OutOfMemoryError, start_ != MAP_FAILED, "out of memory: a tensor of ", bytes,
                     " bytes does not fit");
    if (account_ != nullptr) account_->Charge(bytes);
  }
  ~Mapping() {
    munmap(start_, bytes_);
    if (account_ != nullptr) account_->Credit(bytes_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  void* start() const { return start_; }

 private:
  const size_t bytes_;
  MemoryAccount* const account_;  // lives until it has been credited
  void* start_;
};

}  // namespace

at::Tensor LazyZeros(int64_t count, const at::TensorOptions& options) {
  const size_t bytes = static_cast<size_t>(count) * options.dtype().itemsize();
  return bytes < kLeast ? at::zeros({count}, options) : ZerosOnPages(count, options);
}

at::Tensor ZerosOnPages(int64_t count, const at::TensorOptions& options) {
  if (!options.device().is_cpu() || count == 0) return at::zeros({count}, options);
  auto mapping = std::make_shared<Mapping>(static_cast<size_t>(count) * options.dtype().itemsize());
  return at::from_blob(
      mapping->start(), {count}, [mapping](void*) {}, options);
}

}  // namespace eta::tensor
