// Loader: from a file's text to its modules having run. Keeps the modules of one VM.
//
// A file is read, expanded, and what it imports loaded; then all of its modules are linked and
// compiled, and only then do they run, in order. After a module's forms, its `main` is called if it
// defines one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/macro_library.h"
#include "vm/module.h"
#include "vm/module_path.h"
#include "vm/span.h"
#include "vm/value.h"

namespace eta {

class Vm;

// One VM's thread. All functions but LoadPrelude leave errors where Vm::RunFile says.
class Loader {
 public:
  explicit Loader(Vm& vm);
  ~Loader();

  // Runs the builtins that are written in Eta: every top-level definition becomes a builtin. Once,
  // before anything else.
  void LoadPrelude();

  bool RunFile(const std::string& path);
  bool RunText(std::string_view text, const std::string& name);
  // Runs what was typed at a prompt: a module that sees what the earlier ones defined and imported,
  // and may assign and redefine it. `result` is the value of its last form, unrooted.
  bool RunSubmission(std::string_view text, const std::string& name, Value* result);
  // A procedure of no arguments that evaluates `expression`, in which builtins are all that free
  // names can be. Unrooted. Error: why it does not compile.
  Result<Value> CompileExpression(Value expression);

 private:
  struct Loading;

  bool Load(ModuleSource source, const std::string& script, Module* session, Value* result);
  bool Fail(Diagnostic diagnostic);
  bool FailWithoutPlace(std::string message);
  uint32_t AddFile(const ModuleSource& source);
  Surroundings SurroundingsOf(DatumArena& arena);
  Result<std::vector<const Datum*>> Include(const Datum* path, DatumArena& arena);
  bool Expand(Loading* loading, const ModuleSource& source, uint32_t number,
              const std::string& script, const Module* session);
  bool LoadImports(const Loading& loading);
  bool LoadModule(const ExpandedModule::Import& import);
  bool FailUnknown(const ExpandedModule::Import& import, const std::string& why);
  bool CheckCircular(const ExpandedModule::Import& import);
  bool LinkModules(Loading* loading, const Module* session);
  bool Compile(const Loading& loading, std::vector<Value>* closures);
  void Register(Loading* loading);
  bool Run(const Loading& loading, const std::vector<Value>& closures, Value* result);
  bool RunMain(const ExpandedModule& source, const Module& module);
  const Module* Find(Name name) const;

  Vm& vm_;
  ModulePath path_;
  std::vector<std::unique_ptr<Module>> modules_;
  std::unordered_map<Name, const Module*> by_name_;
  std::vector<const Loading*> loading_;  // the files being loaded, each imported by the one before
  MacroLibrary macros_;
  std::unique_ptr<Module> session_;                       // what submissions see
  std::vector<std::unique_ptr<Loading>> macro_sessions_;  // those that defined macros
};

}  // namespace eta
