#include "torch/capture/pure_natives.h"

#include <gtest/gtest.h>

#include "tests/torch/script.h"

namespace eta::tensor {
namespace {

TEST(PureNativesTest, AreNatives) {
  Script script;
  for (std::string_view name : PureNatives()) {
    const GlobalSlot* slot = script.vm().FindBuiltin(script.vm().names().Intern(name));
    ASSERT_NE(slot, nullptr) << name;
    EXPECT_NE(As<NativeObject>(script.vm().globals()[*slot]), nullptr) << name;
  }
}

TEST(PureNativesTest, WhatLeavesATraceIsNone) {
  for (std::string_view name :
       {"display", "set-car!", "vector-ref", "torch/item", "torch/to-list", "torch/grad",
        "torch/backward", "torch/requires-grad!", "torch/manual-seed", "optim/step!",
        "nn/load-parameters!", "nn/train!", "optim/train-step!", "parallel/all-reduce",
        "%time-now-ms", "torch/tensor-equal?", "torch/print"}) {
    EXPECT_FALSE(IsPure(name)) << name;
  }
}

}  // namespace
}  // namespace eta::tensor
