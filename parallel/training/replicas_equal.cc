// (replicas-equal? model).
#include <algorithm>

#include "parallel/training/collective.h"
#include "parallel/training/hash.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::parallel {
namespace {

uint64_t HashOfModel(const tensor::Module& model) {
  uint64_t hash = 0;
  for (const auto& [name, parameter] : model.Parameters()) {
    const uint64_t words[] = {hash, HashOf(name), HashOf(parameter)};
    hash = HashOf(std::as_bytes(std::span(words)));
  }
  return hash;
}

Value ReplicasEqual(tensor::Call& call, const tensor::Module& model) {
  Collective collective(call, "replicas-equal?");
  std::vector<uint64_t> hashes;
  if (!collective.Exchange(HashOfModel(model), &hashes)) return Value::Failure();
  return Value::Bool(
      std::all_of(hashes.begin(), hashes.end(), [&](uint64_t hash) { return hash == hashes[0]; }));
}

constexpr NativeDef kOps[] = {
    tensor::Op<"parallel/replicas-equal?">(
        [](tensor::Call& call, const std::shared_ptr<tensor::Module>& model) {
          return ReplicasEqual(call, *model);
        },
        "(replicas-equal? model): whether all ranks have the same parameters, bit by bit"),
};

const tensor::OpTable table(kOps);

}  // namespace
}  // namespace eta::parallel
