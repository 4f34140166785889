// (broadcast-parameters! model): for programs that change parameters of one replica by hand.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <string>
#include <vector>

#include "parallel/training/collective.h"
#include "parallel/training/hash.h"
#include "parallel/training/step_memory.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

using tensor::Call;
using tensor::NamedParameter;
using tensor::Tensor;

// One call. Thread safety: the isolate's thread.
class Broadcasting {
 public:
  Broadcasting(Call& call, const tensor::Module& model)
      : call_(call), collective_(call, "broadcast-parameters!"), parameters_(model.Parameters()) {}

  Value Run() {
    CopyOut();
    if (!RequireSameModels()) return Value::Failure();
    for (const Tensor& copy : copies_) {
      if (!collective_.Passed(collective_.member().communicator().Broadcast(
              collective_.place().BufferOf(copy), 0, collective_.site()))) {
        return Value::Failure();
      }
    }
    if (collective_.rank() != 0) CopyIn();
    return Value::Nil();
  }

 private:
  // Whatever fails later, the parameters are as they were.
  void CopyOut() {
    at::NoGradGuard no_grad;
    for (const NamedParameter& parameter : parameters_) {
      copies_.push_back(collective_.place().Copy(parameter.tensor));
    }
  }

  void CopyIn() {
    at::NoGradGuard no_grad;
    call_.Commit();
    for (size_t i = 0; i < copies_.size(); ++i) parameters_[i].tensor.copy_(copies_[i]);
  }

  bool RequireSameModels() {
    std::string structure;
    for (const NamedParameter& parameter : parameters_) structure += Describe(parameter) + '\n';
    std::vector<uint64_t> all;
    if (!collective_.Exchange(HashOf(structure), &all)) return false;
    const auto other =
        std::find_if(all.begin(), all.end(), [&](uint64_t hash) { return hash != all[0]; });
    if (other == all.end()) return true;
    const auto rank = static_cast<int>(other - all.begin());
    collective_.member().world().Abort(
        {Code::kDesync, "the models of rank 0 and rank " + std::to_string(rank) + " differ", rank});
    return collective_.Passed(collective_.member().Poll());
  }

  Call& call_;
  Collective collective_;
  const std::vector<NamedParameter> parameters_;
  std::vector<Tensor> copies_;
};

constexpr NativeDef kOps[] = {
    tensor::Op<"parallel/broadcast-parameters!">(
        [](Call& call, const std::shared_ptr<tensor::Module>& model) {
          return Broadcasting(call, *model).Run();
        },
        "(broadcast-parameters! model): gives the parameters of rank 0 to all"),
};

const tensor::OpTable table(kOps);

}  // namespace
}  // namespace eta::parallel
