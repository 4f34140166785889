#include "torch/option_list.h"

#include <c10/util/Exception.h>

#include <algorithm>

#include "vm/suggest.h"

namespace eta::tensor {

std::optional<Value> OptionList::Given(std::string_view name) {
  known_.push_back(name);
  for (size_t i = 0; i + 1 < arguments_.size(); i += 2) {
    if (IsSymbol(arguments_[i]) && SymbolName(arguments_[i]) == name) return arguments_[i + 1];
  }
  return std::nullopt;
}

void OptionList::Reject(std::string_view name, std::string_view expected) {
  if (!rejection_) rejection_ = "option '" + std::string(name) + "': " + std::string(expected);
}

std::optional<std::string> OptionList::Problem() const {
  std::vector<std::string_view> seen;
  for (size_t i = 0; i < arguments_.size(); i += 2) {
    if (!IsSymbol(arguments_[i])) return "an option's name must be a quoted symbol";
    const std::string& name = SymbolName(arguments_[i]);
    if (std::ranges::find(known_, name) == known_.end()) {
      return "unknown option '" + name + "'" + DidYouMean(name, known_);
    }
    if (i + 1 == arguments_.size()) return "option '" + name + "' has no value";
    if (std::ranges::find(seen, name) != seen.end()) return "option '" + name + "' is given twice";
    seen.push_back(name);
  }
  return rejection_;
}

void OptionList::Check() const {
  const auto problem = Problem();
  TORCH_CHECK(!problem, *problem);
}

}  // namespace eta::tensor
