#include "parallel/training/shared_parameters.h"

#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace eta::parallel {
namespace {

using tensor::Tensor;

constexpr size_t kLeastPage = 4096;

size_t RoundedUp(size_t bytes) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// Whether it lies on pages of its own.
bool IsWholeBlock(const tensor::Optimizer::Segment& segment) {
  const auto& block = segment.arena->blocks()[segment.block];
  return block.options.device().is_cpu() && segment.begin == 0 && segment.end == block.size;
}

// Pages of the file become the rank's own by being written to.
void WriteToAllPages(const Tensor& parameters) {
  auto* const bytes = static_cast<volatile std::byte*>(parameters.mutable_data_ptr());
  for (size_t i = 0; i < parameters.nbytes(); i += kLeastPage) bytes[i] = bytes[i];
}

}  // namespace

std::shared_ptr<const ParameterFile> ParameterFile::Of(const tensor::Optimizer& optimizer) {
  const auto& segments = optimizer.segments();
  if (!std::all_of(segments.begin(), segments.end(), IsWholeBlock)) return nullptr;
  const std::shared_ptr<ParameterFile> file(new ParameterFile);
  size_t end = 0;
  for (const auto& segment : segments) {
    file->offsets_.push_back(
        std::exchange(end, end + RoundedUp(segment.tensors.parameter.nbytes())));
  }
  file->offsets_.push_back(end);
  if (!file->Make(end)) return nullptr;
  for (size_t s = 0; s < segments.size(); ++s) {
    const Tensor& parameters = segments[s].tensors.parameter;
    std::memcpy(file->segment(s), parameters.const_data_ptr(), parameters.nbytes());
  }
  return file;
}

bool ParameterFile::Make(size_t bytes) {
  file_ = memfd_create("parameters", MFD_CLOEXEC);
  if (file_ < 0 || ftruncate(file_, static_cast<off_t>(bytes)) != 0) return false;
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (memory == MAP_FAILED) return false;
  memory_ = static_cast<std::byte*>(memory);
  return true;
}

ParameterFile::~ParameterFile() {
  if (memory_ != nullptr) munmap(memory_, offsets_.back());
  if (file_ >= 0) close(file_);
}

bool ParameterFile::MapOver(size_t index, const Tensor& parameters) const {
  void* const place = parameters.mutable_data_ptr();
  const size_t bytes = offsets_[index + 1] - offsets_[index];
  if (bytes == 0) return true;
  return mmap(place, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file_,
              static_cast<off_t>(offsets_[index])) == place;
}

void SharedParameters::Enter(const std::shared_ptr<const ParameterFile>& file, StepMemory* memory) {
  file_ = file;
  memory_ = memory;
  OwnerMemory& owner = *memory->owner;
  for (size_t s = 0; s < owner.segments.size(); ++s) {
    Tensor& parameters = owner.segments[s].parameter;
    own_.push_back(parameters);
    TORCH_CHECK_WITH(OutOfMemoryError, file->MapOver(s, parameters),
                     "out of memory: the parameters cannot be mapped");
    const auto keep = [file](void*) {};
    parameters = at::from_blob(file->segment(s), parameters.sizes(), keep, parameters.options());
  }
  memory->shares_parameters = true;
}

void SharedParameters::Leave() {
  if (file_ == nullptr) return;
  memory_->shares_parameters = false;
  for (size_t s = 0; s < own_.size(); ++s) {
    WriteToAllPages(own_[s]);
    memory_->owner->segments[s].parameter = own_[s];
  }
  own_.clear();
  file_.reset();
}

}  // namespace eta::parallel
