#include "parallel/training/exchange_place.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

namespace eta::parallel {
namespace {

TEST(ExchangePlaceTest, OnTheHostThereIsNoStream) {
  const ExchangePlace place(c10::kCPU);
  const at::Tensor tensor = at::ones({2, 3}, at::kFloat);
  const Buffer buffer = place.BufferOf(tensor);
  EXPECT_TRUE(place.on_host());
  EXPECT_EQ(buffer.data, tensor.data_ptr());
  EXPECT_EQ(buffer.count, 6u);
  EXPECT_EQ(buffer.dtype, DType::kFloat32);
  EXPECT_EQ(buffer.device, Device{});
  EXPECT_EQ(buffer.stream, nullptr);
}

TEST(ExchangePlaceTest, ATensorOnAnotherDeviceIsRefused) {
  const at::Tensor elsewhere = at::empty({2}, at::TensorOptions().device(at::kMeta));
  EXPECT_THROW((void)ExchangePlace().BufferOf(elsewhere), c10::Error);
}

TEST(ExchangePlaceTest, BringsElementsAndCopiesThem) {
  const ExchangePlace place;
  const at::Tensor tensor = at::ones({2, 3}, at::kDouble).t().set_requires_grad(true);
  EXPECT_TRUE(place.Bring(tensor).is_contiguous());
  EXPECT_FALSE(place.Bring(tensor).requires_grad());
  const at::Tensor plain = at::ones({3});
  EXPECT_EQ(place.Bring(plain).data_ptr(), plain.data_ptr());
  EXPECT_NE(place.Copy(plain).data_ptr(), plain.data_ptr());
}

}  // namespace
}  // namespace eta::parallel
