#include "vm/equality.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

constexpr int kDeep = 1'000'000;

class EqualityTest : public testing::Test {
 protected:
  bool Same(Value a, Value b) { return Equal(vm_.vm(), a, b); }
  Heap& heap() { return vm_.heap(); }
  // A list of `length` numbers; the last one's cdr is its first pair if `is_cyclic`.
  Value Numbers(int length, bool is_cyclic) {
    Root list(heap());
    Root last(heap());
    for (int i = length; i-- > 0;) {
      list = heap().Cons(Value::Int(i % 2), list);
      if (i == length - 1) last = list.get();
    }
    if (is_cyclic) As<PairObject>(last)->cdr = list;
    return list;
  }

  TestVm vm_;
};

TEST_F(EqualityTest, EqvComparesHeapIntegersByValue) {
  Root a(heap(), heap().Integer(INT64_MAX));
  Root b(heap(), heap().Integer(INT64_MAX));
  Root c(heap(), heap().Integer(INT64_MIN));
  EXPECT_FALSE(a.get() == b.get());
  EXPECT_TRUE(Eqv(a, b));
  EXPECT_FALSE(Eqv(a, c));
  EXPECT_TRUE(Same(a, b));
}

TEST_F(EqualityTest, EqvTellsKindsOfNumbersApart) {
  EXPECT_FALSE(Eqv(Value::Int(2), Value::Double(2)));
  EXPECT_FALSE(Eqv(Value::Double(0.0), Value::Double(-0.0)));
  EXPECT_TRUE(Eqv(Value::Double(NAN), Value::Double(-NAN)));
}

TEST_F(EqualityTest, ComparesStructure) {
  EXPECT_EQ(vm_.Eval("(equal? '(1 #(2 \"x\") . #\\c) (cons 1 (cons (vector 2 \"x\") #\\c)))"),
            "#t");
  EXPECT_EQ(vm_.Eval("(equal? '#(1 2) '#(1 2 3))"), "#f");
  EXPECT_EQ(vm_.Eval("(equal? '#u8(1 2) '#u8(1 2))"), "#t");
  EXPECT_EQ(vm_.Eval("(equal? '#u8(1 2) '#u8(1 3))"), "#f");
  EXPECT_EQ(vm_.Eval("(equal? (list car) (list car))"), "#t");
  EXPECT_EQ(vm_.Eval("(equal? (%atom-new 1) (%atom-new 1))"), "#f");
}

TEST_F(EqualityTest, ComparesTablesAsCollections) {
  EXPECT_EQ(vm_.Eval("(equal? (hash-map 'a '(1) 'b 2) (hash-map 'b 2 'a '(1)))"), "#t");
  EXPECT_EQ(vm_.Eval("(equal? (hash-map 'a 1) (hash-map 'a 2))"), "#f");
  EXPECT_EQ(vm_.Eval("(equal? (hash-map 'a 1) (hash-map 'b 1))"), "#f");
  EXPECT_EQ(vm_.Eval("(equal? (hash-set 1 2 3) (hash-set 3 2 1))"), "#t");
  EXPECT_EQ(vm_.Eval("(equal? (hash-set 1) (hash-map 1 #t))"), "#f");
  EXPECT_EQ(vm_.Eval("(equal? (hash-map (hash-set 1 2) 3) (hash-map (hash-set 2 1) 3))"), "#t");
}

TEST_F(EqualityTest, ComparesKeysThatShareAHash) {
  // Of a long key only the front is hashed, so these two collide.
  const std::string define =
      "(define (key n) (let ((v (make-vector 5000 0))) (vector-set! v 4999 n) v))"
      "(define (both x y) (hash-map (key 1) x (key 2) y))"
      "(write (list (= (hash (key 1)) (hash (key 2)))"
      "             (equal? (both 1 2) (hash-map (key 2) 2 (key 1) 1))"
      "             (equal? (both 1 2) (both 2 1))))";
  EXPECT_EQ(vm_.Run(define), "(#t #t #f)");
}

TEST_F(EqualityTest, DepthNeedsNoNativeStack) {
  Root a(heap()), b(heap());
  for (int i = 0; i < kDeep; ++i) {
    a = heap().Cons(a, Value::Nil());
    b = heap().Vector(1, b);
  }
  EXPECT_TRUE(Same(a, a));
  Root c(heap());
  for (int i = 0; i < kDeep; ++i) c = heap().Cons(c, Value::Nil());
  EXPECT_TRUE(Same(a, c));
  EXPECT_FALSE(Same(a, b));
}

TEST_F(EqualityTest, EndsOnCyclicData) {
  Root four(heap(), Numbers(4, true));
  Root six(heap(), Numbers(6, true));
  EXPECT_TRUE(Same(four, six));
  Root five(heap(), Numbers(5, true));
  EXPECT_FALSE(Same(four, five));
  EXPECT_FALSE(Same(four, Numbers(4, false)));
}

TEST_F(EqualityTest, EndsOnCyclesThatBranch) {
  const char* program =
      "(define (knot) (let ((v (vector 1 2 3))) (vector-set! v 0 v) (vector-set! v 1 v) v))"
      "(define (other) (let ((v (knot))) (vector-set! v 1 (vector v v 3)) v))"
      "(write (list (equal? (knot) (knot)) (equal? (knot) (other))))";
  EXPECT_EQ(vm_.Run(program), "(#t #t)");
}

TEST_F(EqualityTest, EqualValuesHaveEqualHashes) {
  for (const char* same : {"'(1 #(2 \"x\") #u8(3))", "(hash-map 'a 1 'b '(2))",
                           "9223372036854775807", "1.5", "'sym"}) {
    const std::string text = same;
    EXPECT_EQ(vm_.Eval("(= (hash " + text + ") (hash " + text + "))"), "#t") << text;
  }
  EXPECT_EQ(vm_.Eval("(= (hash (hash-set 1 2 3)) (hash (hash-set 3 2 1)))"), "#t");
}

TEST_F(EqualityTest, HashesDiffer) {
  for (const char* pair : {"1 2", "1 1.0", "0.0 -0.0", "\"a\" 'a", "'(1 2) '(2 1)", "'(1) '#(1)",
                           "'() #f", "'((1) 2) '(1 (2))", "(hash-set 1) (hash-map 1 #t)"}) {
    EXPECT_EQ(vm_.Eval(std::string("(apply = (map hash (list ") + pair + ")))"), "#f") << pair;
  }
}

TEST_F(EqualityTest, HashesHave46Bits) {
  for (int i = 0; i < 1000; ++i) EXPECT_LT(*HashValue(vm_.vm(), Value::Int(i)), uint64_t{1} << 46);
}

TEST_F(EqualityTest, HashingEndsOnCyclicData) {
  EXPECT_TRUE(HashValue(vm_.vm(), Numbers(3, true)).has_value());
}

TEST_F(EqualityTest, SomeValuesAreNoKeys) {
  EXPECT_FALSE(HashValue(vm_.vm(), vm_.vm().current_output));
  EXPECT_EQ(vm_.Eval("(hash (list 1 car))"), "error: hash: unhashable value");
  EXPECT_EQ(vm_.Eval("(hash (vector (lambda () 1)))"), "error: hash: unhashable value");
}

TEST_F(EqualityTest, TheSeedDecidesTheHash) {
  Vm::Options options;
  options.heap.hash_seed = 1;
  TestVm other(std::move(options));
  TestVm same;
  EXPECT_NE(other.Eval("(hash '(a \"b\" 3))"), vm_.Eval("(hash '(a \"b\" 3))"));
  EXPECT_EQ(same.Eval("(hash '(a \"b\" 3))"), vm_.Eval("(hash '(a \"b\" 3))"));
}

}  // namespace
}  // namespace eta
