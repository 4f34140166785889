#include "tools/program.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "vm/diagnostics.h"
#include "vm/dump.h"
#include "vm/expander.h"
#include "vm/heap_limit.h"
#include "vm/module_path.h"
#include "vm/reader.h"

namespace eta {
namespace {

DiagnosticStyle StderrStyle() { return {.color = WantsColor(STDERR_FILENO)}; }

void PrintTo(FILE* stream, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stream);
}

// The text of the stage, or the first error.
Result<std::string> Dump(const std::string& stage, const std::string& text,
                         const std::string& name) {
  SymbolTable names;
  DatumArena arena;
  auto data = Read(text, 1, names, arena);
  if (!data) return Unexpected(std::move(data.error()));
  if (stage == "reader") return DumpData(*data);
  auto file = Expander(names, arena).ExpandFile(*data, name);
  if (!file) return Unexpected(std::move(file.error()));
  return DumpExpanded(*file);
}

}  // namespace

void PrintError(const std::string& message) {
  PrintTo(stderr, RenderMessage("error", message, StderrStyle()));
}

void PrintWarning(const std::string& message) {
  PrintTo(stderr, RenderMessage("warning", message, StderrStyle()));
}

Expected<Vm::Options, std::string> VmOptionsFromEnvironment(const std::optional<std::string>& path,
                                                            int vm_count) {
  auto limit = HeapLimitBytes(vm_count);
  if (!limit) return Unexpected(std::move(limit.error()));
  Vm::Options options;
  options.heap.limit_bytes = *limit;
  const char* stress = std::getenv("ETA_HEAP_STRESS");
  options.heap.stress = stress != nullptr && std::string_view(stress) == "1";
  const char* module_path = std::getenv("ETA_MODULE_PATH");
  options.search_path = SplitPath(path ? *path : module_path ? module_path : "");
  return options;
}

int RunProgram(const Options& options) {
  auto vm_options = VmOptionsFromEnvironment(options.path, 1);
  if (!vm_options) {
    PrintError(vm_options.error());
    return 1;
  }
  std::string listing;
  vm_options->program_arguments = options.arguments;
  if (options.disassemble) vm_options->listing = &listing;
  Vm vm(std::move(*vm_options));
  const bool ran = vm.RunFile(options.file);
  vm.console().Flush();
  PrintTo(stdout, listing);
  if (ran) return 0;
  const std::string failure = RenderFailure(vm, StderrStyle());
  PrintTo(stderr, failure);
  return failure.empty() ? vm.pending().status : 1;
}

int DumpStage(const Options& options) {
  auto text = ReadFile(options.file);
  if (!text) {
    PrintError(text.error());
    return 1;
  }
  auto dump = Dump(options.dump, *text, std::filesystem::path(options.file).stem());
  if (dump) {
    PrintTo(stdout, *dump);
    return 0;
  }
  const Diagnostic& error = dump.error();
  const SourceFile file{options.file, std::move(*text)};
  PrintTo(stderr, RenderMessage("error", error.message, error.span, &file, StderrStyle()));
  return 1;
}

}  // namespace eta
