// Interpreter: runs bytecode on a stack of its own.
//
// The stack is one reserved mapping that never moves, so recursion is bounded by memory and natives
// may hold pointers to their arguments. A frame is a window of registers R[0..frame_size):
//
//   R[-2]  return address: the word after the call; the caller's R is found through its A field
//   R[-1]  the running closure
//   R[0]   arguments, variables, temporaries
//
// Return addresses are stored as they are: their bits are those of tiny doubles, which the
// collector ignores. A run started by C++ (Run) begins with a frame of `run_closure_` that
// remembers the frame below. Registers above the current frame are dead; the collector clears them.
//
// Continuations are re-entrant: calling one puts back the frames that have returned since, from
// copies that are made frame by frame as they return (vm/continuations.cc). A continuation whose
// way leads through a native that called back ends with that call: later it can no longer be
// entered.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "vm/code.h"
#include "vm/heap.h"

namespace eta {

class Vm;

struct TraceFrame {
  std::string name;
  SourceSpan span;
};

class Interpreter {
 public:
  Interpreter(Vm& vm, size_t stack_bytes);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // Looks up the natives behind the primitive opcodes. Once, when the builtins are there.
  void BindPrimitives();

  // Calls `callee`; Failure when something is pending. Runs nest, through natives.
  Value Run(Value callee, Args args);

  // A raise after which the program may go on: the value of the innermost exception handler, or
  // Failure with something pending.
  Value RaiseContinuable(Value value);

  // Thread safety: any thread; async-signal-safe.
  // Release: what was written before it is visible at the safepoint.
  void RequestInterrupt() { limit_.store(nullptr, std::memory_order_release); }

  // How many forms are looked at, from the innermost outwards.
  static constexpr size_t kTraceFrames = 32;
  // The span of the form being executed, and of its callers, innermost first; and one of the
  // program itself, however far out, if none of these is.
  std::vector<TraceFrame> Trace() const;
  // Whether somebody may ask for the trace of what is pending: not if a catch form takes the value.
  bool WantsTrace() const;
  // See Vm. Takes no memory.
  SourceSpan CurrentSpan() const;

  void TraceRoots(Marker& marker);

 private:
  template <class F>
  void WalkFrames(const F& f) const;
  bool IsProgram(const SourceSpan& span) const;  // as opposed to the library
  bool IsInterrupted() const { return limit_.load(std::memory_order_relaxed) == nullptr; }
  // An entry of the handler stack: a catch form, the extent of a call/cc, of a dynamic-wind or of
  // an exception handler, which is called where something is raised, before anything is left.
  struct Handler {
    enum class Kind : uint8_t { kCatch, kEscape, kWind, kHandler } kind;
    uint8_t target;      // the register that gets the payload; kWind: that holds the thunk
    Value value;         // kCatch: tag symbol, #f for all, #t for all as exception objects;
                         // kWind: the `after` thunk; kHandler: the procedure, () once it returned
    Value* frame;        // of the procedure that contains the form
    const Word* resume;  // kCatch, kEscape: where to go on
    uint64_t id;         // kEscape: what its continuation object names; never used twice
  };
  // Why a run is being left, when that is not Vm::pending_.
  struct Escape {
    uint64_t handler_id = 0;  // 0: none
    Value value;
    Value reentered;  // the continuation, if its entry is no longer there
  };

  // Runs from (frame_, pc_) until kHalt; the result, or Failure with something pending. The watched
  // loop shows Vm::watch each instruction first.
  template <bool watched>
  Value Loop(size_t handler_floor);
  Value RunWindow(Value callee, Value* window, size_t count, size_t floor);
  bool BeginWindow(Value callee, Value* window, size_t count);
  Value RunLoop(size_t handler_floor);
  Value* FrameEnd() const;
  const ClosureObject* RunningClosure() const { return As<ClosureObject>(frame_[-1]); }

  // Steps of the loop that are not inline. Those that return bool fail with something pending.
  bool EnterSlow(const ClosureObject* closure, Value* args, size_t count);
  bool HasRoom(Value* frame_end);
  Value StackOverflow();
  bool Safepoint();
  Value CallNative(const NativeObject* native, Value* args, size_t count);
  Value Primitive(Op op, Value a, Value b, Value c = Value::Nil());
  bool SpreadList(Value* window, size_t* count);
  void SpreadPacket(Value* window, size_t* count);
  Value ArityError(const Code& code, size_t count);
  Value MakeClosure(Value code_constant);
  Value StartEscape(const ContinuationObject* k, Value* args, size_t count);

  // Continuations that may outlive their call/cc.
  Value Capture(uint64_t id, Value* window, const Word* resume);
  void Unshare(Value* frame) {
    if (!shared_.IsNil()) UnshareSlow(frame);
  }
  void UnshareSlow(Value* frame);
  void Save(SegmentObject* segment);
  const Word* Underflow();
  const Word* ReturnAddress(const Value* window) const;
  bool CanReenter(const ContinuationObject* k) const;
  bool IsReentry() const { return !escape_.reentered.IsNil(); }
  std::vector<Handler> HandlersOf(const SegmentObject* segment) const;
  size_t CommonHandlers(const SegmentObject* segment) const;
  void PutBack(const SegmentObject* top);
  bool Reenter();
  bool ReenterHandlers(const std::vector<Handler>& handlers);

  bool Unwind(size_t handler_floor);
  void LeaveHandler();
  Value CallHandler(size_t index, Value payload);
  void HandleInPlace(size_t index);
  size_t FindHandler() const;
  bool Matches(const Handler& handler) const;
  Value TakePayload(const Handler& handler);
  bool RunAfterThunk(Value thunk);

  Vm& vm_;
  Value* stack_;
  Value* stack_end_;
  const size_t stack_bytes_;
  // Calls fail the bounds check when a frame would end above it: the end of the stack, or null to
  // make every call and loop take the slow way through Safepoint.
  std::atomic<Value*> limit_;
  Value* frame_ = nullptr;      // R of the running procedure, null when none runs
  const Word* pc_ = nullptr;    // behind the instruction being executed
  Value* in_flight_ = nullptr;  // end of arguments that reach beyond the frame, or null
  std::vector<Handler> handlers_;
  // Stretches of `handlers_` that do not count for what is raised: while an exception handler runs,
  // itself and those inside it.
  struct Masked {
    size_t begin, end;
  };
  std::vector<Masked> masked_;
  Escape escape_;
  uint64_t next_handler_id_ = 1;
  Value run_closure_;
  Value underflow_closure_;     // keeps the words of `Underflow` return addresses
  Value shared_;                // the topmost segment on the stack that a continuation needs, or ()
  Value* run_base_ = nullptr;   // where the segments of the innermost run can begin
  std::vector<uint64_t> runs_;  // the active runs; 0: one that no native called
  uint64_t run_count_ = 0;
  const NativeDef* primitives_[kOpCount] = {};
};

}  // namespace eta
