// Operations that a plan runs as one give the bits of libtorch's, and those that it must not fuse
// stay apart.
#include "torch/capture/fusion.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>
#include <random>

#include "torch/capture/log_softmax.h"
#include "torch/capture/plan.h"
#include "torch/capture/recorder.h"

namespace eta::tensor {
namespace {

using Tensors = std::vector<Tensor>;
using Code = std::function<Tensor(const Tensors& batch)>;

// NaN for NaN, all else to the bit.
bool SameBits(const Tensor& a, const Tensor& b) {
  const auto plain = [](const Tensor& t) {
    return t.masked_fill(t.isnan(), std::nan("")).contiguous();
  };
  const Tensor x = plain(a), y = plain(b);
  return x.sizes() == y.sizes() && x.scalar_type() == y.scalar_type() &&
         (x.numel() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0);
}

// Runs the code as it is, and again by a fused plan, which must give the same. Returns the steps of
// the plan.
size_t Replay(const Tensors& batch, const Code& code) {
  at::set_num_threads(1);
  Recorder recorder;
  for (const Tensor& tensor : batch) recorder.AddBatch(tensor);
  Tensor expected;
  {
    const Recorder::Scope scope(recorder);
    expected = code(batch);
  }
  const size_t result = recorder.Find(expected);
  const Trace trace = recorder.Take();
  EXPECT_EQ(trace.problem, "");
  Plan plan(trace, {result});
  EXPECT_TRUE(plan.Fits(trace));
  for (size_t i = 0; i < batch.size(); ++i) plan.SetBatch(i, batch[i]);
  plan.RunSecond({});
  EXPECT_TRUE(SameBits(plan.tensor(result), expected)) << plan.tensor(result) << expected;
  return plan.steps();
}

void ExpectSame(const Tensors& batch, const Code& code, size_t steps) {
  EXPECT_EQ(Replay(batch, code), steps);
}

class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) { at::manual_seed(seed); }
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_()) % n; }
  at::ScalarType Type() { return Below(2) == 0 ? at::kFloat : at::kDouble; }
  // Some numbers are infinite, NaN or zeros of either sign.
  Tensor Matrix(int64_t rows, int64_t columns, at::ScalarType dtype, bool special) {
    Tensor x = at::randn({rows, columns}, dtype).mul(4);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (!special || x.numel() == 0) return x;
    for (double number : {infinity, -infinity, std::nan(""), 0.0, -0.0}) {
      x.view(-1)[Below(x.numel())] = number;
    }
    return x;
  }

 private:
  std::mt19937 random_;
};

struct Classification {
  Tensor y, target, gradient;
  int64_t reduction, ignored = -100;
  std::optional<Tensor> weight;

  Tensor Backward(const Tensors& batch) const {
    const Tensor &y = batch[0], &target = batch[1], &gradient = batch[2], &total = batch[3];
    return at::_log_softmax_backward_data(
        at::nll_loss_backward(gradient, y, target, weight ? std::optional(batch[4]) : std::nullopt,
                              reduction, ignored, total),
        y, 1, y.scalar_type());
  }
  Tensors Batch() const {
    const Tensor total =
        std::get<1>(at::nll_loss_forward(y, target, weight, at::Reduction::Mean, ignored));
    Tensors batch = {y, target, gradient, total.clone()};
    if (weight) batch.push_back(*weight);
    return batch;
  }
  void Expect(size_t steps) const {
    ExpectSame(
        Batch(), [&](const Tensors& batch) { return Backward(batch); }, steps);
  }
};

Classification DrawClassification(Draw& draw) {
  const int64_t rows = draw.Below(70), classes = 1 + draw.Below(70);
  const at::ScalarType dtype = draw.Type();
  const Tensor x = draw.Matrix(rows, classes, dtype, draw.Below(4) == 0);
  Classification c{.y = at::log_softmax(x, 1),
                   .target = at::randint(0, classes, {rows}, at::kLong),
                   .reduction = draw.Below(3)};
  if (rows > 0 && draw.Below(2) == 0) c.target[draw.Below(rows)] = c.ignored = draw.Below(classes);
  const double seeds[] = {1, 0, -0.0, -2.5, std::numeric_limits<double>::infinity(), std::nan("")};
  const double seed = seeds[draw.Below(6)];
  c.gradient = c.reduction == at::Reduction::None ? at::randn({rows}, dtype).mul(seed)
                                                  : at::full({}, seed, dtype);
  return c;
}

TEST(FusionTest, GradientOfCrossEntropy) {
  if (FindLogSoftmaxBackward<float>() == nullptr) GTEST_SKIP() << "not for this processor";
  for (unsigned seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    Draw draw(seed);
    DrawClassification(draw).Expect(1);
    if (testing::Test::HasFailure()) return;
  }
}

Classification Plain() {
  return {.y = at::log_softmax(at::randn({5, 7}, at::kFloat), 1),
          .target = at::randint(0, 7, {5}, at::kLong),
          .gradient = at::ones({}, at::kFloat),
          .reduction = at::Reduction::Mean};
}

TEST(FusionTest, GradientOfCrossEntropyAsLibtorchHasIt) {
  Classification weighted = Plain(), by_columns = Plain(), spread = Plain();
  weighted.weight = at::rand({7}, at::kFloat);
  weighted.Expect(2);
  by_columns.y = by_columns.y.t().contiguous().t();
  by_columns.Expect(2);
  spread.reduction = at::Reduction::None;
  spread.gradient = at::ones({}, at::kFloat).expand({5});
  spread.Expect(2);
}

TEST(FusionTest, AClassThatThereIsNotIsTheSameError) {
  Classification c = Plain();
  Tensors batch = c.Batch();
  Recorder recorder;
  for (const Tensor& tensor : batch) recorder.AddBatch(tensor);
  Tensor result;
  {
    const Recorder::Scope scope(recorder);
    result = c.Backward(batch);
  }
  const size_t found = recorder.Find(result);
  Plan plan(recorder.Take(), {found});
  batch[1] = at::full({5}, 7, at::kLong);
  for (size_t i = 0; i < batch.size(); ++i) plan.SetBatch(i, batch[i]);
  EXPECT_THROW(
      try { plan.RunSecond({}); } catch (const c10::Error& e) {
        EXPECT_STREQ(e.what_without_backtrace(), "Target 7 is out of bounds.");
        throw;
      },
      c10::IndexError);
}

// Somebody reads what is between the two, or changes what the first took.
TEST(FusionTest, OperationsBetweenWhichThereIsSomethingStayApart) {
  const Classification c = Plain();
  const auto backward = [&](const Tensors& batch, const std::function<void(Tensor&)>& between) {
    Tensor gradient =
        at::nll_loss_backward(batch[2], batch[0], batch[1], {}, c.reduction, c.ignored, batch[3]);
    between(gradient);
    return std::pair(gradient, at::_log_softmax_backward_data(gradient, batch[0], 1, at::kFloat));
  };
  ExpectSame(
      c.Batch(), [&](const Tensors& b) { return backward(b, [](Tensor&) {}).second; }, 1);
  ExpectSame(
      c.Batch(), [&](const Tensors& b) { return backward(b, [](Tensor&) {}).first; }, 1);
  ExpectSame(
      c.Batch(),
      [&](const Tensors& b) {
        const auto [gradient, out] = backward(b, [](Tensor&) {});
        return at::add(gradient, out);
      },
      3);
  ExpectSame(
      c.Batch(), [&](const Tensors& b) { return backward(b, [](Tensor& g) { g.mul_(2); }).second; },
      3);
  ExpectSame(
      c.Batch(),
      [&](const Tensors& batch) {
        Tensors made = batch;
        made[3] = at::mul(batch[3], batch[3]);
        return backward(made, [&](Tensor&) { made[3].mul_(3); }).second;
      },
      4);
}

// With so many of 600 random sizes, at least, the BLAS adds up products before it adds them to what
// is there, on any processor.
constexpr int kLeastFused = 30;

TEST(FusionTest, ALinearLayerAndARectifier) {
  int fused = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Draw draw(seed);
    const int64_t rows = draw.Below(70), in = draw.Below(300), out = draw.Below(100);
    const at::ScalarType dtype = draw.Type();
    const bool special = draw.Below(4) == 0;
    const Tensor bias = draw.Matrix(1, out, dtype, special)[0];
    const Tensor x = draw.Matrix(rows, in, dtype, special);
    const bool by_columns = draw.Below(2) == 0;
    const Tensor weight =
        by_columns ? draw.Matrix(out, in, dtype, false).t() : draw.Matrix(in, out, dtype, false);
    const size_t steps = Replay(
        {bias, x, weight}, [](const Tensors& b) { return at::relu(at::addmm(b[0], b[1], b[2])); });
    fused += steps == 1;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(fused, kLeastFused);
}

TEST(FusionTest, AProductThatIsAddedToAGradient) {
  int fused = 0;
  for (unsigned seed = 0; seed < 600; ++seed) {
    SCOPED_TRACE(seed);
    Draw draw(seed);
    const int64_t rows = draw.Below(200), in = draw.Below(100), out = draw.Below(100);
    const at::ScalarType dtype = draw.Type();
    const Tensor sum = draw.Matrix(out, in, dtype, draw.Below(4) == 0);
    const size_t steps =
        Replay({sum, draw.Matrix(rows, out, dtype, draw.Below(4) == 0),
                draw.Matrix(rows, in, dtype, draw.Below(4) == 0)},
               [](const Tensors& b) { return b[0].clone().add_(at::mm(b[1].t(), b[2])); });
    fused += steps == 2;
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(fused, kLeastFused);
}

TEST(FusionTest, ProductsThatAreAddedOtherwise) {
  Draw draw(1);
  const Tensor sum = draw.Matrix(8, 8, at::kFloat, false), x = draw.Matrix(8, 8, at::kFloat, false);
  const Tensors batch = {sum, x};
  ExpectSame(
      batch, [](const Tensors& b) { return b[0].clone().add_(at::mm(b[1], b[1]), 2); }, 3);
  ExpectSame(
      batch,
      [](const Tensors& b) {
        const Tensor s = b[0].clone();
        return s.add_(at::mm(s, b[1]));
      },
      3);
  ExpectSame(
      batch, [](const Tensors& b) { return b[0].clone().add_(b[1]); }, 2);
  ExpectSame(
      batch, [](const Tensors& b) { return b[0].t().clone().add_(at::mm(b[1], b[1])); }, 3);
}

}  // namespace
}  // namespace eta::tensor
