#include "vm/heap.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace eta {
namespace {

class NoRoots : public RootSource {
  void TraceRoots(Marker&) override {}
};

class HeapTest : public testing::Test {
 protected:
  Heap Make(Heap::Options options = {}) { return Heap(&roots_, options); }
  NoRoots roots_;
};

// Foreign data that counts how many of it are alive.
int alive = 0;
const ForeignType kCounted = {.name = "counted", .trace = nullptr, .finalize = [](void* data) {
                                --alive;
                                delete static_cast<int*>(data);
                              }};

TEST_F(HeapTest, KeepsWhatIsRooted) {
  Heap heap = Make();
  Root list(heap);
  for (int i = 0; i < 1000; ++i) list = heap.Cons(Value::Int(i), list);
  heap.Collect();
  heap.Verify();
  int expected = 999;
  for (Value rest = list; IsPair(rest); rest = Cdr(rest)) ASSERT_EQ(Car(rest).AsInt(), expected--);
  EXPECT_EQ(expected, -1);
}

TEST_F(HeapTest, ReusesMemoryOfGarbage) {
  Heap heap = Make();
  for (int i = 0; i < 5'000'000; ++i) (void)heap.Cons(Value::Int(i), Value::Nil());
  heap.Collect();
  EXPECT_GT(heap.stats().collections, 1u);
  EXPECT_EQ(heap.stats().live_bytes, 0u);
}

#ifdef __SANITIZE_ADDRESS__
TEST_F(HeapTest, PoisonsWhatItFrees) {
  Heap heap = Make();
  const Root kept(heap, heap.Cons(Value::Nil(), Value::Nil()));
  const auto* freed = As<PairObject>(heap.Cons(Value::Nil(), Value::Nil()));
  EXPECT_FALSE(__asan_address_is_poisoned(&freed->cdr));
  heap.Collect();
  heap.Collect();  // ends the sweep
  EXPECT_TRUE(__asan_address_is_poisoned(&freed->cdr));
  EXPECT_FALSE(__asan_address_is_poisoned(&As<PairObject>(kept)->cdr));
  EXPECT_EQ(heap.Cons(Value::Nil(), Value::Nil()), Value::Of(freed));
  EXPECT_FALSE(__asan_address_is_poisoned(&freed->cdr));
}
#endif

TEST_F(HeapTest, CollectsUnreachableCycles) {
  Heap heap = Make();
  {
    Root a(heap, heap.Cons(Value::Nil(), Value::Nil()));
    const Value b = heap.Cons(a, Value::Nil());
    As<PairObject>(a)->cdr = b;
  }
  heap.Collect();
  EXPECT_EQ(heap.stats().live_bytes, 0u);
}

TEST_F(HeapTest, MarksDeepStructuresWithoutRecursion) {
  Heap heap = Make();
  Root nested(heap);
  for (int i = 0; i < 2'000'000; ++i) nested = heap.Cons(nested, Value::Nil());
  heap.Collect();
  heap.Verify();
}

TEST_F(HeapTest, InternsStringsWeakly) {
  Heap heap = Make();
  Root kept(heap, heap.String("kept"));
  EXPECT_EQ(heap.String("kept"), kept.get());
  for (int i = 0; i < 10'000; ++i) (void)heap.String("garbage " + std::to_string(i));
  heap.Collect();
  heap.Verify();
  EXPECT_EQ(heap.String("kept"), kept.get());
  EXPECT_EQ(StringView(heap.String("garbage 7")), "garbage 7");
}

TEST_F(HeapTest, StringsHoldAnyBytes) {
  Heap heap = Make();
  const std::string bytes("a\0b", 3);
  EXPECT_EQ(StringView(heap.String(bytes)), bytes);
  EXPECT_NE(heap.String("a"), heap.String(bytes));
  EXPECT_EQ(StringView(heap.String("")), "");
}

TEST_F(HeapTest, FinalizesForeignDataOnceAndAtTheEnd) {
  alive = 0;
  {
    Heap heap = Make();
    Root kept(heap, heap.Foreign(&kCounted, new int));
    ++alive;
    (void)heap.Foreign(&kCounted, new int);
    ++alive;
    heap.Collect();
    EXPECT_EQ(alive, 1);
    heap.Collect();
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST_F(HeapTest, ExternalBytesDriveTheCollector) {
  Heap heap = Make();
  static Heap* counted;
  counted = &heap;
  static const ForeignType kBig = {
      .name = "big", .finalize = [](void*) { counted->AddExternalBytes(-(int64_t{1} << 20)); }};
  const size_t before = heap.used_bytes();
  size_t highest = 0;
  for (int i = 0; i < 1000; ++i) {
    heap.AddExternalBytes(int64_t{1} << 20);
    (void)heap.Foreign(&kBig, &heap);
    highest = std::max(highest, heap.used_bytes());
  }
  EXPECT_GT(heap.stats().collections, 10u);
  EXPECT_LT(highest, size_t{80} << 20);
  heap.Collect();
  EXPECT_EQ(heap.used_bytes(), before) << "all of it is free, and none was taken off twice";
}

TEST_F(HeapTest, ReportsTheLimitOnlyForLiveMemory) {
  int reports = 0;
  Heap heap = Make({.limit_bytes = size_t{1} << 20, .on_limit = [&] { ++reports; }});
  for (int i = 0; i < 1'000'000; ++i) (void)heap.Cons(Value::Nil(), Value::Nil());
  EXPECT_EQ(reports, 0);
  Root kept(heap, heap.Vector(200'000, Value::Nil()));
  heap.Collect();
  EXPECT_EQ(reports, 1);
  EXPECT_FALSE(heap.CanAllocate(1));
}

TEST_F(HeapTest, IntegersOfAllSizesKeepTheirValue) {
  Heap heap = Make();
  for (int64_t i : {int64_t{0}, Value::kMaxInt, Value::kMaxInt + 1, Value::kMinInt,
                    Value::kMinInt - 1, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(ToInt64(heap.Integer(i)), i);
    EXPECT_EQ(heap.Integer(i).IsInt(), Value::FitsInt(i));
  }
}

// A random graph under stress: each allocation collects, and everything rooted must survive.
TEST_F(HeapTest, SurvivesCollectionAtEachAllocation) {
  Heap heap = Make({.stress = true});
  RootVector roots(heap);
  uint32_t random = 12345;
  auto next = [&](uint32_t bound) { return (random = random * 1664525 + 1013904223) % bound; };
  for (int i = 0; i < 2000; ++i) {
    const Value a = roots.size() ? roots[next(roots.size())] : Value::Nil();
    const Value b = roots.size() ? roots[next(roots.size())] : Value::Nil();
    switch (next(4)) {
      case 0:
        roots.push_back(heap.Cons(a, b));
        break;
      case 1:
        roots.push_back(heap.Vector(next(600), a));
        break;
      case 2:
        roots.push_back(heap.Box(b));
        break;
      default:
        roots.push_back(heap.String(std::to_string(next(100))));
    }
    if (roots.size() > 200) roots[next(roots.size())] = Value::Nil();
    if (roots.size() > 400) roots.values().resize(100);
  }
  heap.Verify();
}

}  // namespace
}  // namespace eta
