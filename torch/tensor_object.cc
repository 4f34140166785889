#include "torch/tensor_object.h"

#include <type_traits>
#include <utility>

#include "torch/memory.h"
#include "torch/transfer.h"

namespace eta::tensor {
namespace {

// What a tensor takes besides its elements, which a view shares with others: objects of libtorch's
// that do not come from its allocator.
constexpr size_t kObjectBytes = 512;

// The tensor of a value; the isolate that made it is charged for it.
class Held {
 public:
  static Tensor* New(Tensor tensor) { return &(new Held(std::move(tensor)))->tensor_; }
  static void Delete(void* tensor) { delete static_cast<Held*>(tensor); }

 private:
  explicit Held(Tensor tensor) : tensor_(std::move(tensor)), account_(MemoryAccount::OfThread()) {
    if (account_ != nullptr) account_->Charge(kObjectBytes);
  }
  ~Held() {
    if (account_ != nullptr) account_->Credit(kObjectBytes);
  }

  Tensor tensor_;  // first: a pointer to it is one to this
  MemoryAccount* const account_;
};
static_assert(std::is_standard_layout_v<Held>);

constexpr ForeignTransfer kTransfer = {
    .copy = [](const void* data, Transfer& transfer) -> void* {
      return Guarded(transfer, "a tensor", [&] {
        return Held::New(CopyTensor(transfer, *static_cast<const Tensor*>(data)));
      });
    },
};

}  // namespace

const ForeignType kTensorType = {
    .name = "tensor",
    .finalize = &Held::Delete,
    .transfer = &kTransfer,
};

Value WrapTensor(Vm& vm, Tensor tensor) {
  ETA_CHECK(tensor.defined());
  return vm.heap().Foreign(&kTensorType, Held::New(std::move(tensor)));
}

}  // namespace eta::tensor
