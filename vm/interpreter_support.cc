// What the dispatch loop does out of line: entering procedures the slow way, natives, unwinding.
#include <pthread.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>
#include <utility>

#include "vm/exception.h"
#include "vm/interpreter.h"
#include "vm/vm.h"
#include "vm/watch.h"

namespace eta {
namespace {

constexpr size_t kPageBytes = 4096;
// Slots that Run puts below the frame of `run_closure_`: the frame and pc of the run below it.
constexpr size_t kRunHeader = 3;

// What natives may take of the thread's stack before the next run.
constexpr size_t kLeastStackBytes = 512 << 10;

// Below that no run begins on this thread.
uintptr_t FindStackFloor() {
  pthread_attr_t attributes;
  void* lowest = nullptr;
  size_t bytes = 0;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
  pthread_attr_getstack(&attributes, &lowest, &bytes);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<uintptr_t>(lowest) + std::min(kLeastStackBytes, bytes / 2);
}

bool StackIsLow() {
  static thread_local const uintptr_t floor = FindStackFloor();
  return reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) < floor;
}

const Word* Address(Value v) { return reinterpret_cast<const Word*>(v.bits()); }
template <class T>
Value Raw(T* pointer) {
  return Value::FromBits(reinterpret_cast<uintptr_t>(pointer));
}

// Ends each run: the call's return address is its second word, whose predecessor says A = 0.
std::unique_ptr<Code> RunCode() {
  auto code = std::make_unique<Code>();
  code->name = "run";
  code->frame_size = 2;
  code->words = {Instruction(Op::kCall, 0, 0), Instruction(Op::kHalt)};
  return code;
}

// Return addresses in place of those into procedures that continuations need: one for each A field
// that a call may have, since the frame is found through it.
std::unique_ptr<Code> UnderflowCode() {
  auto code = std::make_unique<Code>();
  code->name = "underflow";
  for (uint32_t a = 0; a < 256; ++a) {
    code->words.push_back(Instruction(Op::kCall, a, 0));
    code->words.push_back(Instruction(Op::kUnderflow));
  }
  return code;
}

Value MakeClosureOf(Heap& heap, std::unique_ptr<Code> code) {
  const Root keep(heap, Value::Of(heap.NewCode(std::move(code))));
  return Value::Of(heap.Closure(As<CodeObject>(keep)->code, 0));
}

}  // namespace

Interpreter::Interpreter(Vm& vm, size_t stack_bytes) : vm_(vm), stack_bytes_(stack_bytes) {
  void* memory = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  // A huge page would be touched whole by the first call, and zeroed again by each collection.
  madvise(memory, stack_bytes, MADV_NOHUGEPAGE);
  stack_ = static_cast<Value*>(memory);
  stack_end_ = stack_ + stack_bytes / sizeof(Value);
  limit_.store(stack_end_, std::memory_order_relaxed);
  run_closure_ = MakeClosureOf(vm.heap(), RunCode());
  const Root keep(vm.heap(), run_closure_);  // the VM does not know this interpreter yet
  underflow_closure_ = MakeClosureOf(vm.heap(), UnderflowCode());
}

Interpreter::~Interpreter() { munmap(stack_, stack_bytes_); }

void Interpreter::BindPrimitives() {
  for (int op = 0; op < kOpCount; ++op) {
    if (kOps[op].builtin.empty()) continue;
    const GlobalSlot* slot = vm_.FindBuiltin(vm_.names().Intern(kOps[op].builtin));
    const auto* native = slot ? As<NativeObject>(vm_.globals()[*slot]) : nullptr;
    primitives_[op] = native ? native->def : nullptr;
  }
}

// The first slot that no frame or argument uses.
Value* Interpreter::FrameEnd() const {
  if (frame_ == nullptr) return stack_;
  Value* end = frame_ + RunningClosure()->code->frame_size;
  return std::max(end, in_flight_);
}

Value Interpreter::RunLoop(size_t handler_floor) {
  const bool watched = vm_.watch != nullptr && vm_.watch->on();
  return watched ? Loop<true>(handler_floor) : Loop<false>(handler_floor);
}

// Memory that the system refuses is an error of the program.
Value Interpreter::RunWindow(Value callee, Value* window, size_t count, size_t floor) {
  for (bool has_begun = false;;) {
    try {
      const bool goes_on = !std::exchange(has_begun, true) && BeginWindow(callee, window, count);
      return goes_on || Unwind(floor) ? RunLoop(floor) : Value::Failure();
    } catch (const std::bad_alloc&) {
      (void)vm_.Fail(kHeapError, "out of memory: the system gives no more");
    }
  }
}

// Enters the callee. False: something is pending.
bool Interpreter::BeginWindow(Value callee, Value* window, size_t count) {
  if (const auto* closure = As<ClosureObject>(callee)) {
    if (!EnterSlow(closure, window + 2, count)) return false;
    frame_ = window + 2;
    pc_ = closure->code->words.data();
    return true;
  }
  if (const auto* k = As<ContinuationObject>(callee)) {
    (void)StartEscape(k, window + 2, count);
  } else {
    (void)vm_.TypeError("Callee is not a function");
  }
  return false;
}

Value Interpreter::Run(Value callee, Args args) {
  if (StackIsLow()) [[unlikely]]
    return StackOverflow();
  if (vm_.watch != nullptr && vm_.watch->on()) vm_.watch->SeeCall(callee, args);
  if (const auto* native = As<NativeObject>(callee)) {
    Value* copy = FrameEnd();
    if (!HasRoom(copy + args.size())) return Value::Failure();
    std::copy(args.begin(), args.end(), copy);
    return CallNative(native, copy, args.size());
  }
  Value* header = FrameEnd();
  if (!HasRoom(header + kRunHeader + 2 + args.size())) return Value::Failure();
  header[0] = Raw(frame_);
  header[1] = Raw(pc_);
  header[2] = run_closure_;
  Value* window = header + kRunHeader;
  window[1] = callee;
  std::copy(args.begin(), args.end(), window + 2);
  Value* const outer_frame = frame_;
  const Word* const outer_pc = pc_;
  Value* const outer_in_flight = in_flight_;
  Value* const outer_base = run_base_;
  const Root outer_shared(vm_.heap(), shared_);
  const size_t floor = handlers_.size();
  const bool outermost = frame_ == nullptr;
  runs_.push_back(outermost ? 0 : ++run_count_);
  run_base_ = window;
  frame_ = window;
  in_flight_ = window + 2 + args.size();
  const Word* code = RunningClosure()->code->words.data();
  pc_ = code + 1;
  window[0] = Raw(code + 1);
  const Value result = RunWindow(callee, window, args.size(), floor);
  const Root keep(vm_.heap(), result);
  if (outermost) Unshare(run_base_ + 2);  // what may be entered again from the next such run
  shared_ = outer_shared;
  run_base_ = outer_base;
  runs_.pop_back();
  handlers_.resize(std::min(handlers_.size(), floor));
  frame_ = outer_frame;
  pc_ = outer_pc;
  in_flight_ = outer_in_flight;
  return result;
}

// Checks the argument count, makes the rest list, checks the stack and polls for interrupts. On
// success `args` holds exactly the parameters.
bool Interpreter::EnterSlow(const ClosureObject* closure, Value* args, size_t count) {
  const Code& code = *closure->code;
  if (count < code.required_args || (count > code.required_args && !code.has_rest)) {
    return !ArityError(code, count).IsFailure();
  }
  in_flight_ = std::max(in_flight_, args + count);
  if (!HasRoom(args + std::max<size_t>(code.frame_size, count))) return false;
  if (code.has_rest) {
    Value* rest = args + code.required_args;
    const size_t surplus = code.drops_rest ? 0 : count - code.required_args;
    const Value list = vm_.heap().List({rest, surplus});
    *rest = list;
  }
  in_flight_ = nullptr;
  return true;
}

Value Interpreter::ArityError(const Code& code, size_t count) {
  const std::string expected =
      (code.has_rest ? "at least " : "") + std::to_string(code.required_args);
  const std::string got = std::to_string(count);
  if (code.is_builtin) {
    return vm_.Fail(kInvalidArity, "Primitive expects " + expected + " argument(s), got " + got);
  }
  return vm_.Fail(kInvalidArity,
                  "Wrong number of arguments: expected " + expected + ", got " + got);
}

bool Interpreter::HasRoom(Value* frame_end) {
  if (frame_end <= limit_.load(std::memory_order_relaxed)) return true;
  if (frame_end > stack_end_) {
    return !StackOverflow().IsFailure();
  }
  return Safepoint();
}

Value Interpreter::StackOverflow() {
  return vm_.Fail(kHeapError, "stack overflow: the recursion is too deep");
}

// Some thread asked for attention: the limit was lowered. False: the program is to unwind.
bool Interpreter::Safepoint() {
  // In one step, so that a request is either seen here or leaves the limit lowered.
  limit_.exchange(stack_end_, std::memory_order_acq_rel);
  return !vm_.HandleInterrupt().IsFailure();
}

Value Interpreter::CallNative(const NativeObject* native, Value* args, size_t count) {
  const NativeDef& def = *native->def;
  const auto given = static_cast<int>(count);
  if (!def.Takes(given)) {
    const char* at_least = def.min_args == def.max_args || given > def.min_args ? "" : "at least ";
    const int expected = given < def.min_args ? def.min_args : def.max_args;
    return vm_.Fail(kInvalidArity, "Primitive expects " + std::string(at_least) +
                                       std::to_string(expected) + " argument(s), got " +
                                       std::to_string(count));
  }
  Value* const outer = in_flight_;
  in_flight_ = std::max(in_flight_, args + count);
  const Value result = def.fn(vm_, {args, count});
  in_flight_ = outer;
  if (limit_.load(std::memory_order_relaxed) == nullptr && !result.IsFailure()) [[unlikely]] {
    Root keep(vm_.heap(), result);
    if (!Safepoint()) return Value::Failure();
  }
  return result;
}

Value Interpreter::Primitive(Op op, Value a, Value b, Value c) {
  const Value args[] = {a, b, c};
  const NativeDef* def = primitives_[static_cast<int>(op)];
  const int count = def->Takes(2) ? 2 : def->min_args;
  return def->fn(vm_, {args, static_cast<size_t>(count)});
}

// Replaces the last argument of a window, a list, by its elements.
bool Interpreter::SpreadList(Value* window, size_t* count) {
  Value* end = window + 2 + *count - 1;
  Value list = *end;
  for (; IsPair(list); list = Cdr(list)) {
    if (end == stack_end_) return !StackOverflow().IsFailure();
    *end++ = Car(list);
  }
  if (!list.IsNil()) {
    const bool is_swapped = IsProcedure(list) && !IsProcedure(window[1]);
    const std::string hint = is_swapped ? "; the procedure comes first" : "";
    return !vm_.TypeError("apply: last argument is not a proper list" + hint).IsFailure();
  }
  *count = static_cast<size_t>(end - (window + 2));
  return true;
}

// Replaces the packet in R[A+2] of a window by its values. A single value is its own packet.
void Interpreter::SpreadPacket(Value* window, size_t* count) {
  *count = 1;
  if (auto* packet = As<ValuesObject>(window[2])) {
    *count = packet->length;
    const std::span<Value> values = packet->span();
    std::copy(values.begin(), values.end(), window + 2);
  }
}

Value Interpreter::MakeClosure(Value code_constant) {
  const Code* code = static_cast<CodeObject*>(code_constant.AsObject())->code;
  ClosureObject* made = vm_.heap().Closure(code, static_cast<uint32_t>(code->captures.size()));
  const ClosureObject* running = RunningClosure();
  Value* to = made->captures;
  for (const Code::Capture& capture : code->captures) {
    *to++ = capture.from_register ? frame_[capture.index] : running->captures[capture.index];
  }
  return Value::Of(made);
}

// Calling a continuation: leaves everything up to the call/cc that made it, or up to what its
// procedures have in common with those that run.
Value Interpreter::StartEscape(const ContinuationObject* k, Value* args, size_t count) {
  const bool active = std::any_of(handlers_.begin(), handlers_.end(), [&](const Handler& h) {
    return h.kind == Handler::Kind::kEscape && h.id == k->handler_id;
  });
  if (!active && !CanReenter(k)) {
    return vm_.Fail(kTypeError,
                    "continuation: a native procedure on its way has returned in the meantime");
  }
  in_flight_ = args + count;  // and so the continuation stays alive, in front of them
  escape_.value = count == 1 ? args[0] : vm_.heap().Values({args, count});
  if (active) {
    escape_.handler_id = k->handler_id;
  } else {
    escape_.reentered = Value::Of(k);
  }
  return Value::Failure();
}

bool Interpreter::Matches(const Handler& handler) const {
  if (escape_.handler_id != 0) {
    return handler.kind == Handler::Kind::kEscape && handler.id == escape_.handler_id;
  }
  if (handler.kind == Handler::Kind::kHandler) {
    return !handler.value.IsNil() && vm_.PendingMatches(Value::False());
  }
  return handler.kind == Handler::Kind::kCatch && vm_.PendingMatches(handler.value);
}

// The innermost entry that handles what is unwinding, of all runs; the size of the stack if none.
size_t Interpreter::FindHandler() const {
  size_t mask = escape_.handler_id != 0 ? 0 : masked_.size();
  for (size_t i = handlers_.size(); i > 0;) {
    if (mask > 0 && masked_[mask - 1].end == i) {
      i = masked_[--mask].begin;
    } else if (Matches(handlers_[--i])) {
      return i;
    }
  }
  return handlers_.size();
}

Value Interpreter::TakePayload(const Handler& handler) {
  if (escape_.handler_id == 0) {
    return handler.value.IsTrue() ? NewException(vm_, vm_.TakePending()) : vm_.TakePayload();
  }
  escape_.handler_id = 0;
  return std::exchange(escape_.value, Value::Nil());
}

// Leaves frames down to the one that handles what is pending, running dynamic-wind thunks on the
// way. False: nothing in this run handles it, so the run ends.
bool Interpreter::Unwind(size_t handler_floor) {
  in_flight_ = nullptr;
  while (true) {
    if (IsReentry()) {
      const auto* segment = As<SegmentObject>(As<ContinuationObject>(escape_.reentered)->segment);
      const size_t common = CommonHandlers(segment);
      if (handlers_.size() > std::max(common, handler_floor)) {
        LeaveHandler();
      } else if (segment->run != runs_.back()) {
        return false;
      } else if (Reenter()) {
        return true;
      }
      continue;
    }
    const size_t match = FindHandler();
    if (match == handlers_.size()) return false;  // unhandled: thunks do not run
    if (handlers_[match].kind == Handler::Kind::kHandler) {
      HandleInPlace(match);
      continue;
    }
    if (handlers_.size() <= handler_floor) return false;
    const Handler handler = handlers_.back();
    if (handlers_.size() == match + 1) {
      Unshare(handler.frame);
      handlers_.pop_back();
      frame_ = handler.frame;
      const Value payload = TakePayload(handler);
      frame_[handler.target] = payload;
      pc_ = handler.resume;
      return true;
    }
    LeaveHandler();
  }
}

// Drops the innermost handler while something is pending. An error inside the thunk of a
// dynamic-wind takes the place of what was pending.
void Interpreter::LeaveHandler() {
  const Handler handler = handlers_.back();
  Unshare(handler.frame);  // while its handlers are still there
  handlers_.pop_back();
  if (handler.kind == Handler::Kind::kWind) RunAfterThunk(handler.value);
}

Value Interpreter::CallHandler(size_t index, Value payload) {
  masked_.push_back({index, handlers_.size()});
  const Value result = Run(handlers_[index].value, {&payload, 1});
  masked_.pop_back();
  return result;
}

// Lets an exception handler look at what is pending. It must leave; if it returns, or fails itself,
// that is pending for those outside of it.
void Interpreter::HandleInPlace(size_t index) {
  const Root payload(vm_.heap(), vm_.TakePayload());
  if (!CallHandler(index, payload).IsFailure()) {
    (void)vm_.Fail(kUserError,
                   "with-exception-handler: the handler returned, but only after "
                   "raise-continuable can the program go on");
  }
  if (vm_.pending().kind != Vm::Pending::Kind::kNone) handlers_[index].value = Value::Nil();
}

Value Interpreter::RaiseContinuable(Value value) {
  (void)vm_.Raise(Value::False(), value);
  const size_t match = FindHandler();
  if (match == handlers_.size() || handlers_[match].kind != Handler::Kind::kHandler) {
    return Value::Failure();
  }
  (void)vm_.TakePending();
  return CallHandler(match, value);
}

bool Interpreter::WantsTrace() const {
  const size_t match = FindHandler();
  if (match == handlers_.size()) return true;
  const Handler& handler = handlers_[match];
  return handler.kind != Handler::Kind::kCatch || handler.value.IsTrue();
}

bool Interpreter::RunAfterThunk(Value thunk) {
  Root keep_value(vm_.heap(), escape_.value), keep_reentered(vm_.heap(), escape_.reentered);
  const uint64_t escape_id = std::exchange(escape_, {}).handler_id;
  Vm::Pending pending = vm_.TakePending();
  Root tag(vm_.heap(), pending.tag), payload(vm_.heap(), pending.payload);
  if (Run(thunk, {}).IsFailure()) return false;
  escape_ = {escape_id, keep_value, keep_reentered};
  if (pending.kind != Vm::Pending::Kind::kNone) (void)vm_.Resume(std::move(pending));
  return true;
}

// Calls f(code, span) for the forms being executed, innermost first, as long as it returns true.
template <class F>
void Interpreter::WalkFrames(const F& f) const {
  Value* frame = frame_;
  const Word* pc = pc_;
  while (frame != nullptr) {
    if (frame[-1] == run_closure_) {
      pc = Address(frame[-2]);
      frame = reinterpret_cast<Value*>(frame[-3].bits());
      continue;
    }
    const Code& code = *As<ClosureObject>(frame[-1])->code;
    // An instruction's own word is before `pc`; at a procedure's first word nothing was executed
    // yet.
    const auto word = static_cast<uint32_t>(pc - code.words.data());
    if (!f(code, code.SpanAt(word == 0 ? 0 : word - 1))) return;
    pc = ReturnAddress(frame - 2);
    frame = frame - 2 - FieldA(pc[-1]);
  }
}

bool Interpreter::IsProgram(const SourceSpan& span) const {
  const SourceFile* file = vm_.File(span);
  return file != nullptr && !file->is_library;
}

std::vector<TraceFrame> Interpreter::Trace() const {
  std::vector<TraceFrame> frames;
  bool has_own = false;
  WalkFrames([&](const Code& code, const SourceSpan& span) {
    const bool is_own = IsProgram(span);
    if (is_own || frames.size() < kTraceFrames) frames.push_back({code.name, span});
    has_own |= is_own;
    return !has_own || frames.size() < kTraceFrames;
  });
  return frames;
}

SourceSpan Interpreter::CurrentSpan() const {
  std::optional<SourceSpan> innermost, own;
  size_t left = kTraceFrames;
  WalkFrames([&](const Code&, const SourceSpan& span) {
    if (!innermost) innermost = span;
    if (IsProgram(span)) own = span;
    return !own && --left > 0;
  });
  return own ? *own : innermost.value_or(SourceSpan{});
}

void Interpreter::TraceRoots(Marker& marker) {
  Value* end = FrameEnd();
  marker.MarkAll({stack_, end});
  marker.Mark(run_closure_);
  marker.Mark(underflow_closure_);
  marker.Mark(shared_);
  marker.Mark(escape_.value);
  marker.Mark(escape_.reentered);
  for (const Handler& handler : handlers_) marker.Mark(handler.value);
  // Dead slots may name freed objects; they must not be mistaken for live ones later.
  auto address = reinterpret_cast<uintptr_t>(end);
  const uintptr_t page = (address + kPageBytes - 1) & ~(kPageBytes - 1);
  std::memset(reinterpret_cast<void*>(address), 0, page - address);
  const auto stack_end = reinterpret_cast<uintptr_t>(stack_end_);
  if (page < stack_end) {
    madvise(reinterpret_cast<void*>(page), stack_end - page, MADV_DONTNEED);
  }
}

}  // namespace eta
