#include "vm/printer.h"

#include <gtest/gtest.h>

#include "tests/vm/test_vm.h"
#include "vm/hamt.h"

namespace eta {
namespace {

constexpr int kDeep = 1'000'000;

class PrinterTest : public testing::Test {
 protected:
  std::string Written(Value v) { return ToText(vm_.vm(), v, PrintMode::kWrite); }
  std::string Displayed(Value v) { return ToText(vm_.vm(), v, PrintMode::kDisplay); }
  Heap& heap() { return vm_.heap(); }

  TestVm vm_;
};

TEST_F(PrinterTest, WritesAtoms) {
  EXPECT_EQ(Written(Value::Nil()), "()");
  EXPECT_EQ(Written(Value::True()), "#t");
  EXPECT_EQ(Written(Value::False()), "#f");
  EXPECT_EQ(Written(Value::Int(-12)), "-12");
  EXPECT_EQ(Written(heap().Integer(INT64_MAX)), "9223372036854775807");
  EXPECT_EQ(Written(Value::Double(3)), "3.0");
  EXPECT_EQ(Written(vm_.vm().Symbol("x y")), "x y");
}

TEST_F(PrinterTest, WritesCharactersByName) {
  EXPECT_EQ(Written(Value::Char('a')), "#\\a");
  EXPECT_EQ(Written(Value::Char('~')), "#\\~");
  EXPECT_EQ(Written(Value::Char(' ')), "#\\space");
  EXPECT_EQ(Written(Value::Char('\n')), "#\\newline");
  EXPECT_EQ(Written(Value::Char(0)), "#\\null");
  EXPECT_EQ(Written(Value::Char(127)), "#\\delete");
  EXPECT_EQ(Written(Value::Char(0x3BB)), "#\\x3BB");
  EXPECT_EQ(Displayed(Value::Char(0x3BB)), "\u03BB");
}

TEST_F(PrinterTest, EscapesStringsOnlyWhenWriting) {
  const Value s = vm_.vm().String("a\"\\\n\t\r\a\b\x01z");
  EXPECT_EQ(Written(s), "\"a\\\"\\\\\\n\\t\\r\\a\\b\x01z\"");
  EXPECT_EQ(Displayed(s), "a\"\\\n\t\r\a\b\x01z");
}

TEST_F(PrinterTest, PassesTheModeToParts) {
  Root s(heap(), vm_.vm().String("s"));
  Root list(heap(), heap().Cons(s, Value::Char('c')));
  EXPECT_EQ(Written(list), "(\"s\" . #\\c)");
  EXPECT_EQ(Displayed(list), "(s . c)");
}

TEST_F(PrinterTest, PrintsListsAndVectors) {
  Root vector(heap(), heap().Vector(2, Value::Int(1)));
  Root tail(heap(), heap().Cons(Value::Int(2), vector));
  EXPECT_EQ(Written(heap().Cons(Value::Nil(), tail)), "(() 2 . #(1 1))");
  EXPECT_EQ(Written(heap().Vector(0, Value::Nil())), "#()");
  const uint8_t bytes[] = {0, 255};
  EXPECT_EQ(Written(heap().Bytevector(bytes)), "#u8(0 255)");
}

TEST_F(PrinterTest, NamesWhatHasNoText) {
  EXPECT_EQ(vm_.Eval("(list car map (lambda (x) x) (current-output-port) (%atom-new 1))"),
            "(#<primitive> #<primitive> #<closure> #<port> #<atom>)");
  EXPECT_EQ(vm_.Eval("(call/cc (lambda (k) k))"), "#<continuation>");
  EXPECT_EQ(vm_.Eval("(values 1 2)"), "#<object>");
}

TEST_F(PrinterTest, PrintsHashTables) {
  EXPECT_EQ(vm_.Eval("(hash-map \"a\" (hash-set #\\b))"), "#hashmap{\"a\" #hashset{#\\b}}");
  EXPECT_EQ(vm_.Eval("(hash-map)"), "#hashmap{}");
  const std::string two = vm_.Eval("(hash-map 1 2 3 4)");
  EXPECT_TRUE(two == "#hashmap{1 2, 3 4}" || two == "#hashmap{3 4, 1 2}") << two;
}

TEST_F(PrinterTest, NestingNeedsNoNativeStack) {
  Root deep(heap());
  for (int i = 0; i < kDeep; ++i) deep = heap().Cons(deep, Value::Nil());
  EXPECT_EQ(Written(deep), std::string(kDeep, '(') + "()" + std::string(kDeep, ')'));
  for (int i = 0; i < kDeep; ++i) deep = heap().Vector(1, deep);
  EXPECT_EQ(Written(deep).size(), size_t{kDeep} * 5 + 2);
}

TEST_F(PrinterTest, NestedTablesNeedNoNativeStack) {
  Root deep(heap());
  for (int i = 0; i < kDeep / 10; ++i) {
    const Hamt table = HamtInsert(vm_.vm(), {}, Value::Int(1), 1, deep);
    deep = NewHashTable(vm_.vm(), &kHashMapType, table);
  }
  EXPECT_EQ(Written(deep).size(), std::string("#hashmap{1 }").size() * (kDeep / 10) + 2);
}

TEST_F(PrinterTest, LabelsTheStartOfACycle) {
  Root list(heap(), heap().Cons(Value::Int(1), Value::Nil()));
  As<PairObject>(list)->cdr = heap().Cons(Value::Int(2), list);
  EXPECT_EQ(Written(list), "#0=(1 2 . #0#)");
  EXPECT_EQ(Written(heap().Cons(Value::Int(0), list)), "(0 . #0=(1 2 . #0#))");

  Root vector(heap(), heap().Vector(2, Value::Int(7)));
  As<VectorObject>(vector)->elements[1] = vector;
  EXPECT_EQ(Written(vector), "#0=#(7 #0#)");
  Root both(heap(), heap().Cons(vector, list));
  EXPECT_EQ(Written(both), "(#0=#(7 #0#) . #1=(1 2 . #1#))");
}

TEST_F(PrinterTest, LabelsACycleThroughAMap) {
  EXPECT_EQ(vm_.Eval("(let ((v (vector 1))) (vector-set! v 0 (hash-map 'self v)) v)"),
            "#0=#(#hashmap{self #0#})");
}

TEST_F(PrinterTest, DoesNotLabelWhatIsOnlyShared) {
  Root shared(heap(), heap().List(std::vector<Value>{Value::Int(1)}));
  RootVector items(heap());
  for (int i = 0; i < kDeep / 10; ++i) items.push_back(shared);
  const std::string text = Written(heap().List(items.span()));
  EXPECT_EQ(text.find('#'), std::string::npos);
  EXPECT_EQ(text.substr(0, 9), "((1) (1) ");
}

}  // namespace
}  // namespace eta
