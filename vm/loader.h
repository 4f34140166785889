// Loader: from a file's text to its modules having run. Keeps the modules of one VM.
//
// A file is read, expanded, and what it imports loaded; then all of its modules are linked and
// compiled, and only then do they run, in order. After a module's forms, its `main` is called if it
// defines one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "vm/compilation.h"
#include "vm/image.h"
#include "vm/macro_library.h"
#include "vm/module.h"
#include "vm/module_path.h"
#include "vm/span.h"
#include "vm/value.h"

namespace eta {

class Vm;
struct LambdaNode;
struct SourceFile;

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
  // What submissions defined and imported, and all macros.
  std::vector<Name> SubmittedNames() const;
  // Compiles the program and what it imports, and runs nothing. An image names its sources by their
  // paths from `image_directory`.
  Compilation Compile(const SourceFile& program, Product product,
                      const std::string& image_directory);
  // A procedure of no arguments that evaluates `expression`, in which builtins are all that free
  // names can be. Unrooted. Error: why it does not compile.
  Result<Value> CompileExpression(Value expression);

 private:
  struct Loading;

  bool Load(ModuleSource source, const std::string& script, Module* session, Value* result);
  bool Fail(Diagnostic diagnostic);
  bool FailWithoutPlace(std::string message);
  uint32_t AddFile(const ModuleSource& source);
  bool Scan(Loading* loading, const ModuleSource& source, uint32_t number,
            const std::string& script);
  bool Expand(Loading* loading, const Module* session);
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

  // What a file includes: vm/loader_include.cc.
  Surroundings SurroundingsOf(Loading* loading);
  Result<std::vector<const Datum*>> Include(const Datum* path, Loading* loading);

  // Compiling without running: vm/loader_compile.cc.
  bool ExpandCollecting(Loading* loading, Compilation* result);
  bool LinkCollecting(Loading* loading, Product product, Compilation* result);
  void CheckCalls(const std::vector<const LambdaNode*>& tops, Compilation* result);
  void CompileInto(const Loading& loading, Product product, const std::string& directory,
                   Compilation* result);
  std::string DumpOfAst(const Loading& loading);
  void MakeImage(const Loading& loading, const std::string& directory, ImageSource source,
                 Compilation* result);

  // Images: vm/loader_image.cc.
  struct Refusal {
    std::string why;
  };
  bool RunImage(const std::string& path, const std::string& bytes);
  bool LoadBest(ModuleSource source, const std::string& script);
  std::optional<Refusal> LoadImage(const std::string& path, std::string_view bytes, bool* loaded);
  std::optional<Refusal> AddImageFiles(const ImageReader& image, const std::string& directory,
                                       std::vector<uint32_t>* numbers);

  Vm& vm_;
  ModulePath path_;
  std::vector<std::unique_ptr<Module>> modules_;
  std::unordered_map<Name, const Module*> by_name_;
  std::vector<const Loading*> loading_;  // the files being loaded, each imported by the one before
  MacroLibrary macros_;
  bool only_compiles_ = false;                            // nothing is run
  std::unique_ptr<Module> session_;                       // what submissions see
  std::vector<std::unique_ptr<Loading>> macro_sessions_;  // those that defined macros
};

}  // namespace eta
