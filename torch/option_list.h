// OptionList: named arguments at the end of an operation's own, 'name value 'name value ...
//
//   OptionList options(rest.items);
//   const auto size = options.Take<int64_t>("batch-size").value_or(32);
//   if (auto problem = options.Problem()) return call.Fail(*problem);
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "torch/marshal.h"

namespace eta::tensor {

// Lives for one call. Reading the arguments never fails; Problem tells afterwards.
class OptionList {
 public:
  explicit OptionList(std::span<const Value> arguments) : arguments_(arguments) {}

  // The value given for `name`, which becomes a known option; nothing when it was not given or is
  // no T.
  template <class T>
  std::optional<T> Take(std::string_view name) {
    const std::optional<Value> given = Given(name);
    if (!given) return std::nullopt;
    Arg<T> reader;
    if (reader.Read(*given)) return reader.get();
    Reject(name, Arg<T>::kExpected);
    return std::nullopt;
  }

  // Notes that the value of `name` does not fit what is `expected` ("positive integer required").
  void Reject(std::string_view name, std::string_view expected);

  // What is wrong with the arguments, if anything: an option without a value, given twice or
  // unknown (naming the nearest one), or a value that does not fit. Call it after the last Take.
  std::optional<std::string> Problem() const;
  // The same as an exception: throws c10::Error.
  void Check() const;

 private:
  std::optional<Value> Given(std::string_view name);

  std::span<const Value> arguments_;
  std::vector<std::string_view> known_;
  std::optional<std::string> rejection_;
};

}  // namespace eta::tensor
