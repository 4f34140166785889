// Compiling without running: what etac, --check and --dump are made of.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <utility>

#include "vm/analyzer.h"
#include "vm/ast_dump.h"
#include "vm/call_checker.h"
#include "vm/compiler.h"
#include "vm/disassembler.h"
#include "vm/dump.h"
#include "vm/loading.h"
#include "vm/vm.h"

namespace eta {

namespace fs = std::filesystem;

Compilation Loader::Compile(const SourceFile& program, Product product,
                            const std::string& image_directory) {
  only_compiles_ = true;
  Compilation result;
  const std::string directory = fs::path(program.path).parent_path().string();
  path_.SetProgramDirectory(directory.empty() ? "." : directory);
  Loading loading(vm_.names(), macros_);
  loading.path = program.path;
  const uint32_t number = vm_.AddFile(program);
  loading.files = {number};
  const ModuleSource source{program.path, program.text};
  const bool scanned = Scan(&loading, source, number, fs::path(program.path).stem().string());
  if (!scanned) {
    result.errors.push_back(vm_.diagnostic_);
  } else if (product == Product::kData) {
    result.product = DumpData(loading.data);
  } else if (ExpandCollecting(&loading, &result) && LinkCollecting(&loading, product, &result)) {
    CompileInto(loading, product, image_directory, &result);
  }
  only_compiles_ = false;
  return result;
}

bool Loader::ExpandCollecting(Loading* loading, Compilation* result) {
  loading->expander.CollectErrors(&result->errors);
  if (!Expand(loading, nullptr)) result->errors.push_back(vm_.diagnostic_);
  return result->errors.empty();
}

// Links, analyzes each form by itself, and looks for calls that cannot succeed.
bool Loader::LinkCollecting(Loading* loading, Product product, Compilation* result) {
  if (!LinkModules(loading, nullptr)) {
    result->errors.push_back(vm_.diagnostic_);
    return false;
  }
  std::deque<Ast> asts;
  std::vector<const LambdaNode*> tops;
  for (const ExpandedFile::Part& part : loading->file.parts) {
    for (const Datum* form : loading->file.FormsOf(part)) {
      const Module& module = *loading->modules[part.module];
      auto analyzed = Analyze(vm_, asts.emplace_back(), "", std::span(&form, 1), module);
      if (analyzed) {
        tops.push_back(*analyzed);
      } else {
        result->errors.push_back(std::move(analyzed.error()));
      }
    }
  }
  if (product == Product::kNothing && result->errors.empty()) CheckCalls(tops, result);
  return result->errors.empty();
}

void Loader::CheckCalls(const std::vector<const LambdaNode*>& tops, Compilation* result) {
  CallChecker checker(vm_);
  for (const LambdaNode* top : tops) checker.Learn(top);
  for (const LambdaNode* top : tops) {
    for (Diagnostic& error : checker.Check(top)) result->errors.push_back(std::move(error));
  }
}

void Loader::CompileInto(const Loading& loading, Product product, const std::string& directory,
                         Compilation* result) {
  if (product == Product::kExpansion) result->product = DumpExpanded(loading.file);
  if (product == Product::kAst) result->product = DumpOfAst(loading);
  RootVector closures(vm_.heap());
  if (!Compile(loading, &closures.values())) {
    result->errors.push_back(vm_.diagnostic_);
    result->product.clear();
    return;
  }
  if (product == Product::kImage || product == Product::kBareImage) {
    ImageSource source{.file = &loading.file, .closures = closures.values()};
    source.has_places = product == Product::kImage;
    MakeImage(loading, directory, std::move(source), result);
  }
  if (product != Product::kBytecode) return;
  for (Value closure : closures.values()) {
    result->product += Disassemble(vm_, *As<ClosureObject>(closure)->code);
  }
}

std::string Loader::DumpOfAst(const Loading& loading) {
  std::string text;
  for (const ExpandedFile::Part& part : loading.file.parts) {
    const Module& module = *loading.modules[part.module];
    Ast ast;
    auto analyzed = Analyze(vm_, ast, *module.name + "_init", loading.file.FormsOf(part), module);
    if (analyzed) text += DumpAst(**analyzed);
  }
  return text;
}

void Loader::MakeImage(const Loading& loading, const std::string& directory, ImageSource source,
                       Compilation* result) {
  source.modules = loading.modules;
  source.file_numbers = loading.files;
  for (uint32_t number : loading.files) {
    const SourceFile& file = *vm_.File(SourceSpan{.file = number});
    std::error_code error;
    const fs::path path = fs::relative(file.path, directory.empty() ? "." : directory, error);
    source.files.push_back({error ? file.path : path.string(), HashBytes(file.text)});
  }
  for (const ExpandedModule& module : loading.file.modules) {
    for (const auto& import : module.imports) {
      const Module* imported = Find(import.module);
      if (imported) source.interfaces.push_back({import.module, InterfaceHash(*imported)});
    }
  }
  auto image = WriteImage(vm_, source);
  if (!image) {
    result->errors.push_back({.message = image.error(), .has_span = false});
    return;
  }
  result->product = std::move(image->bytes);
  result->procedures = image->procedures;
  result->modules = loading.file.modules.size();
}

}  // namespace eta
