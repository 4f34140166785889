#include "torch/capture/out_variant.h"

#include <algorithm>
#include <unordered_set>

namespace eta::tensor {
namespace {

bool WritesTheResultsOf(const c10::FunctionSchema& out, const c10::FunctionSchema& schema) {
  const auto& own = schema.arguments();
  const auto& given = out.arguments();
  auto same = [](const c10::Argument& a, const c10::Argument& b) {
    return a.name() == b.name() && *a.real_type() == *b.real_type();
  };
  return given.size() == own.size() + schema.returns().size() &&
         std::equal(own.begin(), own.end(), given.begin(), same) &&
         std::all_of(given.begin() + static_cast<std::ptrdiff_t>(own.size()), given.end(),
                     [](const c10::Argument& argument) { return argument.is_out(); });
}

// Some losses resize what they are given to the shape of their input, and back after a reduction.
bool ResizesResult(const c10::FunctionSchema& schema) {
  const std::string& name = schema.name();
  return schema.argumentIndexWithName("reduction").has_value() &&
         !name.starts_with("aten::nll_loss") && !name.ends_with("_backward");
}

}  // namespace

OutVariants::OutVariants(const Trace& trace) {
  std::unordered_set<std::string> names;
  for (const TraceOp& op : trace.ops) names.insert(op.op.operator_name().name);
  for (const auto& name : c10::Dispatcher::singleton().getAllOpNames()) {
    if (names.contains(name.name)) overloads_.emplace(name.name, name.overload_name);
  }
}

std::optional<c10::OperatorHandle> OutVariants::Find(const c10::OperatorHandle& op) const {
  if (op.schema().is_mutable() || ResizesResult(op.schema())) return std::nullopt;
  const auto [begin, end] = overloads_.equal_range(op.operator_name().name);
  for (auto it = begin; it != end; ++it) {
    const auto other = c10::Dispatcher::singleton().findSchema({it->first, it->second});
    if (other && !other->hasTag(at::Tag::generated) &&
        WritesTheResultsOf(other->schema(), op.schema())) {
      return other;
    }
  }
  return std::nullopt;
}

}  // namespace eta::tensor
