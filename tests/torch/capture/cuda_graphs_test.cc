// The library of CUDA graphs where there is no GPU: it was built for the libtorch that it will
// meet.
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

namespace eta::tensor {
namespace {

namespace fs = std::filesystem;

constexpr const char* kLibrary = "libeta_cuda_graphs.so";

std::string OutputOf(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  std::string output;
  for (int c; pipe != nullptr && (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  EXPECT_EQ(pclose(pipe), 0) << command;
  return output;
}

// Names that a library takes from others ("undefined") or has ("defined"), without versions.
std::set<std::string> Symbols(const std::string& file, const std::string& which) {
  std::set<std::string> names;
  std::istringstream lines(OutputOf("nm -D --" + which + "-only '" + file + "'"));
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(line.rfind(' ') + 1);
    names.insert(name.substr(0, name.find('@')));
  }
  return names;
}

fs::path TorchFolder() {
  Dl_info info;
  EXPECT_NE(dladdr(reinterpret_cast<const void*>(&at::detail::getCUDAHooks), &info), 0);
  return fs::path(info.dli_fname).parent_path();
}

// Those of libtorch and of CUDA's runtime that it comes with.
std::set<std::string> SymbolsOfLibtorch() {
  std::set<std::string> all;
  for (const char* name : {"libtorch_cuda.so", "libc10_cuda.so", "libtorch_cpu.so", "libc10.so"}) {
    if (fs::exists(TorchFolder() / name)) all.merge(Symbols(TorchFolder() / name, "defined"));
  }
  const fs::path nvidia = TorchFolder().parent_path().parent_path() / "nvidia";
  if (!fs::exists(nvidia)) return all;
  for (const auto& entry : fs::recursive_directory_iterator(nvidia)) {
    if (entry.path().filename().string().starts_with("libcudart.so")) {
      all.merge(Symbols(entry.path(), "defined"));
    }
  }
  return all;
}

bool IsOfLibtorchOrCuda(const std::string& name) {
  return name.starts_with("cuda") || name.find("2at") != name.npos ||
         name.find("3c10") != name.npos;
}

TEST(CudaGraphsTest, HasItsEntryPoint) {
  EXPECT_TRUE(Symbols(kLibrary, "defined").contains("eta_make_cuda_graphs"));
}

TEST(CudaGraphsTest, FindsInLibtorchWhatItNeeds) {
  const auto there = SymbolsOfLibtorch();
  int needed = 0;
  for (const std::string& name : Symbols(kLibrary, "undefined")) {
    if (!IsOfLibtorchOrCuda(name)) continue;
    ++needed;
    EXPECT_TRUE(there.contains(name)) << name;
  }
  EXPECT_GT(needed, 0);
}

}  // namespace
}  // namespace eta::tensor
