// Vm: one isolate of the language. It owns a heap, the global variables, the loaded modules, the
// stack and the streams; nothing in it is shared with another VM.
//
//   Vm vm({});
//   auto loaded = vm.RunFile("train.eta");      // read, expand, link, compile, run
//   if (!loaded) ...                            // vm.pending() says what happened
//
// Thread safety: one thread at a time, except RequestInterrupt and RequestTermination.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/expected.h"
#include "base/thread_annotations.h"
#include "vm/code.h"
#include "vm/compilation.h"
#include "vm/console.h"
#include "vm/heap.h"
#include "vm/interpreter.h"
#include "vm/module.h"
#include "vm/native.h"

namespace eta {

// Tags of runtime errors (section 8 of the language). kRuntimeError is only ever a catch tag.
inline constexpr std::string_view kRuntimeError = "runtime.error";
inline constexpr std::string_view kTypeError = "runtime.type-error";
inline constexpr std::string_view kInvalidArity = "runtime.invalid-arity";
inline constexpr std::string_view kUserError = "runtime.user-error";
inline constexpr std::string_view kJsonError = "runtime.json-error";
inline constexpr std::string_view kRegexError = "runtime.regex-error";
inline constexpr std::string_view kHeapError = "runtime.heap-error";
inline constexpr std::string_view kInternalError = "runtime.internal-error";

// A name's text and place of a source file, kept for diagnostics.
struct SourceFile {
  std::string path;  // as given or found
  std::string text;
  bool is_library = false;  // of the standard library: callers' lines are more telling
};

class Loader;
class Watch;

class Vm final : private RootSource {
 public:
  struct Options {
    Heap::Options heap;
    // Bound of the recursion depth; memory is used as needed. 0: a quarter of the heap limit, but
    // 64 MiB at least and 8 GiB at most.
    size_t stack_bytes = 0;
    std::vector<std::string> search_path;  // --path, or else ETA_MODULE_PATH
    bool strict_shadows = false;           // a module found in more than one place is an error
    std::vector<std::string> program_arguments;
    std::unique_ptr<Console> console;  // default: the process's
    std::string* listing = nullptr;    // if set, gets the bytecode of the program's own files
  };

  explicit Vm(Options options);
  ~Vm() override;

  // --- Memory and names -----------------------------------------------------------------------
  Heap& heap() { return *heap_; }
  SymbolTable& names() { return names_; }
  Value Symbol(Name name);  // the one symbol of that name
  Value Symbol(std::string_view text) { return Symbol(names_.Intern(text)); }
  Value String(std::string_view text) { return heap_->String(text); }

  // --- Failing --------------------------------------------------------------------------------
  // Starts a runtime error; a native returns the result at once. `message` reads "NAME: reason".
  [[nodiscard]] Value Fail(std::string_view tag, std::string message);
  // The same with more to tell: (KEY VALUE) lists, in a list.
  [[nodiscard]] Value FailWith(std::string_view tag, std::string message, Value fields);
  // The usual: a wrong argument. Fail(kTypeError, message).
  [[nodiscard]] Value TypeError(std::string message) {
    return Fail(kTypeError, std::move(message));
  }
  // Starts a user raise of `value`; `tag` is a symbol, or #f for a tagless raise.
  [[nodiscard]] Value Raise(Value tag, Value value);
  // The same where the innermost exception handler may give a value back.
  [[nodiscard]] Value RaiseContinuable(Value value);
  // Ends the program with this status: unwinds everything, runs no handler.
  [[nodiscard]] Value Exit(int status);

  // What is unwinding: set when a call returned Failure, until something takes it. An escape
  // through a continuation shows as kNone; natives just pass it on.
  struct Pending {
    enum class Kind : uint8_t { kNone, kRaise, kRuntime, kExit, kTerminated };
    Kind kind = Kind::kNone;
    Value tag;                      // symbol or #f
    Value payload;                  // kRaise: what catch delivers; kRuntime: the fields, or ()
    std::string message;            // kRuntime: the message; kTerminated: why
    std::vector<TraceFrame> trace;  // kRuntime, kTerminated: the active forms, innermost first
    int status = 0;                 // kExit
  };
  const Pending& pending() const { return pending_; }
  // What catch delivers: the raised value, or (runtime-error TAG MESSAGE SPAN TRACE). Unrooted.
  // REQUIRES: the values in `pending` are rooted.
  Value Payload(const Pending& pending);
  // What FailWith was given for the error that delivered this list; () for anything else.
  Value FieldsOf(Value payload) const;
  Pending TakePending();
  // Makes it unwind again, after a native has looked at it.
  [[nodiscard]] Value Resume(Pending pending);

  // --- Running --------------------------------------------------------------------------------
  // Calls any procedure. May be used inside natives (a nested interpreter loop; prefer to write
  // what calls back in Eta). Failure: something is pending.
  Value Call(Value callee, Args args);
  // Loads and runs a program file, a text or an image, with all it imports. False: `diagnostic` or
  // pending() is set.
  bool RunFile(const std::string& path);
  // The same for text: modules and top-level forms; `name` stands for the file in diagnostics.
  bool RunText(std::string_view text, const std::string& name);
  // Runs what was typed at a prompt; see Loader. `result` is unrooted.
  bool RunSubmission(std::string_view text, const std::string& name, Value* result);
  // See Loader.
  Result<Value> CompileExpression(Value expression);
  Compilation Compile(const SourceFile& program, Product product,
                      const std::string& image_directory = "");
  // What a program that runs to its end exits with: RunFile and RunText then end as by Exit.
  int final_status = 0;
  uint64_t record_types = 0;  // that were defined so far
  uint64_t pair_changes = 0;  // how often the program has changed a pair so far
  // The innermost one that there is, or null.
  Watch* watch = nullptr;
  // Called after each test that std.test has run.
  std::function<void(std::string_view name, double seconds)> on_test;
  // The compile-time error that made the last Run... false; empty message: there was none.
  const Diagnostic& diagnostic() const { return diagnostic_; }

  // Where the program stands: the innermost form being executed that stands in the program's own
  // files rather than the standard library; failing that, the innermost one.
  SourceSpan CurrentSpan() const;
  // The span as the language shows it: (span FILE LINE COLUMN END-LINE END-COLUMN).
  Value SpanValue(const SourceSpan& span);
  // The source file a span refers to, or null.
  const SourceFile* File(const SourceSpan& span) const;
  // The number of this file, for spans; a new one if it is not known yet.
  uint32_t AddFile(const SourceFile& file);

  // --- Interrupts -----------------------------------------------------------------------------
  // Makes the interpreter stop by at the interrupt hook at its next call or loop iteration.
  // Thread safety: any thread; async-signal-safe.
  void RequestInterrupt();
  // Runs on the VM's thread at a safepoint; returns Failure to unwind, anything else to go on.
  void SetInterruptHook(std::function<Value(Vm&)> hook) { interrupt_hook_ = std::move(hook); }
  // What is due at a safepoint, for natives that take long. It may collect. Failure: something is
  // pending.
  Value Safepoint() { return HandleInterrupt(); }
  // Ends the program at the next safepoint with this message, past every handler. Any thread.
  void RequestTermination(std::string message);
  // Unwinds past every handler with this message.
  [[nodiscard]] Value Terminate(std::string message);

  // --- Globals and builtins ---------------------------------------------------------------------
  std::vector<Value>& globals() { return globals_; }
  // A new variable, (). Null when the instruction format has no room for more.
  std::optional<GlobalSlot> NewGlobal(Name name);
  const std::string& GlobalName(GlobalSlot slot) const { return *global_names_[slot]; }
  // Whether the variable is a builtin's, so that FindBuiltin finds it by its name.
  bool IsBuiltin(GlobalSlot slot) const;
  void DefineNatives(std::span<const NativeDef> natives);
  // Makes a global visible everywhere under this name, as a builtin.
  void DefineBuiltin(Name name, GlobalSlot slot) { builtins_[name] = slot; }
  // Every builtin's name, those of the extension included.
  std::vector<std::string_view> BuiltinNames() const;
  // All names that mean something in the next submission, in no order and some repeatedly.
  std::vector<std::string_view> VisibleNames() const;
  // The slot of a builtin, loading the extension that offers it if need be; null when there is
  // none.
  const GlobalSlot* FindBuiltin(Name name);
  // Called once, with the first of the offered names that the program uses; defines them all.
  // Error: why it cannot.
  using ExtensionHook = std::function<Expected<Ok, std::string>(Vm&)>;
  void SetExtension(ExtensionHook hook, std::vector<std::string_view> offered_names);
  // Why FindBuiltin does not find an offered name; null when that is not the reason.
  const std::string* ExtensionError(Name name) const;

  // --- Streams ----------------------------------------------------------------------------------
  Console& console() { return *console_; }
  Value current_input, current_output, current_error;  // ports

  const Options& options() const { return options_; }

  // What a host hangs on the VM (the rank's world, a device): by key, destroyed with the VM.
  template <class T>
  T* Attachment(const char* key) const {
    auto it = attachments_.find(key);
    return it == attachments_.end() ? nullptr : static_cast<T*>(it->second.get());
  }
  void Attach(const char* key, std::shared_ptr<void> object) {
    attachments_[key] = std::move(object);
  }

 private:
  friend class Interpreter;
  friend class Loader;
  void TraceRoots(Marker& marker) override;
  void DropUnmarked() override;
  Value HandleInterrupt();
  void LoadExtension();
  bool EndedWell();
  bool PendingMatches(Value catch_tag) const;
  Value TakePayload();

  Options options_;
  SymbolTable names_;
  std::unique_ptr<Heap> heap_;
  std::unordered_map<Name, Value> symbols_;
  std::vector<Value> globals_;
  std::vector<Name> global_names_;
  std::unordered_map<Name, GlobalSlot> builtins_;
  std::unordered_map<std::string_view, std::shared_ptr<void>> attachments_;
  std::unique_ptr<Console> console_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<Loader> loader_;
  Pending pending_;
  Diagnostic diagnostic_;
  std::unordered_map<const Object*, Value> error_fields_;  // by what Payload returned
  std::function<Value(Vm&)> interrupt_hook_;
  std::atomic<bool> over_limit_{false};
  std::atomic<bool> terminating_{false};
  std::mutex termination_mutex_;
  std::string termination_message_ GUARDED_BY(termination_mutex_);
  std::deque<SourceFile> files_;
  ExtensionHook extension_;
  std::unordered_set<std::string_view> offered_names_;
  std::string extension_error_;
};

}  // namespace eta
