#include "vm/parcel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/vm/test_vm.h"
#include "vm/printer.h"
#include "vm/transfer.h"

namespace eta {
namespace {

using Packed = Expected<std::shared_ptr<const Parcel>, std::string>;

Vm::Options Stressed(bool stress) {
  Vm::Options options;
  options.heap.stress = stress;
  return options;
}

// Every case runs twice: as it is, and with a collection at every allocation of the receiver.
class ParcelTest : public testing::TestWithParam<bool> {
 protected:
  ParcelTest() : sender_(std::make_unique<TestVm>()), receiver_(Stressed(GetParam())) {}

  // The value of the program's last form, packed.
  Packed PackResult(const std::string& program) {
    Value value;
    const bool ran = sender_->vm().RunSubmission(program, "sender.eta", &value);
    EXPECT_TRUE(ran) << RenderFailure(sender_->vm(), {});
    return ran ? Pack(sender_->vm(), value) : Unexpected(std::string("the program failed"));
  }

  // What `procedure`, in the receiver, gives for the copy of the value, as write shows it; the
  // sender is gone by then.
  std::string Arrives(const std::string& program, const std::string& procedure) {
    const Packed parcel = PackResult(program);
    if (!parcel) return "refused: " + parcel.error();
    sender_.reset();
    return Apply(**parcel, procedure);
  }
  std::string Apply(const Parcel& parcel, const std::string& procedure) {
    Vm& vm = receiver_.vm();
    auto copy = Unpack(parcel, vm);
    if (!copy) return "refused: " + copy.error();
    const Root argument(vm.heap(), *copy);
    vm.heap().Verify();
    Value made;
    EXPECT_TRUE(vm.RunSubmission(procedure, "receiver.eta", &made));
    const Root callee(vm.heap(), made);
    const Value arguments[] = {argument};
    const Value result = vm.Call(callee, arguments);
    if (result.IsFailure()) return "error: " + PendingMessage(vm.pending());
    const Root keep(vm.heap(), result);
    return ToText(vm, keep, PrintMode::kWrite);
  }

  std::unique_ptr<TestVm> sender_;
  TestVm receiver_;
};

constexpr const char* kItself = "(lambda (x) x)";
constexpr const char* kItsResult = "(lambda (f) (f))";

TEST_P(ParcelTest, DataKeepTheirShape) {
  for (const std::string text :
       {"()", "#t", "#\\x", "1.5", "-7", "140737488355328", "-9000000000000000000", "\"a\\nb\"",
        "\"\"", "name", "#u8(0 255)", "(1 (2 . 3) #(4 \"five\" #()) six)"}) {
    sender_ = std::make_unique<TestVm>();
    EXPECT_EQ(Arrives("'" + text, kItself), text);
  }
}

TEST_P(ParcelTest, PacketsArrive) {
  EXPECT_EQ(Arrives("(list (%atom-new 1) (values 1 2))",
                    "(lambda (x) (call-with-values (lambda () (car (cdr x)))"
                    "                              (lambda (a b) (list b a))))"),
            "(2 1)");
}

TEST_P(ParcelTest, SymbolsAndStringsAreTheReceiversOwn) {
  EXPECT_EQ(Arrives("'(car \"text\")",
                    "(lambda (x) (list (eq? (car x) 'car)"
                    "                  (eq? (car (cdr x)) \"text\")))"),
            "(#t #t)");
}

TEST_P(ParcelTest, WhatIsSharedStaysShared) {
  EXPECT_EQ(Arrives("(define v (vector 1 2)) (list v v)",
                    "(lambda (x) (vector-set! (car x) 0 9) (vector-ref (car (cdr x)) 0))"),
            "9");
}

TEST_P(ParcelTest, CyclesStayCycles) {
  EXPECT_EQ(Arrives("(define p (list 1 2)) (set-cdr! (cdr p) p) p",
                    "(lambda (p) (list (eq? p (cdr (cdr p))) (car (cdr p))))"),
            "(#t 2)");
}

TEST_P(ParcelTest, LongAndDeepDataNeedNoNativeStack) {
  const std::string deep =
      "(define (nest n x) (if (= n 0) x (nest (- n 1) (list x)))) (nest 20000 'end)";
  EXPECT_EQ(GetParam() ? "end"
                       : Arrives(deep,
                                 "(lambda (x) (let loop ((x x))"
                                 "  (if (pair? x) (loop (car x)) x)))"),
            "end");
}

TEST_P(ParcelTest, PlainValuesArriveAsBytesToo) {
  const std::string program =
      "(define v (vector 1 2.5 140737488355328)) (list v v 'name \"text\" #u8(0 255) #\\x car #t "
      "'())";
  const Packed parcel = PackResult(program);
  ASSERT_TRUE(parcel);
  const auto bytes = EncodeParcel(**parcel);
  ASSERT_TRUE(bytes) << bytes.error();
  EXPECT_EQ(Apply(*DecodeParcel(*bytes),
                  "(lambda (x) (vector-set! (car x) 0 9) (list ((list-ref x 6) (cdr x)) x))"),
            "(#(9 2.5 140737488355328) (#(9 2.5 140737488355328) #(9 2.5 140737488355328) name "
            "\"text\" #u8(0 255) #\\x #<primitive> #t ()))");
}

TEST_P(ParcelTest, WhatSharesMemoryDoesNotBecomeBytes) {
  const auto refusal = [&](const std::string& program) {
    sender_ = std::make_unique<TestVm>();
    const auto bytes = EncodeParcel(**PackResult(program));
    return bytes ? "none" : bytes.error();
  };
  EXPECT_EQ(refusal("(define x 1) (list (lambda () x))"), "a procedure");
  EXPECT_EQ(refusal("(list (%atom-new 1))"), "a value of type atom");
}

TEST_P(ParcelTest, ProceduresTakeTheirVariablesAlong) {
  EXPECT_EQ(Arrives("(define (adder n) (lambda (x) (+ x n))) (adder 5)", "(lambda (f) (f 2))"),
            "7");
}

TEST_P(ParcelTest, ProceduresShareAnAssignedVariableAsBefore) {
  EXPECT_EQ(Arrives("(let ((n 0)) (list (lambda () (set! n (+ n 1))) (lambda () n)))",
                    "(lambda (fs) ((car fs)) ((car fs)) ((car (cdr fs))))"),
            "2");
}

TEST_P(ParcelTest, ProceduresTakeGlobalVariablesAlong) {
  EXPECT_EQ(Arrives("(define base 10)"
                    "(define (odd n) (if (= n 0) #f (even (- n 1))))"
                    "(define (even n) (if (= n 0) #t (odd (- n 1))))"
                    "(lambda () (list base (even base) (odd base)))",
                    kItsResult),
            "(10 #t #f)");
}

TEST_P(ParcelTest, GlobalVariablesArriveAsTheyAreAndApartFromTheReceiversOwn) {
  EXPECT_EQ(Arrives("(define n 1) (define (next) (set! n (+ n 1)) n) (next) next",
                    "(define n 100) (lambda (next) (list (next) (next) n))"),
            "(3 4 100)");
}

TEST_P(ParcelTest, ProceduresInProceduresArrive) {
  EXPECT_EQ(Arrives("(lambda () (let loop ((i 0) (fs '()))"
                    "  (if (= i 3) (map (lambda (f) (f)) fs)"
                    "      (loop (+ i 1) (cons (lambda () (* i i)) fs)))))",
                    kItsResult),
            "(4 1 0)");
}

TEST_P(ParcelTest, BuiltinsAreTheReceiversOwn) {
  EXPECT_EQ(Arrives("(list car map)",
                    "(lambda (fs) (list (eq? (car fs) car)"
                    "                   (eq? (car (cdr fs)) map)))"),
            "(#t #t)");
}

TEST_P(ParcelTest, LibraryProceduresArrive) {
  EXPECT_EQ(Arrives("(import std.collections) (lambda () (filter (lambda (n) (< n 3)) '(1 2 3 4)))",
                    kItsResult),
            "(1 2)");
}

TEST_P(ParcelTest, HandlersAndWindsWorkInACopy) {
  EXPECT_EQ(Arrives("(lambda () (catch 'oops (dynamic-wind (lambda () 1)"
                    "                                      (lambda () (raise 'oops 7))"
                    "                                      (lambda () 2))))",
                    kItsResult),
            "7");
}

TEST_P(ParcelTest, HashMapsAreRebuiltWithTheReceiversHashes) {
  EXPECT_EQ(Arrives("(hash-map \"a\" 1 'b 2 '(3 #(4)) 5)",
                    "(lambda (m) (list (hash-map-ref m \"a\") (hash-map-ref m 'b)"
                    "                  (hash-map-ref m '(3 #(4)))))"),
            "(1 2 5)");
}

TEST_P(ParcelTest, HashMapsThatAreKeysArriveBeforeWhatTheyAreKeysOf) {
  EXPECT_EQ(Arrives("(define key (list (hash-map 'x 1) (hash-set 1 2)))"
                    "(list key (hash-map key 'found))",
                    "(lambda (x) (hash-map-ref (car (cdr x))"
                    "                          (list (hash-map 'x 1) (hash-set 2 1))))"),
            "found");
}

TEST_P(ParcelTest, AHashMapMayContainItself) {
  EXPECT_EQ(Arrives("(define v (vector 0)) (define m (hash-map 'v v)) (vector-set! v 0 m) m",
                    "(lambda (m) (eq? m (vector-ref (hash-map-ref m 'v) 0)))"),
            "#t");
}

TEST_P(ParcelTest, AtomsArriveWithWhatTheyHold) {
  EXPECT_EQ(Arrives("(define a (%atom-new 1))"
                    "(list a (lambda () (%atom-swap! a (lambda (n) (+ n 1)))))",
                    "(lambda (x) ((car (cdr x))) ((car (cdr x))) (%atom-deref (car x)))"),
            "3");
}

TEST_P(ParcelTest, RecordsKeepTheirTypeAndTypesStayApart) {
  EXPECT_EQ(Arrives("(define-record-type point (make-point x) point? (x point-x))"
                    "(list (make-point 4) point? point-x)",
                    "(define-record-type point (make-point x) point? (x point-x))"
                    "(lambda (p) (list ((car (cdr p)) (car p)) (point? (car p))"
                    "                  ((car (cdr (cdr p))) (car p))))"),
            "(#t #f 4)");
}

TEST_P(ParcelTest, ErrorsInACopyKnowTheSendersLines) {
  const Packed parcel = PackResult("(define (fail)\n  (car 1))\n(lambda ()\n  (list (fail)))");
  ASSERT_TRUE(parcel);
  sender_.reset();
  EXPECT_EQ(Apply(**parcel, kItsResult), "error: car: not a pair");
  Vm& vm = receiver_.vm();
  const SourceSpan span = PendingSpan(vm, vm.pending());
  ASSERT_NE(vm.File(span), nullptr);
  EXPECT_EQ(vm.File(span)->path, "sender.eta");
  EXPECT_EQ(span.line, 2u);
}

TEST_P(ParcelTest, PortsAreRefusedByName) {
  EXPECT_EQ(Arrives("(open-output-string)", kItself), "refused: a port");
  sender_ = std::make_unique<TestVm>();
  EXPECT_EQ(Arrives("(define log (list (open-output-string))) (lambda () log)", kItself),
            "refused: a port, in the variable log");
  sender_ = std::make_unique<TestVm>();
  EXPECT_EQ(Arrives("(define (writer p) (define (put) (display 1 p)) put)"
                    "(writer (open-output-string))",
                    kItself),
            "refused: a port, in a variable of put");
}

TEST_P(ParcelTest, ContinuationsAreRefused) {
  EXPECT_EQ(Arrives("(define k (call/cc (lambda (k) k))) (lambda () k)", kItself),
            "refused: a continuation, in the variable k");
}

TEST_P(ParcelTest, ServesSeveralReceiversAtOnce) {
  const Packed parcel = PackResult(
      "(define m (hash-map 'n 20))"
      "(define (fib n) (if (< n 2) n (+ (fib (- n 1)) (fib (- n 2)))))"
      "(lambda () (fib (hash-map-ref m 'n)))");
  ASSERT_TRUE(parcel);
  std::vector<std::string> results(3);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&result, &parcel] {
      TestVm own;
      const auto copy = Unpack(**parcel, own.vm());
      const Root callee(own.heap(), *copy);
      result = ToText(own.vm(), own.vm().Call(callee, {}), PrintMode::kWrite);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(results, std::vector<std::string>(3, "6765"));
}

// --- What is left behind -------------------------------------------------------------------------

// Foreign values that are counted.
std::atomic<int> live{0};
void* NewCounted() {
  ++live;
  return new int(7);
}
constexpr ForeignTransfer kCountedTransfer = {
    .copy = [](const void*, Transfer&) -> void* { return NewCounted(); },
};
constexpr ForeignType kCountedType = {
    .name = "counted",
    .finalize =
        [](void* data) {
          --live;
          delete static_cast<int*>(data);
        },
    .transfer = &kCountedTransfer,
};

TEST_P(ParcelTest, CopiesAndParcelsAreFreed) {
  {
    Heap& heap = sender_->heap();
    const Root counted(heap, heap.Foreign(&kCountedType, NewCounted()));
    const Root shared(heap, heap.Cons(counted, counted));
    const auto parcel = Pack(sender_->vm(), shared);
    ASSERT_TRUE(parcel) << parcel.error();
    EXPECT_EQ(live, 2);  // the sender's and the parcel's
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(Unpack(**parcel, receiver_.vm()));
    receiver_.heap().Collect();
    EXPECT_EQ(live, 2);
    Value port;
    ASSERT_TRUE(sender_->vm().RunSubmission("(open-output-string)", "port.eta", &port));
    const Root refused(heap, heap.Cons(port, counted));
    EXPECT_FALSE(Pack(sender_->vm(), refused));
    EXPECT_EQ(live, 2);
  }
  EXPECT_EQ(live, 1);
  sender_.reset();
  EXPECT_EQ(live, 0);
}

TEST_P(ParcelTest, CopiesThatNobodyKeepsAreGarbage) {
  const Packed parcel = PackResult(
      "(define (counter) (let ((n 0)) (lambda () (set! n (+ n 1)) n)))"
      "(list (hash-map \"a\" (vector 1 2 'b) \"c\" (hash-set 3)) \"text\" 'symbol (counter)"
      "      (%atom-new 1.5) 140737488355328)");
  ASSERT_TRUE(parcel) << parcel.error();
  const auto live_after = [&](int copies) {
    for (int i = 0; i < copies; ++i) EXPECT_TRUE(Unpack(**parcel, receiver_.vm()));
    receiver_.heap().Collect();
    return receiver_.heap().stats().live_bytes;
  };
  const size_t before = live_after(1);
  EXPECT_EQ(live_after(GetParam() ? 5 : 200), before);
}

TEST_P(ParcelTest, FactTablesArriveWithTheirRowsAndIndexes) {
  EXPECT_EQ(Arrives("(define ft (%make-fact-table 'a 'b))"
                    "(%fact-table-insert! ft 1 \"x\") (%fact-table-insert! ft 2 (list 3 ft))"
                    "(%fact-table-insert! ft 140737488355328 'y) (%fact-table-build-index! ft 0)"
                    "(%fact-table-delete-row! ft 0)"
                    "(list ft ft)",
                    "(lambda (tables)"
                    "  (let ((ft (car tables)))"
                    "    (%fact-table-insert! ft 5 6)"
                    "    (list tables (eq? ft (car (cdr tables))) (%fact-table-column-names ft)"
                    "          (map (lambda (row) (%fact-table-row ft row))"
                    "               (%fact-table-live-row-ids ft))"
                    "          (%fact-table-query ft 0 140737488355328)"
                    "          (%fact-table-query ft 0 1) (%fact-table-query ft 0 5))))"),
            "((#<fact-table 2colsx3rows> #<fact-table 2colsx3rows>) #t (a b) "
            "((2 (3 #<fact-table 2colsx3rows>)) (140737488355328 y) (5 6)) (2) () (3))");
}

TEST_P(ParcelTest, RegexesArrive) {
  EXPECT_EQ(Arrives("(let ((r (%regex-compile \"(?<n>a)+\" 'icase))) (list r (hash-map r 1)))",
                    "(lambda (rs)"
                    "  (list (car rs) (%regex-match? (car rs) \"aA\")"
                    "        (hash-map-ref (car (cdr rs)) (%regex-compile \"(?<n>a)+\" 'icase))))"),
            "(#<regex \"(?<n>a)+\" :icase> #t 1)");
}

TEST_P(ParcelTest, ReadersAndWritersAreRefused) {
  EXPECT_EQ(Arrives("(define rows (%csv-reader-from-string \"a\")) (lambda () rows)", kItself),
            "refused: a csv-reader, in the variable rows");
}

INSTANTIATE_TEST_SUITE_P(Receivers, ParcelTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Stressed" : "Plain"; });

// Global variables are never freed, so procedures cannot be sent without end.
TEST(ParcelLimitTest, ProceduresWithoutEndAreAnError) {
  TestVm sender, receiver;
  Value procedure;
  ASSERT_TRUE(sender.vm().RunSubmission("(define n 1) (lambda () n)", "sender.eta", &procedure));
  const Packed parcel = Pack(sender.vm(), procedure);
  ASSERT_TRUE(parcel);
  std::string error;
  for (int i = 0; i < 70000 && error.empty(); ++i) {
    const auto copy = Unpack(**parcel, receiver.vm());
    if (!copy) error = copy.error();
  }
  EXPECT_EQ(error, "too many global variables");
  EXPECT_EQ(receiver.Eval("(+ 1 2)"), "3");
}

}  // namespace
}  // namespace eta
