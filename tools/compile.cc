#include "tools/compile.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "tools/program.h"
#include "tools/program_text.h"
#include "vm/diagnostics.h"
#include "vm/image.h"
#include "vm/standard_output.h"

namespace eta {
namespace {

void Report(const Vm& vm, const Diagnostic& error) {
  const SourceFile* file = error.has_span ? vm.File(error.span) : nullptr;
  const std::string text =
      RenderMessage("error", error.message, error.span, file, {.color = WantsColor(STDERR_FILENO)});
  std::fputs(text.c_str(), stderr);
}

Product ProductOf(const Options& options) {
  if (options.dump == "reader") return Product::kData;
  if (options.dump == "expander") return Product::kExpansion;
  if (options.dump == "analyzer") return Product::kAst;
  return options.dump == "bytecode" ? Product::kBytecode : Product::kNothing;
}

}  // namespace

std::optional<Compilation> CompileProgram(const SourceFile& program,
                                          const std::optional<std::string>& path, Product product,
                                          const std::string& image_directory) {
  if (program.text.starts_with(kImageMagic)) {
    PrintError(program.path + " is compiled already; this needs its source text");
    return std::nullopt;
  }
  auto options = VmOptionsFromEnvironment(path, /*vm_count=*/1);
  if (!options) {
    PrintError(options.error());
    return std::nullopt;
  }
  Vm vm(std::move(*options));
  parallel::PrepareVm(vm, Host());
  Compilation result = vm.Compile(program, product, image_directory);
  for (const Diagnostic& error : result.errors) Report(vm, error);
  if (!result.errors.empty()) return std::nullopt;
  return result;
}

int ShowStage(const Options& options) {
  const auto program = ReadProgram(options);
  if (!program) {
    PrintError(program.error());
    return 1;
  }
  const auto result = CompileProgram(*program, options.path, ProductOf(options));
  if (!result) return 1;
  WriteOutput(stdout, result->product);
  return 0;
}

}  // namespace eta
