#include "torch/capture/lstm_gates.h"

#include <bit>

#include "base/vectorized.h"

namespace eta::tensor {
namespace {

// Of a NaN, x.
[[gnu::always_inline]] inline float Clamp(float x, float limit) {
  x = x > limit ? limit : x;
  return x < -limit ? -limit : x;
}

// By the polynomial of Cephes: 2^k e^r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to k and
// leaves it in the lowest bits.
[[gnu::always_inline]] inline float Exp(float x) {
  constexpr float kRounder = 12582912, kLog2E = 1.44269504088896341f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  x = Clamp(x, 87);
  const float rounded = x * kLog2E + kRounder;
  const float k = rounded - kRounder;
  const float r = (x - k * kLn2High) - k * kLn2Low;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1;
  return p * std::bit_cast<float>((std::bit_cast<uint32_t>(rounded) << 23) + 0x3f800000u);
}

[[gnu::always_inline]] inline float Sigmoid(float x) { return 1 / (1 + Exp(-x)); }

// By the rational function that Eigen has; beyond the limit it is 1.
[[gnu::always_inline]] inline float Tanh(float x) {
  x = Clamp(x, 7.90531110763549805f);
  const float s = x * x;
  float p = -2.76076847742355e-16f;
  p = p * s + 2.00018790482477e-13f;
  p = p * s + -8.60467152213735e-11f;
  p = p * s + 5.12229709037114e-08f;
  p = p * s + 1.48572235717979e-05f;
  p = p * s + 6.37261928875436e-04f;
  p = p * s + 4.89352455891786e-03f;
  float q = 1.19825839466702e-06f;
  q = q * s + 1.18534705686654e-04f;
  q = q * s + 2.26843463243900e-03f;
  q = q * s + 4.89352518554385e-03f;
  return x * p / q;
}

// What the loops below need of a row.
struct Row {
  float *in, *forget, *candidate, *out, *cell, *squashed;
  const float* old_cell;

  [[gnu::always_inline]] Row(const LstmStep& step, int64_t row)
      : in(step.gates + row * 4 * step.units),
        forget(in + step.units),
        candidate(forget + step.units),
        out(candidate + step.units),
        cell(step.cell + row * step.units),
        squashed(step.squashed_cell + row * step.units),
        old_cell(step.old_cell + row * step.units) {}
};

// No element depends on another one: ivdep, here and below.
[[gnu::always_inline]] inline void ForwardRow(const Row& row, int64_t units, const float* bias,
                                              float* output) {
#pragma GCC ivdep
  for (int64_t j = 0; j < units; ++j) {
    const float in = Sigmoid(row.in[j] + bias[j]);
    const float forget = Sigmoid(row.forget[j] + bias[units + j]);
    const float candidate = Tanh(row.candidate[j] + bias[2 * units + j]);
    const float out = Sigmoid(row.out[j] + bias[3 * units + j]);
    const float cell = forget * row.old_cell[j] + in * candidate;
    const float squashed = Tanh(cell);
    row.in[j] = in;
    row.forget[j] = forget;
    row.candidate[j] = candidate;
    row.out[j] = out;
    row.cell[j] = cell;
    row.squashed[j] = squashed;
    output[j] = out * squashed;
  }
}

// `given`: the gradient of an output's element that comes from outside.
template <class Given>
[[gnu::always_inline]] inline void BackwardRow(const Row& row, int64_t units, const float* hidden,
                                               float* cell, float* bias, const Given& given) {
#pragma GCC ivdep
  for (int64_t j = 0; j < units; ++j) {
    const float in = row.in[j], forget = row.forget[j];
    const float candidate = row.candidate[j], out = row.out[j], squashed = row.squashed[j];
    const float d_output = hidden[j] + given(j);
    const float d_cell = cell[j] + d_output * out * (1 - squashed * squashed);
    const float d_in = d_cell * candidate * (in * (1 - in));
    const float d_forget = d_cell * row.old_cell[j] * (forget * (1 - forget));
    const float d_candidate = d_cell * in * (1 - candidate * candidate);
    const float d_out = d_output * squashed * (out * (1 - out));
    cell[j] = d_cell * forget;
    row.in[j] = d_in;
    row.forget[j] = d_forget;
    row.candidate[j] = d_candidate;
    row.out[j] = d_out;
    bias[j] += d_in;
    bias[units + j] += d_forget;
    bias[2 * units + j] += d_candidate;
    bias[3 * units + j] += d_out;
  }
}

}  // namespace

ETA_VECTORIZED_FUSED void ForwardGates(const LstmStep& step, const float* bias, float* output) {
  for (int64_t row = 0; row < step.rows; ++row) {
    ForwardRow(Row(step, row), step.units, bias, output + row * step.units);
  }
}

ETA_VECTORIZED_FUSED void BackwardGates(const LstmStep& step, const LstmGradient& output,
                                        const LstmBackwardState& state) {
  for (int64_t i = 0; i < step.rows; ++i) {
    const Row row(step, i);
    const float* const hidden = state.hidden + i * step.units;
    float* const cell = state.cell + i * step.units;
    const auto backward = [&](const auto& given) __attribute__((always_inline)) {
      BackwardRow(row, step.units, hidden, cell, state.bias, given);
    };
    const float* const from = output.data + i * output.row_stride;
    if (output.data == nullptr) {
      backward([](int64_t) { return 0.0f; });
    } else if (output.unit_stride == 1) {
      backward([=](int64_t j) { return from[j]; });
    } else {
      backward([=, stride = output.unit_stride](int64_t j) { return from[j * stride]; });
    }
  }
}

}  // namespace eta::tensor
