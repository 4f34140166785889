// Devices, files and the text form of tensors.
#include <ATen/core/Formatting.h>
#include <torch/csrc/jit/serialization/pickle.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "torch/device.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

namespace fs = std::filesystem;

// Where a file is written before it is called `path`. Each save has its own, since other replicas
// and processes may be saving to the same path.
fs::path PartialPath(const std::string& path) {
  static std::atomic<uint64_t> saves{0};
  const uint64_t number = saves.fetch_add(1, std::memory_order_relaxed);  // only to be distinct
  return path + ".partial-" + std::to_string(getpid()) + "-" + std::to_string(number);
}

// PyTorch's zip container; torch.load in Python reads it. A file appears whole or not at all.
void Save(const Tensor& tensor, const std::string& path) {
  const std::vector<char> bytes = torch::jit::pickle_save(tensor.detach());
  const fs::path partial = PartialPath(path);
  std::ofstream file(partial, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error =
      file ? std::error_code() : std::error_code(errno, std::generic_category());
  if (!error) fs::rename(partial, path, error);
  if (!error) return;
  std::error_code ignored;
  fs::remove(partial, ignored);
  TORCH_CHECK(false, "cannot write '", path, "': ", error.message());
}

Tensor Load(const std::string& path) {
  std::error_code error;
  std::vector<char> bytes(fs::file_size(path, error) * !error);
  TORCH_CHECK(!error, "cannot read '", path, "': ", error.message());
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  TORCH_CHECK(file, "cannot read '", path, "': ", std::strerror(errno));
  c10::IValue value;
  try {
    value = torch::jit::pickle_load(bytes);
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception&) {
    TORCH_CHECK(false, "'", path, "' is not a saved tensor");
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
