// From source text to bytecode, on a large generated program: bytes of source per second for each
// stage alone, and the whole way.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "vm/compiler.h"
#include "vm/diagnostics.h"
#include "vm/expander.h"
#include "vm/linker.h"
#include "vm/reader.h"
#include "vm/vm.h"

namespace eta {
namespace {

constexpr int kProcedures = 2000;

// Procedures of the usual kinds of form; the last form is a call that reaches all of them.
std::string MakeSource() {
  std::string source = "(define (procedure-0 x items) x)\n";
  for (int i = 1; i <= kProcedures; ++i) {
    const std::string number = std::to_string(i), before = std::to_string(i - 1);
    source += "; What procedure number " + number + R"( adds to those before.
(define (procedure-)" +
              number + R"( x items)
  (let* ((scale 0.25)
         (label "procedure )" +
              number + R"(")
         (entry `(name ,label value ,(* scale x) . rest)))
    (cond ((null? items)
           (procedure-)" +
              before + R"( (+ x 1) items))
          ((and (pair? (car items)) (eq? (car (car items)) 'skip))
           (procedure-)" +
              before + R"( x (cdr items)))
          (else
           (do ((rest (cdr items) (cdr rest))
                (sum 0 (+ sum (if (number? (car rest)) (car rest) )" +
              number + R"())))
               ((null? rest)
                (for-each (lambda (item) (set! sum (- sum item))) (list sum x))
                (cons sum entry)))))))
)";
  }
  return source + "(procedure-" + std::to_string(kProcedures) + " 0 '())\n";
}

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

template <class T>
T OrDie(Result<T> result) {
  if (!result) Die(result.error().message);
  return std::move(*result);
}

using Data = std::vector<const Datum*>;

// One program on its way through the stages of one VM.
class Frontend {
 public:
  Frontend() : source_(MakeSource()), data_(Read(arena_)), file_(Expand(arena_)) {
    modules_ = OrDie(Link(
        file_, vm_.names(), [](Name) { return nullptr; },
        [this](Name name) { return vm_.NewGlobal(name); }));
  }

  int64_t source_bytes() const { return static_cast<int64_t>(source_.size()); }
  Vm& vm() { return vm_; }

  Data Read(DatumArena& arena) { return OrDie(eta::Read(source_, 0, vm_.names(), arena)); }
  ExpandedFile Expand(DatumArena& arena) {
    return OrDie(Expander(vm_.names(), arena).ExpandFile(data_, "bench"));
  }
  Value Compile() {
    return OrDie(
        CompileTopLevel(vm_, TopLevel::kModule, "bench_init", file_.modules[0].body, *modules_[0]));
  }

 private:
  Vm vm_{{}};
  const std::string source_;
  DatumArena arena_;
  const Data data_;
  const ExpandedFile file_;
  std::vector<std::unique_ptr<Module>> modules_;
};

// `stage(arena)` works on an arena of its own, whose end does not count.
template <class Stage>
void Run(benchmark::State& state, const Frontend& frontend, const Stage& stage) {
  for (auto _ : state) {
    auto arena = std::make_unique<DatumArena>();
    benchmark::DoNotOptimize(stage(*arena));
    state.PauseTiming();
    arena.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * frontend.source_bytes());
}

void BM_Read(benchmark::State& state) {
  Frontend frontend;
  DatumArena arena;
  ETA_CHECK(frontend.Read(arena).size() == kProcedures + 2);
  Run(state, frontend, [&](DatumArena& arena) { return frontend.Read(arena).size(); });
}
BENCHMARK(BM_Read)->Unit(benchmark::kMillisecond);

void BM_Expand(benchmark::State& state) {
  Frontend frontend;
  DatumArena arena;
  ETA_CHECK(frontend.Expand(arena).modules[0].definitions.size() == kProcedures + 1);
  Run(state, frontend, [&](DatumArena& arena) { return frontend.Expand(arena).parts.size(); });
}
BENCHMARK(BM_Expand)->Unit(benchmark::kMillisecond);

// Analyzes, emits and verifies.
void BM_Compile(benchmark::State& state) {
  Frontend frontend;
  const Value result = frontend.vm().Call(frontend.Compile(), {});
  ETA_CHECK(result == Value::Int(kProcedures));
  Run(state, frontend, [&](DatumArena&) { return frontend.Compile(); });
}
BENCHMARK(BM_Compile)->Unit(benchmark::kMillisecond);

// The way of a file in a VM of its own, running included. The VM's start is BM_StartVm.
void BM_RunText(benchmark::State& state) {
  const std::string source = MakeSource();
  for (auto _ : state) {
    state.PauseTiming();
    auto vm = std::make_unique<Vm>(Vm::Options{});
    state.ResumeTiming();
    if (!vm->RunText(source, "bench.eta")) Die(RenderFailure(*vm, {}));
    state.PauseTiming();
    vm.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(source.size()));
}
BENCHMARK(BM_RunText)->Unit(benchmark::kMillisecond);

// What each replica pays before its program: natives, and the builtins that are written in Eta.
void BM_StartVm(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(std::make_unique<Vm>(Vm::Options{}));
}
BENCHMARK(BM_StartVm)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace eta
