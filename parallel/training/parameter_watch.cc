#include "parallel/training/parameter_watch.h"

#include <cinttypes>
#include <cstdio>

#include "parallel/training/hash.h"

namespace eta::parallel {

uint64_t ParameterWatch::Versions() const {
  uint64_t sum = 0;
  for (const auto& parameter : parameters_) {
    sum += parameter.tensor.unsafeGetTensorImpl()->version_counter().current_version();
  }
  return sum;
}

std::string ParameterWatch::DescribeValues() const {
  std::string text;
  for (const auto& [name, tensor] : parameters_) {
    char hash[17];
    std::snprintf(hash, sizeof(hash), "%016" PRIx64, HashOf(tensor));
    text += name + ' ' + hash + '\n';
  }
  return text;
}

}  // namespace eta::parallel
