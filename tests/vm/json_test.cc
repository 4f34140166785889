#include "vm/json.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/vm/test_vm.h"
#include "vm/equality.h"

namespace eta {
namespace {

class JsonTest : public testing::Test {
 protected:
  Value Read(std::string_view text) { return ReadJson(vm_.vm(), "read", text, true); }

  TestVm vm_;
};

constexpr const char* kDocuments[] = {
    R"({"name":"Ada","tags":["x","y",null],"n":-12.5e3,"in":{"deep":[[[]]]},"ok":true})",
    R"([0,1,-1,3.25,1e10,"\u00e9\ud83d\ude00\n\\\"",{},[],{"a":{"b":{"c":0}}},false])",
    R"("only a string, é")",
    "  [ 1 , 2 ]\t\n",
};

std::string Mutated(std::string text, std::mt19937* random) {
  constexpr std::string_view kBytes = "{}[]\",:\\u0189eE+-. tfn\n\x01\x80\xff";
  auto below = [&](size_t n) { return (*random)() % n; };
  for (size_t edits = 1 + below(4); edits > 0 && !text.empty(); --edits) {
    const size_t at = below(text.size());
    switch (below(4)) {
      case 0:
        text[at] = kBytes[below(kBytes.size())];
        break;
      case 1:
        text.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      case 2:
        text.erase(at, 1 + below(3));
        break;
      default:
        text.insert(below(text.size()), text.substr(at, below(8)));
    }
  }
  return text;
}

// Either a value, which its own text gives again, or one json-error.
TEST_F(JsonTest, MutatedTextsAreReadOrRefused) {
  std::mt19937 random(1);
  int refused = 0, kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = Mutated(kDocuments[i % std::size(kDocuments)], &random);
    const Value v = Read(text);
    if (v.IsFailure()) {
      ++refused;
      ASSERT_EQ(SymbolName(vm_.vm().pending().tag), kJsonError) << text;
      (void)vm_.vm().TakePending();
      continue;
    }
    ++kept;
    const Root value(vm_.heap(), v);
    const auto written = JsonText(value);
    ASSERT_TRUE(written) << text;
    const Root again(vm_.heap(), Read(*written));
    ASSERT_TRUE(Equal(vm_.vm(), value, again)) << text << "\n" << *written;
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(kept, 1000);
}

TEST_F(JsonTest, DepthIsNoLimit) {
  constexpr size_t kDepth = 1'000'000;
  const std::string open(kDepth, '['), close(kDepth, ']');
  const Root deep(vm_.heap(), Read(open + close));
  ASSERT_FALSE(deep.get().IsFailure());
  EXPECT_EQ(*JsonText(deep), open + close);
  EXPECT_TRUE(Read(open).IsFailure());
  (void)vm_.vm().TakePending();
  std::string objects;
  for (size_t i = 0; i < kDepth; ++i) objects += "{\"k\":";
  EXPECT_TRUE(Read(objects).IsFailure());
  EXPECT_EQ(SymbolName(vm_.vm().pending().tag), kJsonError);
}

TEST_F(JsonTest, LongTextsAreNotRepeatedInMessages) {
  EXPECT_TRUE(Read("\"" + std::string(1 << 20, 'x')).IsFailure());
  EXPECT_LT(vm_.vm().pending().message.size(), 300u);
}

TEST_F(JsonTest, CyclicDataIsRefusedHoweverLong) {
  constexpr size_t kLength = 5000;
  const Root first(vm_.heap(), vm_.heap().Vector(1, Value::Nil()));
  Root last(vm_.heap(), first);
  for (size_t i = 1; i < kLength; ++i) {
    const Value next = vm_.heap().Vector(1, Value::Nil());
    As<VectorObject>(last)->elements[0] = next;
    last = next;
  }
  EXPECT_TRUE(JsonText(first));
  As<VectorObject>(last)->elements[0] = first;
  EXPECT_FALSE(JsonText(first));
}

TEST_F(JsonTest, RefusesWhatDoesNotFitIntoTheHeap) {
  Vm::Options options;
  options.heap.limit_bytes = 4 << 20;
  TestVm small(std::move(options));
  std::string text = "[0";
  for (int i = 0; i < 1'000'000; ++i) text += ",0";
  EXPECT_TRUE(ReadJson(small.vm(), "read", text + "]", true).IsFailure());
  EXPECT_EQ(SymbolName(small.vm().pending().tag), kHeapError);
}

}  // namespace
}  // namespace eta
