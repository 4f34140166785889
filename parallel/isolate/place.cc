#include "parallel/isolate/place.h"

#include <filesystem>

namespace eta::parallel {

std::string PlaceText(const SourceSpan& span, const SourceFile* file) {
  if (file == nullptr) return "";
  return std::filesystem::path(file->path).filename().string() + ':' + std::to_string(span.line) +
         ':' + std::to_string(span.column);
}

std::string PlaceText(const Vm& vm) {
  const SourceSpan span = vm.CurrentSpan();
  return PlaceText(span, vm.File(span));
}

}  // namespace eta::parallel
