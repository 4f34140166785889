#include "vm/vm.h"

#include <algorithm>

#include "vm/builtins/builtins.h"
#include "vm/loader.h"
#include "vm/special_forms.h"
#include "vm/watch.h"

namespace eta {
namespace {

// GetGlobal's operand is 16 bits wide.
constexpr size_t kMaxGlobals = 65536;
// What a symbol takes outside the heap, besides the bytes of its name.
constexpr size_t kNameBytes = 112;

size_t StackBytes(const Vm::Options& options) {
  if (options.stack_bytes != 0) return options.stack_bytes;
  return std::clamp(options.heap.limit_bytes / 4, size_t{64} << 20, size_t{8} << 30);
}

}  // namespace

Vm::Vm(Options options) : options_(std::move(options)) {
  globals_.reserve(kMaxGlobals);  // the interpreter relies on the array staying where it is
  Heap::Options heap_options = options_.heap;
  heap_options.on_limit = [this] {
    over_limit_.store(true, std::memory_order_relaxed);
    RequestInterrupt();
  };
  console_ = options_.console ? std::move(options_.console) : MakeProcessConsole();
  heap_ = std::make_unique<Heap>(static_cast<RootSource*>(this), std::move(heap_options));
  interpreter_ = std::make_unique<Interpreter>(*this, StackBytes(options_));
  loader_ = std::make_unique<Loader>(*this);
  InstallBuiltins(*this);
  interpreter_->BindPrimitives();
  loader_->LoadPrelude();
}

Vm::~Vm() {
  loader_.reset();
  interpreter_.reset();
  heap_.reset();  // finalizers may still use attachments
}

Value Vm::Symbol(Name name) {
  auto [it, is_new] = symbols_.try_emplace(name, Value::Nil());
  if (is_new) {
    heap_->AddExternalBytes(static_cast<int64_t>(kNameBytes + name->size()));
    it->second = heap_->Symbol(name);
  }
  return it->second;
}

// --- Failing ------------------------------------------------------------------------------------

Value Vm::Fail(std::string_view tag, std::string message) {
  pending_ = Pending{Pending::Kind::kRuntime, Symbol(tag), {}, std::move(message)};
  pending_.trace = interpreter_->Trace();
  return Value::Failure();
}

Value Vm::FailWith(std::string_view tag, std::string message, Value fields) {
  const Root keep(*heap_, fields);
  (void)Fail(tag, std::move(message));
  pending_.payload = keep;
  return Value::Failure();
}

Value Vm::Raise(Value tag, Value value) {
  pending_ = Pending{Pending::Kind::kRaise, tag, value};
  if (interpreter_->WantsTrace()) {
    pending_.trace = interpreter_->Trace();
  } else {
    // Natives that the raise passes through tell other replicas where it happened.
    pending_.trace.push_back({"", interpreter_->CurrentSpan()});
  }
  return Value::Failure();
}

Value Vm::Exit(int status) {
  pending_ = Pending{Pending::Kind::kExit};
  pending_.status = status;
  pending_.trace = interpreter_->Trace();
  return Value::Failure();
}

Value Vm::Terminate(std::string message) {
  pending_ = Pending{Pending::Kind::kTerminated, {}, {}, std::move(message)};
  pending_.trace = interpreter_->Trace();
  return Value::Failure();
}

Vm::Pending Vm::TakePending() { return std::exchange(pending_, Pending{}); }

Value Vm::Resume(Pending pending) {
  pending_ = std::move(pending);
  return Value::Failure();
}

bool Vm::PendingMatches(Value catch_tag) const {
  const bool raised = pending_.kind == Pending::Kind::kRaise;
  const bool runtime = pending_.kind == Pending::Kind::kRuntime;
  if (!raised && !runtime) return false;
  if (catch_tag.IsBool() || catch_tag == pending_.tag) return true;
  return runtime && SymbolName(catch_tag) == kRuntimeError;
}

Value Vm::TakePayload() {
  const Pending pending = TakePending();
  const Root tag(*heap_, pending.tag), payload(*heap_, pending.payload);
  return Payload(pending);
}

Value Vm::RaiseContinuable(Value value) { return interpreter_->RaiseContinuable(value); }

Value Vm::Payload(const Pending& pending) {
  if (pending.kind == Pending::Kind::kRaise) return pending.payload;
  RootVector trace(*heap_);
  for (const TraceFrame& frame : pending.trace) {
    RootVector items(*heap_);
    items.push_back(Symbol("frame"));
    items.push_back(String(frame.name));
    items.push_back(SpanValue(frame.span));
    trace.push_back(heap_->List(items.span()));
  }
  RootVector payload(*heap_);
  payload.push_back(Symbol("runtime-error"));
  payload.push_back(pending.tag);
  payload.push_back(String(pending.message));
  payload.push_back(SpanValue(pending.trace.empty() ? SourceSpan{0} : pending.trace[0].span));
  payload.push_back(heap_->List(trace.span()));
  const Value list = heap_->List(payload.span());
  if (!pending.payload.IsNil()) error_fields_[list.AsObject()] = pending.payload;
  return list;
}

Value Vm::FieldsOf(Value payload) const {
  const auto found =
      payload.IsObject() ? error_fields_.find(payload.AsObject()) : error_fields_.end();
  return found == error_fields_.end() ? Value::Nil() : found->second;
}

void Vm::DropUnmarked() {
  std::erase_if(error_fields_, [](const auto& entry) { return !entry.first->marked; });
}

Value Vm::SpanValue(const SourceSpan& span) {
  const Value items[] = {
      Symbol("span"),          Value::Int(span.file),     Value::Int(span.line),
      Value::Int(span.column), Value::Int(span.end_line), Value::Int(span.end_column)};
  return heap_->List(items);
}

// --- Running ------------------------------------------------------------------------------------

Value Vm::Call(Value callee, Args args) { return interpreter_->Run(callee, args); }

bool Vm::RunFile(const std::string& path) {
  diagnostic_ = {};
  return loader_->RunFile(path) && EndedWell();
}

bool Vm::RunText(std::string_view text, const std::string& name) {
  diagnostic_ = {};
  return loader_->RunText(text, name) && EndedWell();
}

bool Vm::EndedWell() { return final_status == 0 || !Exit(final_status).IsFailure(); }

bool Vm::RunSubmission(std::string_view text, const std::string& name, Value* result) {
  diagnostic_ = {};
  return loader_->RunSubmission(text, name, result);
}

Result<Value> Vm::CompileExpression(Value expression) {
  return loader_->CompileExpression(expression);
}

Compilation Vm::Compile(const SourceFile& program, Product product,
                        const std::string& image_directory) {
  diagnostic_ = {};
  return loader_->Compile(program, product, image_directory);
}

SourceSpan Vm::CurrentSpan() const { return interpreter_->CurrentSpan(); }

const SourceFile* Vm::File(const SourceSpan& span) const {
  return span.file == 0 || span.file > files_.size() ? nullptr : &files_[span.file - 1];
}

uint32_t Vm::AddFile(const SourceFile& file) {
  for (size_t i = 0; i < files_.size(); ++i) {
    if (files_[i].path == file.path && files_[i].text == file.text) {
      return static_cast<uint32_t>(i + 1);
    }
  }
  files_.push_back(file);
  return static_cast<uint32_t>(files_.size());
}

// --- Interrupts ---------------------------------------------------------------------------------

void Vm::RequestInterrupt() {
  if (interpreter_) interpreter_->RequestInterrupt();
}

void Vm::RequestTermination(std::string message) {
  {
    std::lock_guard lock(termination_mutex_);
    termination_message_ = std::move(message);
  }
  // Release: the message is there when the flag is seen.
  terminating_.store(true, std::memory_order_release);
  RequestInterrupt();
}

Value Vm::HandleInterrupt() {
  if (terminating_.load(std::memory_order_acquire)) {
    std::lock_guard lock(termination_mutex_);
    return Terminate(termination_message_);
  }
  // First: a program may catch what follows, and a host asks only once.
  if (interrupt_hook_ && interrupt_hook_(*this).IsFailure()) return Value::Failure();
  if (over_limit_.exchange(false, std::memory_order_relaxed)) {
    // The program may have let go of it since, by catching what a builtin said of the same.
    heap_->Collect();
    if (!over_limit_.exchange(false, std::memory_order_relaxed)) return Value::Nil();
    return Fail(kHeapError,
                "heap limit of " + std::to_string(options_.heap.limit_bytes) + " bytes exceeded");
  }
  return Value::Nil();
}

// --- Globals and builtins ------------------------------------------------------------------------

std::optional<GlobalSlot> Vm::NewGlobal(Name name) {
  if (globals_.size() == kMaxGlobals) return std::nullopt;
  globals_.push_back(Value::Nil());
  global_names_.push_back(name);
  return static_cast<GlobalSlot>(globals_.size() - 1);
}

bool Vm::IsBuiltin(GlobalSlot slot) const {
  const auto it = builtins_.find(global_names_[slot]);
  return it != builtins_.end() && it->second == slot;
}

void Vm::DefineNatives(std::span<const NativeDef> natives) {
  for (const NativeDef& def : natives) {
    const Name name = names_.Intern(def.name);
    const std::optional<GlobalSlot> slot = NewGlobal(name);
    ETA_CHECK(slot && !builtins_.contains(name));
    globals_[*slot] = heap_->Native(&def);
    builtins_[name] = *slot;
  }
}

const GlobalSlot* Vm::FindBuiltin(Name name) {
  auto it = builtins_.find(name);
  if (it == builtins_.end() && extension_ && offered_names_.contains(*name)) {
    LoadExtension();
    it = builtins_.find(name);
  }
  return it == builtins_.end() ? nullptr : &it->second;
}

void Vm::LoadExtension() {
  const ExtensionHook load = std::exchange(extension_, nullptr);
  auto loaded = load(*this);
  if (!loaded) extension_error_ = std::move(loaded.error());
}

const std::string* Vm::ExtensionError(Name name) const {
  const bool failed = !extension_error_.empty() && offered_names_.contains(*name);
  return failed ? &extension_error_ : nullptr;
}

std::vector<std::string_view> Vm::BuiltinNames() const {
  std::vector<std::string_view> names(offered_names_.begin(), offered_names_.end());
  for (const auto& [name, slot] : builtins_) names.push_back(*name);
  return names;
}

std::vector<std::string_view> Vm::VisibleNames() const {
  std::vector<std::string_view> names = BuiltinNames();
  for (const SpecialForm& form : SpecialForms()) names.push_back(form.name);
  for (Name name : loader_->SubmittedNames()) names.push_back(*name);
  return names;
}

void Vm::SetExtension(ExtensionHook hook, std::vector<std::string_view> offered_names) {
  extension_ = std::move(hook);
  offered_names_ = {offered_names.begin(), offered_names.end()};
}

void Vm::TraceRoots(Marker& marker) {
  for (const auto& [name, symbol] : symbols_) marker.Mark(symbol);
  marker.MarkAll(globals_);
  marker.Mark(pending_.tag);
  marker.Mark(pending_.payload);
  marker.Mark(current_input);
  marker.Mark(current_output);
  marker.Mark(current_error);
  for (const auto& [payload, fields] : error_fields_) marker.Mark(fields);
  if (interpreter_) interpreter_->TraceRoots(marker);
  if (watch != nullptr) watch->Trace(marker);
}

}  // namespace eta
