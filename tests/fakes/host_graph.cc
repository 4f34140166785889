#include "tests/fakes/host_graph.h"

#include <ATen/core/LegacyTypeDispatch.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <utility>

#include "tests/fakes/host_accelerator.h"
#include "tests/fakes/host_call.h"
#include "torch/capture/device_graph.h"

namespace eta::tensor {
namespace {

using torch::jit::Stack;

constinit thread_local HostTape* current = nullptr;
std::atomic<int64_t> launched{0};
std::atomic<const char*> refused{nullptr};

void Permit(const c10::OperatorHandle& op, const Stack& stack) {
  const std::string name = c10::toString(op.operator_name());
  const char* const forbidden = refused;
  bool leaves = name == "aten::_local_scalar_dense" || (forbidden != nullptr && name == forbidden);
  if (name == "aten::copy_") {
    const size_t first = stack.size() - op.schema().arguments().size();
    leaves |= stack[first].toTensor().is_cpu() || stack[first + 1].toTensor().is_cpu();
  }
  TORCH_CHECK(!leaves, name, " is not permitted while a graph is captured");
}

// A call on the memory that it was recorded with.
struct Call {
  c10::OperatorHandle op;
  Stack arguments;
  std::vector<std::pair<size_t, Tensor>> results;  // where those go that are new

  void operator()() const {
    Stack stack = arguments;
    op.callBoxed(&stack);
    const size_t first = stack.size() - op.schema().returns().size();
    for (const auto& [index, place] : results) place.copy_(stack[first + index].toTensor());
  }
};

}  // namespace

HostTape* HostTape::Current() { return current; }
HostTape::Scope::Scope(HostTape& tape) { current = &tape; }
HostTape::Scope::~Scope() { current = nullptr; }

// The form of what comes out is found out on zeros. Tensors on the CPU are single numbers, which
// are taken by their value.
void HostTape::Record(const c10::OperatorHandle& op, Stack* stack) {
  Permit(op, *stack);
  Stack arguments = *stack;
  HostCall trial(op, HostCall::Memory::kZeros);
  trial.ToHost(stack);
  op.callBoxed(stack);
  trial.ToDevice(stack);
  for (const Tensor& resized : trial.resized()) KeepMemory(resized);
  std::vector<std::pair<size_t, Tensor>> results;
  for (const auto& [index, made] : trial.made()) {
    KeepMemory(made);
    results.emplace_back(index, HostAlias(made));
  }
  HostCall call(op);
  call.ToHost(&arguments);
  for (const at::Generator& generator : call.generators()) {
    TORCH_CHECK(generator == generator_, op.schema().name(), " draws from an unknown generator");
  }
  calls_.push_back(Call{op, std::move(arguments), std::move(results)});
}

// Tensors of the program do not keep the memory of a graph, nor does it count as a tensor.
void HostTape::KeepMemory(const Tensor& made) {
  c10::StorageImpl* const storage = made.storage().unsafeGetStorageImpl();
  void* const data = storage->mutable_data();
  if (data == nullptr) return;
  std::memset(data, 0xFF, storage->nbytes());
  memory_.push_back(storage->set_data_ptr(c10::DataPtr(data, made.device())));
}

void HostTape::Play() const {
  const at::AutoDispatchBelowADInplaceOrView below_autograd;
  for (const auto& call : calls_) call();
}

namespace {

class HostGraph final : public DeviceGraph {
 public:
  void Capture(const at::Generator& generator, c10::function_ref<void()> enqueue) override {
    tape_ = std::make_unique<HostTape>(generator);
    const HostTape::Scope scope(*tape_);
    enqueue();
  }
  void Launch() override {
    ++launched;
    tape_->Play();
  }

 private:
  std::unique_ptr<HostTape> tape_;
};

class HostGraphs final : public DeviceGraphs {
 public:
  void WarmUp(c10::function_ref<void()> enqueue) override { enqueue(); }
  std::unique_ptr<DeviceGraph> Make() override { return std::make_unique<HostGraph>(); }
};

[[maybe_unused]] const bool graphs_are_there = [] {
  RegisterDeviceGraphs(c10::kPrivateUse1, [](c10::Device) -> std::unique_ptr<DeviceGraphs> {
    return std::make_unique<HostGraphs>();
  });
  return true;
}();

}  // namespace

int64_t HostAccelerator::launches() { return launched; }
void HostAccelerator::RefuseToCapture(const char* operation) { refused = operation; }

}  // namespace eta::tensor
