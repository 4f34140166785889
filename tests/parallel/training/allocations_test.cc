// A step among replicas takes no more memory from the heap than the same step alone.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "tests/parallel/training/replicas.h"

namespace {

std::atomic<int64_t> allocations{0};

void* Count(void* block) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

// Where these are not inlined, the compiler does not see that they belong together.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

void* operator new(size_t bytes) { return Count(std::malloc(bytes)); }
void* operator new(size_t bytes, std::align_val_t alignment) {
  const auto unit = static_cast<size_t>(alignment);
  return Count(std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit));
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, size_t, std::align_val_t) noexcept { std::free(block); }

namespace eta::parallel {
namespace {

int64_t AllocationsOf(int ranks, int steps, const std::string& optimizer) {
  const int64_t before = allocations.load();
  OutputOf(ranks, R"((import std.torch std.optim)
    (manual-seed 5)
    (define model (sequential (linear 6 16) (relu-layer) (linear 16 4)))
    (define optimizer )" +
                      optimizer + R"()
    (define x (randn '(8 6)))
    (define y (randn '(8 4)))
    (let loop ((i 0))
      (when (< i )" + std::to_string(steps) +
                      R"()
        (train-step! model optimizer mse-loss x y)
        (loop (+ i 1)))))");
  return allocations.load() - before;
}

// For each step of one rank, once the first ones are over.
double PerStep(int ranks, const std::string& optimizer) {
  constexpr int kSteps = 300;
  (void)AllocationsOf(ranks, 3, optimizer);  // what a process makes once
  const int64_t once = AllocationsOf(ranks, kSteps, optimizer);
  const int64_t twice = AllocationsOf(ranks, 2 * kSteps, optimizer);
  return static_cast<double>(twice - once) / kSteps / ranks;
}

// What happens now and then, as in a collection, does not count.
TEST(AllocationsTest, AStepAmongReplicasTakesNoMoreThanOneAlone) {
  for (const char* optimizer :
       {"(sgd model 0.01 'momentum 0.9)", "(adam model 0.01)", "(sgd model 0.01 'clip-norm 1.0)"}) {
    const double alone = PerStep(1, optimizer);
    const std::string eager = std::string(optimizer, std::strlen(optimizer) - 1) + " 'capture #f)";
    EXPECT_GT(PerStep(1, eager), 1) << "what libtorch allocates is counted";
    for (int ranks : {2, 4}) {
      EXPECT_LT(PerStep(ranks, optimizer), alone + 0.5) << optimizer << ", " << ranks << " ranks";
    }
  }
}

}  // namespace
}  // namespace eta::parallel
