// Devices, files and the text form of tensors.
#include <ATen/core/Formatting.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <sstream>

#include "torch/device.h"
#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/state/atomic_file.h"
#include "torch/state/zip_check.h"

namespace eta::tensor {
namespace {

// PyTorch's zip container; torch.load in Python reads it.
void Save(const Tensor& tensor, const std::string& path) {
  const std::vector<char> bytes = torch::jit::pickle_save(tensor.detach());
  const std::string_view pieces[] = {{bytes.data(), bytes.size()}};
  const auto written = WriteAtomically(path, pieces);
  TORCH_CHECK(written, written.error());
}

Tensor Load(const std::string& path) {
  const auto read = ReadWhole(path);
  TORCH_CHECK(read, read.error());
  TORCH_CHECK(ZipIsWhole(*read), "'", path, "' is not a saved tensor, or it is damaged");
  c10::IValue value;
  try {
    value = torch::jit::pickle_load(std::vector<char>(read->begin(), read->end()));
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception&) {
    TORCH_CHECK(false, "'", path, "' is not a saved tensor, or it is damaged");
  }
  TORCH_CHECK(value.isTensor(), "'", path, "' holds something else than a tensor");
  return value.toTensor();
}

std::string TextOf(const Tensor& tensor) {
  constexpr int64_t kLineSize = 80;
  std::ostringstream text;
  at::print(text, tensor, kLineSize);
  text << '\n';
  return text.str();
}

constexpr NativeDef kOps[] = {
    Op<"torch/cuda-available?">([] { return GpuCount() > 0; },
                                "(gpu-available?): whether there is a GPU to use"),
    Op<"torch/cuda-device-count">([] { return int64_t{GpuCount()}; },
                                  "(gpu-count): how many GPUs there are"),
    Op<"torch/device">([](const Tensor& x) { return DeviceName(x.device()); },
                       "(device x): \"cpu\" or \"cuda:0\""),
    Op<"torch/to-device">(
        [](Call& call, Value tensor, Value device) {
          if (TensorIn(tensor) == nullptr) return call.Fail("tensor required");
          if (!IsString(device)) return call.Fail("device string required as second arg");
          const c10::Device target = ParseDevice(StringView(device));
          return WrapTensor(call.vm(), TensorIn(tensor)->to(target));
        },
        "(to-device x device): x on \"cpu\", \"cuda\" or \"cuda:N\""),
    Op<"torch/save">(
        [](Call& call, const Tensor& x, Value path) {
          if (!IsString(path)) return call.Fail("path string required");
          const std::string_view file = StringView(path);
          if (call.vm().console().WritesFile(file)) Save(x, std::string(file));
          return Value::Nil();
        },
        "(tensor-save x path): writes x to a file"),
    Op<"torch/load", "path string required">([](const std::string& path) { return Load(path); },
                                             "(tensor-load path): the tensor in a file"),
    Op<"torch/print">([](Call& call, const Tensor& x) { call.vm().console().WriteOut(TextOf(x)); },
                      "(tensor-print x): writes libtorch's text form to the standard output"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
