#include "vm/hamt.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/vm/test_vm.h"
#include "vm/equality.h"

namespace eta {
namespace {

constexpr uint64_t kSeed = 7;

class HamtTest : public testing::Test {
 protected:
  uint64_t Hash(int64_t key) { return *HashValue(vm_.vm(), Value::Int(key)); }
  void Insert(int64_t key, int64_t value, uint64_t hash) {
    Become(HamtInsert(vm_.vm(), table_, Value::Int(key), hash, Value::Int(value)));
  }
  void Remove(int64_t key, uint64_t hash) {
    Become(HamtRemove(vm_.vm(), table_, Value::Int(key), hash));
  }
  std::map<int64_t, int64_t> Contents(const Hamt& table) {
    std::map<int64_t, int64_t> contents;
    HamtIterator iterator(table);
    for (HamtEntry entry; iterator.Next(&entry);) {
      EXPECT_TRUE(contents.emplace(entry.key.AsInt(), entry.value.AsInt()).second);
    }
    EXPECT_EQ(contents.size(), table.count);
    return contents;
  }
  void Become(const Hamt& table) {
    table_ = table;
    root_ = table.root;
  }

  TestVm vm_;
  Hamt table_;
  Root root_{vm_.heap()};
};

TEST_F(HamtTest, StartsEmpty) {
  EXPECT_EQ(Contents(table_).size(), 0u);
  EXPECT_EQ(HamtFind(vm_.vm(), table_, Value::Int(1), Hash(1)), nullptr);
  Remove(1, Hash(1));
  EXPECT_TRUE(table_.root.IsNil());
}

// The same random edits on a table and on a std::map, with hashes of the given width: narrow ones
// make deep chains and nodes of equal hashes.
class HamtModelTest : public HamtTest, public testing::WithParamInterface<int> {};

TEST_P(HamtModelTest, BehavesLikeAMap) {
  std::mt19937_64 random(kSeed);
  std::map<int64_t, int64_t> model;
  const int hash_bits = GetParam();
  const auto hash_of = [&](int64_t key) {
    return Hash(key) >> (46 - hash_bits) << (46 - hash_bits);
  };
  for (int step = 0; step < 4000; ++step) {
    const auto key = static_cast<int64_t>(random() % 300);
    if (random() % 3 == 0) {
      Remove(key, hash_of(key));
      model.erase(key);
    } else {
      Insert(key, step, hash_of(key));
      model[key] = step;
    }
    if (step % 100 == 0) {
      ASSERT_EQ(Contents(table_), model) << "seed " << kSeed;
    }
  }
  for (int64_t key = 0; key < 300; ++key) {
    const Value* found = HamtFind(vm_.vm(), table_, Value::Int(key), hash_of(key));
    ASSERT_EQ(found != nullptr, model.contains(key));
    if (found) {
      EXPECT_EQ(found->AsInt(), model[key]);
    }
  }
  for (const auto& [key, value] : model) Remove(key, hash_of(key));
  EXPECT_TRUE(table_.root.IsNil());
  EXPECT_EQ(table_.count, 0u);
  EXPECT_EQ(table_.hash_sum, 0u);
}

INSTANTIATE_TEST_SUITE_P(HashWidths, HamtModelTest, testing::Values(0, 1, 4, 46));

TEST_F(HamtTest, OldVersionsStay) {
  for (int i = 0; i < 100; ++i) Insert(i, i, Hash(i));
  const Hamt old = table_;
  Root keep(vm_.heap(), old.root);
  for (int i = 0; i < 100; ++i) Remove(i, Hash(i));
  vm_.heap().Collect();
  EXPECT_EQ(Contents(old).size(), 100u);
}

TEST_F(HamtTest, ChangingNothingKeepsTheRoot) {
  for (int i = 0; i < 100; ++i) Insert(i, i, Hash(i));
  const Value root = table_.root;
  Insert(7, 7, Hash(7));
  Remove(1000, Hash(1000));
  EXPECT_TRUE(table_.root == root);
}

TEST_F(HamtTest, OrderDependsOnlyOnTheKeys) {
  for (int i = 0; i < 500; ++i) Insert(i, 0, Hash(i));
  const Hamt ascending = table_;
  Root keep(vm_.heap(), ascending.root);
  Become({});
  for (int i = 700; i-- > 0;) Insert(i, 0, Hash(i));
  for (int i = 500; i < 700; ++i) Remove(i, Hash(i));
  HamtIterator a(ascending), b(table_);
  HamtEntry x, y;
  while (a.Next(&x)) {
    ASSERT_TRUE(b.Next(&y));
    EXPECT_TRUE(x.key == y.key);
  }
  EXPECT_FALSE(b.Next(&y));
}

TEST_F(HamtTest, SurvivesCollectionAtEachAllocation) {
  Vm::Options options;
  options.heap.stress = true;
  TestVm vm(std::move(options));
  EXPECT_EQ(vm.Eval("(let loop ((i 0) (m (hash-map)))"
                    "  (cond ((< i 60) (loop (+ i 1) (hash-map-assoc m (list i) (vector i))))"
                    "        ((< i 90) (loop (+ i 1) (hash-map-dissoc m (list (- i 60)))))"
                    "        (else (list (hash-map-size m) (hash-map-ref m (list 59))))))"),
            "(30 #(59))");
}

}  // namespace
}  // namespace eta
