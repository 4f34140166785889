#include "vm/loader.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "stdlib/embedded.h"
#include "vm/compiler.h"
#include "vm/diagnostics.h"
#include "vm/disassembler.h"
#include "vm/expander.h"
#include "vm/image.h"
#include "vm/linker.h"
#include "vm/loading.h"
#include "vm/quote.h"
#include "vm/reader.h"
#include "vm/suggest.h"
#include "vm/vm.h"

namespace eta {
namespace {

constexpr std::string_view kPreludePath = "builtins.eta";

std::string Stem(const std::string& path) { return std::filesystem::path(path).stem().string(); }

// The prelude is ours: a failure is a bug.
[[noreturn]] void DieOfPrelude(const std::string& message) {
  std::fprintf(stderr, "%.*s: %s\n", int{kPreludePath.size()}, kPreludePath.data(),
               message.c_str());
  std::abort();
}

}  // namespace

Loader::Loader(Vm& vm)
    : vm_(vm), path_(vm.options().search_path, vm.options().strict_shadows), macros_(vm.names()) {}

Loader::~Loader() = default;

// --- Entry points -------------------------------------------------------------------------------

void Loader::LoadPrelude() {
  std::string_view text;
  for (const EmbeddedFile& file : EmbeddedStdlib()) {
    if (file.path == kPreludePath) text = file.text;
  }
  Loading loading(vm_.names(), macros_);
  auto data = Read(text, 0, vm_.names(), loading.arena);
  if (!data) DieOfPrelude(data.error().message);
  auto file = loading.expander.ExpandFile(*data, "builtins");
  if (!file) DieOfPrelude(file.error().message);
  loading.file = std::move(*file);
  if (!LinkModules(&loading, nullptr)) DieOfPrelude(vm_.diagnostic_.message);
  for (const auto& module : loading.linked) {
    for (const auto& [name, binding] : module->environment) vm_.DefineBuiltin(name, binding.slot);
    auto closure = CompileTopLevel(vm_, TopLevel::kBuiltins, "builtins_init",
                                   loading.file.modules[0].body, *module);
    if (!closure) DieOfPrelude(closure.error().message);
    if (vm_.Call(*closure, {}).IsFailure()) DieOfPrelude(vm_.pending().message);
  }
}

bool Loader::RunFile(const std::string& path) {
  auto text = ReadFile(path);
  if (!text) return FailWithoutPlace(text.error());
  const std::string directory = std::filesystem::path(path).parent_path().string();
  path_.SetProgramDirectory(directory.empty() ? "." : directory);
  if (path.ends_with(kImageExtension)) return RunImage(path, *text);
  return Load({path, std::move(*text)}, Stem(path), nullptr, nullptr);
}

bool Loader::RunText(std::string_view text, const std::string& name) {
  path_.SetProgramDirectory(".");
  return Load({name, std::string(text)}, Stem(name), nullptr, nullptr);
}

bool Loader::RunSubmission(std::string_view text, const std::string& name, Value* result) {
  path_.SetProgramDirectory(".");
  if (!session_) session_ = std::make_unique<Module>();
  return Load({name, std::string(text)}, name, session_.get(), result);
}

std::vector<Name> Loader::SubmittedNames() const {
  std::vector<Name> names = macros_.Names();
  for (const auto& earlier : macro_sessions_) {
    const std::vector<Name> macros = earlier->expander.MacroNames();
    names.insert(names.end(), macros.begin(), macros.end());
  }
  if (!session_) return names;
  for (const auto& [name, binding] : session_->environment) names.push_back(name);
  return names;
}

Result<Value> Loader::CompileExpression(Value expression) {
  DatumArena arena;
  const Datum* datum = ValueToDatum(expression, SourceSpan{0}, arena);
  if (!datum) return Error(SourceSpan{0}, "eval: the expression is circular, or too large");
  Expander expander(vm_.names(), arena, &macros_);
  auto form = expander.ExpandExpression(datum);
  if (!form) return Unexpected(std::move(form.error()));
  return CompileTopLevel(vm_, TopLevel::kEval, "eval", std::span(&*form, 1), Module{});
}

// --- The way of a file --------------------------------------------------------------------------

bool Loader::Load(ModuleSource source, const std::string& script, Module* session, Value* result) {
  auto owned = std::make_unique<Loading>(vm_.names(), macros_);
  Loading& loading = *owned;
  loading.path = source.path;
  loading.is_library = source.is_library;
  const uint32_t number = AddFile(source);
  RootVector rooted(vm_.heap());
  loading.files = {number};
  if (!Scan(&loading, source, number, script)) return false;
  if (!Expand(&loading, session)) return false;
  if (!LinkModules(&loading, session) || !Compile(loading, &rooted.values())) return false;
  if (session) {
    for (const Module* module : loading.modules) session->environment = module->environment;
    for (Name macro : loading.expander.MacroNames()) session->environment.erase(macro);
  }
  Register(&loading);
  const bool ran = Run(loading, rooted.values(), result);
  if (session && !loading.expander.MacroNames().empty())
    macro_sessions_.push_back(std::move(owned));
  return ran;
}

// Reads the file and finds out what it consists of.
bool Loader::Scan(Loading* loading, const ModuleSource& source, uint32_t number,
                  const std::string& script) {
  auto data = Read(source.text, number, vm_.names(), loading->arena);
  if (!data) return Fail(std::move(data.error()));
  loading->data = std::move(*data);
  loading->expander.SetSurroundings(SurroundingsOf(loading));
  auto file = loading->expander.ScanFile(loading->data, script);
  if (!file) return Fail(std::move(file.error()));
  loading->file = std::move(*file);
  return true;
}

// Loads what it imports, and expands it.
bool Loader::Expand(Loading* loading, const Module* session) {
  if (!LoadImports(*loading)) return false;
  if (session) {
    loading->expander.AddVariables(*session);
    for (const auto& earlier : macro_sessions_) loading->expander.AddMacros(earlier->expander);
  }
  const auto expanded =
      loading->expander.ExpandForms(&loading->file, [this](Name name) { return Find(name); });
  return expanded || Fail(expanded.error());
}

bool Loader::Fail(Diagnostic diagnostic) {
  vm_.diagnostic_ = std::move(diagnostic);
  return false;
}

bool Loader::FailWithoutPlace(std::string message) {
  return Fail({.message = std::move(message), .has_span = false});
}

uint32_t Loader::AddFile(const ModuleSource& source) {
  vm_.files_.push_back({source.path, source.text, source.is_library});
  return static_cast<uint32_t>(vm_.files_.size());
}

bool Loader::LoadImports(const Loading& loading) {
  loading_.push_back(&loading);
  bool loaded = true;
  for (const ExpandedModule& module : loading.file.modules) {
    for (const ExpandedModule::Import& import : module.imports) {
      const auto is_it = [&](const ExpandedModule& other) { return other.name == import.module; };
      const auto& own = loading.file.modules;
      if (std::any_of(own.begin(), own.end(), is_it)) continue;
      loaded = loaded && (Find(import.module) || LoadModule(import));
    }
  }
  loading_.pop_back();
  return loaded;
}

bool Loader::LoadModule(const ExpandedModule::Import& import) {
  if (!CheckCircular(import)) return false;
  auto source = path_.Find(*import.module);
  if (!source) return Fail({import.span, source.error()});
  if (!*source) return FailUnknown(import, "");
  const std::string path = (*source)->path;
  const auto loads_it = [&](const Loading* loading) { return loading->path == path; };
  if (std::any_of(loading_.begin(), loading_.end(), loads_it)) {
    return FailUnknown(import, " (" + path + ", which imports it, does not define it)");
  }
  if (!LoadBest(std::move(**source), *import.module)) return false;
  return Find(import.module) || FailUnknown(import, " (" + path + " does not define it)");
}

bool Loader::FailUnknown(const ExpandedModule::Import& import, const std::string& why) {
  std::string hint = why;
  if (why.empty()) {
    const std::vector<std::string> names = path_.Candidates(*import.module);
    std::vector<std::string_view> candidates(names.begin(), names.end());
    for (const auto& [name, module] : by_name_) candidates.push_back(*name);
    hint = DidYouMean(*import.module, candidates);
  }
  return Fail({import.span, "unknown module in import: " + *import.module + hint});
}

// Fails if a file that is being loaded, and waits for this import, defines the module.
bool Loader::CheckCircular(const ExpandedModule::Import& import) {
  for (size_t i = 0; i < loading_.size(); ++i) {
    const auto is_it = [&](const ExpandedModule& module) { return module.name == import.module; };
    const auto& modules = loading_[i]->file.modules;
    if (std::none_of(modules.begin(), modules.end(), is_it)) continue;
    std::vector<Name> chain{import.module};
    for (size_t k = i + 1; k < loading_.size(); ++k) {
      chain.push_back(loading_[k]->file.modules[0].name);
    }
    chain.push_back(import.module);
    return Fail({import.span, CircularImportMessage(chain)});
  }
  return true;
}

bool Loader::LinkModules(Loading* loading, const Module* session) {
  auto linked = Link(
      loading->file, vm_.names(), [this](Name name) { return Find(name); },
      [this](Name name) { return vm_.NewGlobal(name); });
  if (!linked) return Fail(std::move(linked.error()));
  loading->linked = std::move(*linked);
  for (const auto& module : loading->linked) {
    if (session)
      module->environment.insert(session->environment.begin(), session->environment.end());
    loading->modules.push_back(module.get());
  }
  return true;
}

bool Loader::Compile(const Loading& loading, std::vector<Value>* closures) {
  for (const ExpandedFile::Part& part : loading.file.parts) {
    const Module& module = *loading.modules[part.module];
    auto closure = CompileTopLevel(vm_, TopLevel::kModule, *module.name + "_init",
                                   loading.file.FormsOf(part), module);
    if (!closure) return Fail(std::move(closure.error()));
    closures->push_back(*closure);
    std::string* listing = loading.is_library ? nullptr : vm_.options().listing;
    if (listing) listing->append(Disassemble(vm_, *As<ClosureObject>(*closure)->code));
  }
  return true;
}

void Loader::Register(Loading* loading) {
  for (auto& module : loading->linked) {
    by_name_.try_emplace(module->name, module.get());
    modules_.push_back(std::move(module));
  }
  loading->linked.clear();
}

bool Loader::Run(const Loading& loading, const std::vector<Value>& closures, Value* result) {
  if (only_compiles_) return true;
  const std::vector<ExpandedFile::Part>& parts = loading.file.parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t index = parts[i].module;
    const Value value = vm_.Call(closures[i], {});
    if (value.IsFailure()) return false;
    if (result) *result = value;
    const bool last = std::none_of(parts.begin() + i + 1, parts.end(),
                                   [&](const auto& part) { return part.module == index; });
    if (!last) continue;
    if (!RunMain(loading.file.modules[index], *loading.modules[index])) return false;
  }
  return true;
}

bool Loader::RunMain(const ExpandedModule& source, const Module& module) {
  const Name name = vm_.names().Intern("main");
  const auto defined = std::find_if(source.definitions.begin(), source.definitions.end(),
                                    [&](const auto& id) { return id.name == name; });
  if (defined == source.definitions.end()) return true;
  const Value main = vm_.globals()[module.environment.at(name).slot];
  if (main.IsNil() || !vm_.Call(main, {}).IsFailure()) return true;
  // Where no form of the program was being executed, the definition is to blame.
  const SourceFile* place = vm_.File(PendingSpan(vm_, vm_.pending_));
  if (place == nullptr || place->is_library) {
    vm_.pending_.trace.push_back({*source.name + "_init", defined->span});
  }
  return false;
}

const Module* Loader::Find(Name name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace eta
