#include "torch/eta_module.h"

#include <unordered_set>

#include "torch/tensor_object.h"

namespace eta::tensor {
namespace {

class EtaModule final : public Module {
 public:
  EtaModule(Vm& vm, Value parts, Value forward, bool repeats)
      : vm_(&vm), forward_(forward), repeats_(repeats) {
    std::unordered_set<std::string> names;
    for (; IsPair(parts); parts = Cdr(parts)) {
      const Value part = Car(parts);
      TORCH_CHECK(IsPair(part) && IsSymbol(Car(part)), "a part is a pair (name . part)");
      const std::string& name = SymbolName(Car(part));
      TORCH_CHECK(names.insert(name).second, "two parts are called ", name);
      Add(name, Cdr(part));
    }
    TORCH_CHECK(parts.IsNil(), "parts: proper list required");
  }

  std::shared_ptr<Module> CopySelf() const override {
    auto copy = std::make_shared<EtaModule>(*this);
    copy->vm_ = nullptr;
    copy->forward_ = Value::Nil();
    return copy;
  }

  Tensor Forward(TensorContext&, const Tensor& input) override {
    TORCH_CHECK(vm_ != nullptr, "the module has no procedure here");
    const Root argument(vm_->heap(), WrapTensor(*vm_, input));
    const Value arguments[] = {argument};
    const Value result = vm_->Call(forward_, arguments);
    if (result.IsFailure()) return Tensor();
    if (const Tensor* output = TensorIn(result)) return *output;
    (void)vm_->TypeError("nn/forward: the procedure of a module must return a tensor");
    return Tensor();
  }

  Repetition repetition() const override {
    return repeats_ ? Repetition::kSure : Repetition::kIfWatched;
  }

  void Trace(Marker& marker) const override {
    marker.Mark(forward_);
    Module::Trace(marker);
  }

  void CollectValues(std::vector<Value>* out) const override {
    out->push_back(forward_);
    Module::CollectValues(out);
  }

  void AdoptValues(Vm& vm, std::span<const Value>* values) override {
    vm_ = &vm;
    forward_ = values->front();
    *values = values->subspan(1);
    Module::AdoptValues(vm, values);
  }

 private:
  void Add(const std::string& name, Value part) {
    if (const Tensor* tensor = TensorIn(part)) {
      TORCH_CHECK(tensor->is_leaf(), name, " is the result of a computation, detach it");
      (tensor->requires_grad() ? own_parameters_ : own_buffers_).push_back({name, *tensor});
    } else if (const auto* child = ModuleIn(part)) {
      AddChild(name, *child);
    } else {
      TORCH_CHECK(false, name, " is neither a tensor nor a module");
    }
  }

  Vm* vm_;  // null, as the procedure, in a copy that has not arrived
  Value forward_;
  const bool repeats_;
};

}  // namespace

std::shared_ptr<Module> MakeEtaModule(Vm& vm, Value parts, Value forward, bool repeats) {
  TORCH_CHECK(IsProcedure(forward), "forward: procedure required");
  return std::make_shared<EtaModule>(vm, parts, forward, repeats);
}

}  // namespace eta::tensor
