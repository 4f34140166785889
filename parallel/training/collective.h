// What the collectives of std.parallel have in common. They work in a program that runs alone as
// well, with the results that a world of one rank has.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "parallel/core/world.h"
#include "parallel/training/call_site.h"
#include "parallel/training/exchange_place.h"
#include "torch/call.h"

namespace eta::parallel {

// One rank's shape and dtype, as all get to know it.
struct ShapeRecord {
  static constexpr int kMaxAxes = 13;
  int64_t sizes[kMaxAxes];
  int32_t axes;
  at::ScalarType dtype;
};
static_assert(sizeof(ShapeRecord) <= Record::kBytes);

// One collective in progress. Lives for one call of it. Thread safety: the isolate's thread.
class Collective {
 public:
  // `name` is what messages and the other ranks call it; static storage.
  Collective(tensor::Call& call, const char* name);

  Member& member() { return member_; }
  int rank() { return member_.rank(); }
  int size() { return member_.size(); }
  const std::string& site() const { return site_.text(); }
  const ExchangePlace& place() const { return place_; }

  // Everybody's record, by rank; or nothing, and an error is pending.
  template <class T>
  bool Exchange(const T& mine, std::vector<T>* all) {
    all->resize(static_cast<size_t>(size()));
    return Passed(member_.Exchange(name_, mine, std::span(*all), site()));
  }
  // Everybody's shape. Throws c10::Error if the tensor has too many axes.
  bool ExchangeShapes(const at::Tensor& tensor, std::vector<ShapeRecord>* all);
  // True if all shapes are equal from axis `first` on, and the dtypes too. Otherwise all ranks end
  // with an error that names two of them, and the world is over.
  bool RequireSameShapes(const std::vector<ShapeRecord>& all, int first);

  // Whether that went well; if not, the error is pending. Waits for work that is under way.
  bool Passed(const Status& status);
  bool Passed(Work work) { return Passed(work.Wait(Deadline::max())); }

 private:
  tensor::Call& call_;
  const char* const name_;
  Member& member_;
  CallSite site_;
  const ExchangePlace place_;
};

// "(64 10) float64".
std::string Describe(const ShapeRecord& shape);

}  // namespace eta::parallel
