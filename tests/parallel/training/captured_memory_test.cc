// A step that is replayed takes no memory from malloc, which is counted here, and its tensors need
// no more at their peak than those of an eager one.
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "torch/capture/log_softmax.h"
#include "torch/context.h"
#include "torch/extension.h"

extern "C" {
void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* block, size_t bytes);
void* __libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void* block);
}

namespace {

std::atomic<int64_t> allocations{0};

void* Count(void* block) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  return block;
}

}  // namespace

extern "C" {
void* malloc(size_t bytes) { return Count(__libc_malloc(bytes)); }
void* calloc(size_t count, size_t bytes) { return Count(__libc_calloc(count, bytes)); }
void* memalign(size_t alignment, size_t bytes) { return Count(__libc_memalign(alignment, bytes)); }
void* aligned_alloc(size_t alignment, size_t bytes) { return memalign(alignment, bytes); }
int posix_memalign(void** block, size_t alignment, size_t bytes) {
  *block = memalign(alignment, bytes);
  return *block != nullptr ? 0 : ENOMEM;
}
void* realloc(void* block, size_t bytes) { return Count(__libc_realloc(block, bytes)); }
void free(void* block) { __libc_free(block); }
}

namespace eta::parallel {
namespace {

// The memory of tensors, on top of the allocator that there is.
class TensorMemory final : public c10::Allocator {
 public:
  explicit TensorMemory(c10::Allocator* below) : below_(*below) {}
  c10::DataPtr allocate(size_t bytes) override {
    c10::DataPtr memory = below_.allocate(kBlockBytes + bytes);
    const c10::Device device = memory.device();
    auto* const block = static_cast<Block*>(memory.get());
    peak_ = std::max(peak_, live_ += static_cast<int64_t>(bytes));
    new (block) Block{std::move(memory), this, static_cast<int64_t>(bytes)};
    char* const data = reinterpret_cast<char*>(block) + kBlockBytes;
    return {data, data, &Free, device};
  }
  // OneDNN keeps pointers alone.
  c10::DeleterFnPtr raw_deleter() const override { return &Free; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
  void ForgetPeak() { peak_ = live_; }
  int64_t peak() const { return peak_; }

 private:
  // In front of what is given out.
  struct Block {
    c10::DataPtr memory;
    TensorMemory* owner;
    int64_t bytes;
  };
  static constexpr size_t kBlockBytes = 64;
  static_assert(sizeof(Block) <= kBlockBytes);
  static void Free(void* data) {
    auto* const block = reinterpret_cast<Block*>(static_cast<char*>(data) - kBlockBytes);
    const c10::DataPtr memory = std::move(block->memory);
    block->owner->live_ -= block->bytes;
    block->~Block();
  }

  c10::Allocator& below_;
  int64_t live_ = 0, peak_ = 0;
};

struct Memory {
  int64_t allocations;  // of a number of steps
  int64_t peak;         // bytes of tensors in their course, if these are counted
};

constexpr int kSteps = 50;

// In a Vm of its own.
Memory RunSteps(const std::string& program, bool capture, bool counts_tensors) {
  (void)tensor::DefaultDtype::Set(at::kFloat);
  Vm vm({});
  auto settings = std::make_shared<tensor::TensorSettings>();
  settings->capture = capture;
  settings->threads = 1;
  vm.Attach(tensor::kTensorSettings, settings);
  tensor::InstallTensors(vm);
  auto* const tensors = new TensorMemory(c10::GetCPUAllocator());
  constexpr uint8_t kHighestPriority = 0xFF;
  if (counts_tensors) c10::SetCPUAllocator(tensors, kHighestPriority);
  Value steps;
  if (!vm.RunSubmission(program, "train.eta", &steps) || vm.Call(steps, {}).IsFailure()) return {};
  tensors->ForgetPeak();
  const int64_t before = allocations.load();
  if (vm.Call(steps, {}).IsFailure()) return {};
  return {allocations.load() - before, tensors->peak()};
}

// Of steps that come after the first few, in a process of their own: what others left behind would
// be used again.
Memory MemoryOf(const std::string& program, bool capture, bool counts_tensors) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Memory used = RunSteps(program, capture, counts_tensors);
    _exit(write(ends[1], &used, sizeof used) == sizeof used ? 0 : 1);
  }
  close(ends[1]);
  Memory used{-1, -1};
  EXPECT_EQ(read(ends[0], &used, sizeof used), static_cast<ssize_t>(sizeof used)) << program;
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  close(ends[0]);
  return used;
}

struct Case {
  const char* name;
  std::string model;
  std::string optimizer = "(optim/sgd model 0.01 'momentum 0.9)";
  std::string loss = "nn/mse-loss";
  std::string input = "(torch/randn '(32 64))";
  std::string target = "(torch/randn '(32 10))";
};

std::string ProgramOf(const Case& c) {
  return "(import std.core std.nn std.collections) (torch/manual-seed 5) (define model " + c.model +
         ") (define optimizer " + c.optimizer + ") (define x " + c.input + ") (define y " +
         c.target + ") (define (steps n) (when (> n 0) (optim/train-step! model optimizer " +
         c.loss + " x y) (steps (- n 1)))) (lambda () (steps " + std::to_string(kSteps) + "))";
}

const std::string kMlp =
    "(nn/sequential (nn/linear 64 64) (nn/relu-layer) (nn/linear 64 64) (nn/relu-layer)"
    " (nn/linear 64 10))";
const std::string kLarge =
    "(nn/sequential (nn/linear 64 400) (nn/relu-layer) (nn/linear 400 400) (nn/relu-layer)"
    " (nn/linear 400 10))";
const std::string kWide =
    "(nn/sequential (nn/linear 64 1024) (nn/relu-layer) (nn/linear 1024 1024) (nn/relu-layer)"
    " (nn/linear 1024 10))";
const std::string kDeep =
    "(nn/sequential (nn/linear 64 256) (nn/relu-layer) (nn/linear 256 256) (nn/relu-layer)"
    " (nn/linear 256 256) (nn/relu-layer) (nn/linear 256 256) (nn/relu-layer) (nn/linear 256 10))";
const std::string kClasses =
    "(torch/from-list (map (lambda (k) (modulo k 10)) (range 0 32)) 'int64)";

const Case kCases[] = {
    {"perceptron", kMlp},
    {"with adam", kMlp, "(optim/adam model 0.01)"},
    {"clipped", kMlp, "(optim/adamw model 0.01 'clip-norm 0.5)"},
    {"classes", kMlp, "(optim/sgd model 0.01)", "nn/cross-entropy-loss", "(torch/randn '(32 64))",
     kClasses},
    {"large", kLarge, "(optim/adam model 0.01)", "nn/cross-entropy-loss", "(torch/randn '(32 64))",
     kClasses},
    {"wide", kWide, "(optim/sgd model 0.01)", "nn/cross-entropy-loss", "(torch/randn '(32 64))",
     kClasses},
    {"deep", kDeep, "(optim/sgd model 0.01)", "nn/cross-entropy-loss", "(torch/randn '(32 64))",
     kClasses},
    {"recurrent", "(nn/sequential (lstm 16 32 'layers 2) (nn/linear 32 10))",
     "(optim/adam model 0.01)", "nn/mse-loss", "(torch/randn '(8 20 16))",
     "(torch/randn '(8 20 10))"},
    {"a procedure", kMlp, "(optim/sgd model 0.01)", "(lambda (p t) (nn/mse-loss p t))"},
};

TEST(CapturedMemoryTest, AReplayAllocatesNothing) {
  if (tensor::FindLogSoftmax<float>() == nullptr) GTEST_SKIP() << "libtorch's log-softmax does";
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    EXPECT_GT(MemoryOf(ProgramOf(c), /*capture=*/false, false).allocations, 10 * kSteps);
    EXPECT_EQ(MemoryOf(ProgramOf(c), /*capture=*/true, false).allocations, 0);
  }
}

// But for places that are rounded up.
TEST(CapturedMemoryTest, AReplayTakesNoMoreThanAnEagerStep) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const int64_t eager = MemoryOf(ProgramOf(c), /*capture=*/false, true).peak;
    EXPECT_GT(eager, 10'000);
    EXPECT_LE(MemoryOf(ProgramOf(c), /*capture=*/true, true).peak, eager + 200);
  }
}

}  // namespace
}  // namespace eta::parallel
