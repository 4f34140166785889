// The interpreter: what calls, loops, arithmetic, closures, vectors and exceptions cost. Each
// program is compiled once; an item is one of what the benchmark is named after.
#include <benchmark/benchmark.h>

#include <string_view>

#include "bench/procedure.h"
#include "vm/vm.h"

namespace eta {
namespace {

// Calls the procedure that `program` ends in with `size`, which is `items` items of work.
void Run(benchmark::State& state, std::string_view program, int64_t size, std::string_view result,
         int64_t items) {
  Vm vm({});
  Procedure procedure(vm, program);
  procedure.Check(Value::Int(size), result);
  for (auto _ : state) benchmark::DoNotOptimize(procedure.Call(Value::Int(size)));
  state.SetItemsProcessed(state.iterations() * items);
}

// --- Calls --------------------------------------------------------------------------------------

void BM_Call(benchmark::State& state) {
  Run(state, R"((define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))
                fib)",
      25, "75025", 242'785);
}
BENCHMARK(BM_Call);

void BM_CallNative(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (do ((i 0 (+ i 1))
                       (sum 0 (+ sum (abs i))))
                      ((= i n) sum))))",
      100'000, "4999950000", 100'000);
}
BENCHMARK(BM_CallNative);

void BM_CallFromCpp(benchmark::State& state) { Run(state, "(lambda (n) n)", 7, "7", 1); }
BENCHMARK(BM_CallFromCpp);

// --- Loops --------------------------------------------------------------------------------------

void BM_NamedLet(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (let loop ((i 0) (sum 0))
                    (if (= i n) sum (loop (+ i 1) (+ sum i))))))",
      100'000, "4999950000", 100'000);
}
BENCHMARK(BM_NamedLet);

// Two procedures that call each other: no loop that the compiler can see.
void BM_TailCall(benchmark::State& state) {
  Run(state, R"((define (even n) (if (= n 0) #t (odd (- n 1))))
                (define (odd n) (if (= n 0) #f (even (- n 1))))
                even)",
      100'000, "#t", 100'000);
}
BENCHMARK(BM_TailCall);

// --- Arithmetic: additions and divisions --------------------------------------------------------

void BM_FloatArithmetic(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (do ((i 1.0 (+ i 1.0))
                       (sum 0.0 (+ sum (/ 1.0 i))))
                      ((> i n) sum))))",
      100'000, "12.090146129863335", 300'000);
}
BENCHMARK(BM_FloatArithmetic);

// Beyond 47 bits integers live on the heap.
void BM_BoxedInteger(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (do ((i 0 (+ i 1))
                       (sum 1000000000000000 (+ sum i)))
                      ((= i n) sum))))",
      100'000, "1000004999950000", 100'000);
}
BENCHMARK(BM_BoxedInteger);

// --- Closures -----------------------------------------------------------------------------------

void BM_MakeAndCallClosure(benchmark::State& state) {
  Run(state, R"((define (adder k) (lambda (x) (+ x k)))
                (lambda (n)
                  (do ((i 0 (+ i 1))
                       (sum 0 ((adder i) sum)))
                      ((= i n) sum))))",
      100'000, "4999950000", 100'000);
}
BENCHMARK(BM_MakeAndCallClosure);

void BM_AssignCaptured(benchmark::State& state) {
  Run(state, R"((define (counter)
                  (let ((count 0))
                    (lambda () (set! count (+ count 1)) count)))
                (lambda (n)
                  (let ((next (counter)))
                    (do ((i 1 (+ i 1)))
                        ((= i n) (next))
                      (next)))))",
      100'000, "100000", 100'000);
}
BENCHMARK(BM_AssignCaptured);

void BM_Map(benchmark::State& state) {
  Run(state, R"((define (iota n)
                  (do ((i (- n 1) (- i 1))
                       (list '() (cons i list)))
                      ((< i 0) list)))
                (define numbers (iota 1000))
                (lambda (k) (apply + (map (lambda (x) (* x k)) numbers))))",
      3, "1498500", 1000);
}
BENCHMARK(BM_Map);

// --- Vectors: reads and writes of the sieve ------------------------------------------------------

void BM_Vector(benchmark::State& state) {
  constexpr int64_t kReads = 99'999, kWrites = 193'078;
  Run(state, R"((define (cross-out! prime sieve n)
                  (do ((i (* prime prime) (+ i prime)))
                      ((> i n))
                    (vector-set! sieve i #f)))
                (lambda (n)
                  (let ((sieve (make-vector (+ n 1) #t)))
                    (do ((i 2 (+ i 1))
                         (count 0 (if (vector-ref sieve i) (+ count 1) count)))
                        ((> i n) count)
                      (if (vector-ref sieve i) (cross-out! i sieve n))))))",
      100'000, "9592", 2 * kReads + kWrites);
}
BENCHMARK(BM_Vector);

// --- Exceptions ---------------------------------------------------------------------------------

void BM_CatchNothing(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (do ((i 0 (+ i 1))
                       (sum 0 (+ sum (catch 'odd i))))
                      ((= i n) sum))))",
      10'000, "49995000", 10'000);
}
BENCHMARK(BM_CatchNothing);

// Through ten frames.
void BM_RaiseAndCatch(benchmark::State& state) {
  Run(state, R"((define (descend depth value)
                  (if (= depth 0) (raise 'found value) (+ 1 (descend (- depth 1) value))))
                (lambda (n)
                  (do ((i 0 (+ i 1))
                       (sum 0 (+ sum (catch 'found (descend 10 i)))))
                      ((= i n) sum))))",
      10'000, "49995000", 10'000);
}
BENCHMARK(BM_RaiseAndCatch);

// The payload of a runtime error describes it: place, trace and text.
void BM_CatchRuntimeError(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (do ((i 0 (+ i 1))
                       (count 0 (if (pair? (catch 'runtime.error (car i))) (+ count 1) count)))
                      ((= i n) count))))",
      10'000, "10000", 10'000);
}
BENCHMARK(BM_CatchRuntimeError);

void BM_EscapeContinuation(benchmark::State& state) {
  Run(state, R"((lambda (n)
                  (do ((i 0 (+ i 1))
                       (sum 0 (+ sum (call/cc (lambda (return) (+ 1 (return i)))))))
                      ((= i n) sum))))",
      10'000, "49995000", 10'000);
}
BENCHMARK(BM_EscapeContinuation);

}  // namespace
}  // namespace eta
