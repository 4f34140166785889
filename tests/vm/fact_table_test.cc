#include "vm/fact_table.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

TEST(FactTableTest, AnIndexFindsWhatAScanFinds) {
  std::mt19937 random(1);
  FactTable indexed({"key", "other"}), plain({"key", "other"});
  indexed.BuildIndex(0);
  for (int i = 0; i < 3000; ++i) {
    const Value key = random() % 2 ? Value::Int(static_cast<int64_t>(random() % 20))
                                   : Value::Double(static_cast<double>(random() % 20));
    if (random() % 4 == 0) {
      const size_t row = random() % (plain.row_count() + 3);
      EXPECT_EQ(indexed.Delete(row), plain.Delete(row));
    } else {
      const Value cells[] = {key, Value::Nil()};
      indexed.Insert(cells);
      plain.Insert(cells);
    }
    if (i == 1000) indexed.BuildIndex(0);
    ASSERT_EQ(indexed.Find(0, key), plain.Find(0, key));
  }
  EXPECT_EQ(indexed.live_count(), plain.live_count());
  EXPECT_LT(plain.live_count(), plain.row_count());
}

TEST(FactTableTest, LargeIntegersAreFoundByValue) {
  TestVm vm;
  const Root a(vm.heap(), vm.heap().Integer(INT64_MAX)), b(vm.heap(), vm.heap().Integer(INT64_MAX));
  ASSERT_FALSE(a.get() == b.get());
  FactTable table({"n"});
  const Value cells[] = {a};
  table.Insert(cells);
  EXPECT_EQ(table.Find(0, b), std::vector<size_t>{0});
  table.BuildIndex(0);
  EXPECT_EQ(table.Find(0, b), std::vector<size_t>{0});
}

TEST(FactTableTest, ItsMemoryCountsAndIsGivenBack) {
  TestVm vm;
  vm.heap().Collect();
  const size_t before = vm.heap().used_bytes();
  {
    const Root table(vm.heap(), NewFactTable(vm.vm(), {"a", "b"}));
    const Value cells[] = {Value::Int(1), Value::Int(2)};
    for (int i = 0; i < 100'000; ++i) FactTableOf(table)->Insert(cells);
    EXPECT_GT(vm.heap().used_bytes(), before + 100'000 * 2 * sizeof(Value));
  }
  vm.heap().Collect();
  EXPECT_LT(vm.heap().used_bytes(), before + 10'000);
}

TEST(FactTableTest, CellsStayAlive) {
  Vm::Options options;
  options.heap.stress = true;
  TestVm vm(std::move(options));
  EXPECT_EQ(vm.Run("(define ft (%make-fact-table 'a))"
                   "(%fact-table-insert! ft (list 1 (string-append \"x\" \"y\")))"
                   "(display (list (list 2 3) (%fact-table-ref ft 0 0)))"),
            "((2 3) (1 xy))");
}

}  // namespace
}  // namespace eta
