// How replicas that share cores keep their parameters once in memory, as these are equal anyway:
// eight copies of a model are more than the caches of two cores hold, and whoever updates a slice
// would write it eight times.
//
// The copy is a file in memory. Each rank maps it over its own parameters, "privately": it reads
// the file there, at the addresses that it has always had, and so sees what owners of slices write
// to the file. A page that the rank itself writes to becomes its own and follows the file no longer
// (copy on write). So programs may do with their parameters what they like, and the ranks leave the
// file as soon as ParameterWatch tells that some have. That a private mapping shows what is written
// to the file later is how Linux does it; POSIX leaves it open.
//
// Thread safety: the isolate's thread, but for ParameterFile's const functions.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "parallel/training/step_memory.h"
#include "torch/optimizer.h"

namespace eta::parallel {

class ParameterFile {
 public:
  // The parameters of `optimizer` as they are. Null if they do not lie in blocks of their own on
  // the CPU, or the system has no such files. REQUIRES: optimizer.Prepare.
  static std::shared_ptr<const ParameterFile> Of(const tensor::Optimizer& optimizer);
  ~ParameterFile();
  ParameterFile(const ParameterFile&) = delete;
  ParameterFile& operator=(const ParameterFile&) = delete;

  // Those of a segment; what is written there is everybody's.
  std::byte* segment(size_t index) const { return memory_ + offsets_[index]; }
  // Puts them where `parameters`, a segment's whole block, are. False: the system refuses, and some
  // pages may be mapped.
  bool MapOver(size_t index, const tensor::Tensor& parameters) const;

 private:
  ParameterFile() = default;
  bool Make(size_t bytes);

  int file_ = -1;
  std::byte* memory_ = nullptr;
  std::vector<size_t> offsets_;  // by segment, and the end
};

// It may go without leaving: nobody updates the parameters then, which are as they were last.
class SharedParameters {
 public:
  // The parameters in `memory` are the file's from now on, and owners of slices update them there.
  // Throws c10::OutOfMemoryError if the system refuses: then this has to Leave. REQUIRES: the
  // values are equal, no peer looks at `memory`, and it outlives this.
  void Enter(const std::shared_ptr<const ParameterFile>& file, StepMemory* memory);
  // All is this rank's own again, as it sees it. REQUIRES: all ranks leave before the next update.
  void Leave();

 private:
  std::shared_ptr<const ParameterFile> file_;  // null: nothing is shared
  StepMemory* memory_ = nullptr;
  std::vector<tensor::Tensor> own_;  // this rank's, by segment
};

}  // namespace eta::parallel
