// Re-entrant continuations, after the incremental stack/heap strategy (W. Clinger, A. Hartheimer
// and E. Ost, "Implementation Strategies for First-Class Continuations", 1999).
//
// call/cc copies nothing. It makes a segment of the stretch of the stack from the last segment up
// to the call, and what lies in a segment is not changed any more: before a procedure in it goes
// on, its frame is copied and the rest of the segment becomes one of its own, whose return address
// now leads to `Underflow`, which does the same again. So each return into a segment copies one
// frame, an unwinding copies what it drops, and a continuation that nobody calls again costs no
// more.
//
// `shared_` is the topmost segment that still stands on the stack; those below follow by `next`.
// Frames never move: a segment is put back where it was.
#include <algorithm>

#include "base/check.h"
#include "vm/interpreter.h"
#include "vm/vm.h"

namespace eta {
namespace {

// How many elements of a saved segment stand for one handler.
constexpr size_t kHandlerParts = 6;

template <class T>
Value Raw(T* pointer) {
  return Value::FromBits(reinterpret_cast<uintptr_t>(pointer));
}
template <class T>
T* Pointer(Value raw) {
  return reinterpret_cast<T*>(raw.bits());
}

const Word* Resume(const SegmentObject* segment) {
  return static_cast<const Word*>(segment->resume);
}

bool IsSaved(const SegmentObject* segment) { return !segment->saved.IsNil(); }

}  // namespace

// The continuation of a call whose window this is.
Value Interpreter::Capture(uint64_t id, Value* window, const Word* resume) {
  const auto* below = As<SegmentObject>(shared_);
  Value* begin = below ? std::max(below->end, run_base_) : run_base_;
  shared_ = Value::Of(vm_.heap().Segment(shared_, begin, window, resume, runs_.back()));
  ContinuationObject* continuation = vm_.heap().Continuation(id);
  continuation->segment = shared_;
  return Value::Of(continuation);
}

// The words of `Underflow` return addresses come in pairs: one that names A, one to go on at.
const Word* Interpreter::ReturnAddress(const Value* window) const {
  const auto* pc = Pointer<const Word>(window[0]);
  const std::vector<Word>& words = As<ClosureObject>(underflow_closure_)->code->words;
  if (pc < words.data() || pc >= words.data() + words.size()) return pc;
  const auto* segment = As<SegmentObject>(shared_);
  while (segment && segment->end != window) segment = As<SegmentObject>(segment->next);
  ETA_CHECK(segment != nullptr);
  return Resume(segment);
}

// Makes the frame one that may change, and all above it: copies them into their segments.
void Interpreter::UnshareSlow(Value* frame) {
  Value* const floor = frame - 2;
  while (auto* segment = As<SegmentObject>(shared_)) {
    if (segment->end <= floor) return;
    if (segment->begin < floor) {
      const Word* resume = ReturnAddress(floor);
      SegmentObject* rest =
          vm_.heap().Segment(segment->next, segment->begin, floor, resume, segment->run);
      segment->next = Value::Of(rest);
      segment->begin = floor;
      Save(segment);
      const auto& words = As<ClosureObject>(underflow_closure_)->code->words;
      *floor = Raw(&words[2 * FieldA(resume[-1]) + 1]);
    } else {
      Save(segment);
    }
    shared_ = segment->next;
  }
}

// The stack from begin to end, then the handlers of its frames. `handlers_` is in the frames'
// order.
void Interpreter::Save(SegmentObject* segment) {
  const auto first = std::ranges::upper_bound(handlers_, segment->begin, {}, &Handler::frame);
  const auto last = std::ranges::upper_bound(handlers_, segment->end, {}, &Handler::frame);
  const auto size = static_cast<size_t>(segment->end - segment->begin);
  const auto count = static_cast<size_t>(last - first);
  segment->saved = vm_.heap().Vector(size + kHandlerParts * count, Value::Nil());
  Value* to = As<VectorObject>(segment->saved)->elements;
  to = std::copy(segment->begin, segment->end, to);
  for (const Handler& h : std::ranges::subrange(first, last)) {
    const Value parts[kHandlerParts] = {Value::Int(static_cast<int>(h.kind)),
                                        Value::Int(h.target),
                                        h.value,
                                        Raw(h.frame),
                                        Raw(h.resume),
                                        Value::FromBits(h.id)};
    to = std::copy(std::begin(parts), std::end(parts), to);
  }
}

// A procedure of a segment returned to the one below it, where that segment now ends.
const Word* Interpreter::Underflow() {
  const Word* resume = Resume(As<SegmentObject>(shared_));
  Unshare(frame_);
  return resume;
}

// --- Re-entry -----------------------------------------------------------------------------------

bool Interpreter::CanReenter(const ContinuationObject* k) const {
  const auto* segment = As<SegmentObject>(k->segment);
  return segment && std::ranges::find(runs_, segment->run) != runs_.end();
}

// The handlers that were there when the continuation was made.
std::vector<Interpreter::Handler> Interpreter::HandlersOf(const SegmentObject* segment) const {
  std::vector<const SegmentObject*> chain;
  for (; segment && IsSaved(segment); segment = As<SegmentObject>(segment->next)) {
    chain.push_back(segment);
  }
  std::vector<Handler> result;
  for (const Handler& h : handlers_) {
    if (segment ? h.frame <= segment->end : h.frame < run_base_) result.push_back(h);
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const std::span<Value> parts = As<VectorObject>((*it)->saved)->span();
    for (size_t i = (*it)->end - (*it)->begin; i < parts.size(); i += kHandlerParts) {
      result.push_back({static_cast<Handler::Kind>(parts[i].AsInt()),
                        static_cast<uint8_t>(parts[i + 1].AsInt()), parts[i + 2],
                        Pointer<Value>(parts[i + 3]), Pointer<const Word>(parts[i + 4]),
                        parts[i + 5].bits()});
    }
  }
  return result;
}

// How many of the handlers, from the outermost on, the continuation has too.
size_t Interpreter::CommonHandlers(const SegmentObject* segment) const {
  const std::vector<Handler> theirs = HandlersOf(segment);
  const size_t limit = std::min(handlers_.size(), theirs.size());
  size_t count = 0;
  while (count < limit && handlers_[count].id == theirs[count].id) ++count;
  return count;
}

// Copies the frames of the segments back that are no longer on the stack.
void Interpreter::PutBack(const SegmentObject* top) {
  std::vector<const SegmentObject*> chain;
  const SegmentObject* segment = top;
  for (; segment && IsSaved(segment); segment = As<SegmentObject>(segment->next)) {
    chain.push_back(segment);
  }
  Unshare((segment ? std::max(segment->end, run_base_) : run_base_) + 2);
  const auto& words = As<ClosureObject>(underflow_closure_)->code->words;
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const SegmentObject* s = *it;
    std::copy_n(As<VectorObject>(s->saved)->elements, s->end - s->begin, s->begin);
    const auto* below = As<SegmentObject>(s->next);
    if (!below || below->end != s->begin) continue;  // the first of its run
    const Word* resume = Resume(below);
    *s->begin = IsSaved(below) ? Raw(resume) : Raw(&words[2 * FieldA(resume[-1]) + 1]);
  }
}

// Goes on where the continuation was made; what it does not share with the running procedures was
// left before. False: a `before` thunk failed.
bool Interpreter::Reenter() {
  const Root k(vm_.heap(), escape_.reentered), value(vm_.heap(), escape_.value);
  escape_ = {};
  const auto* top = As<SegmentObject>(As<ContinuationObject>(k)->segment);
  std::vector<Handler> handlers = HandlersOf(top);
  PutBack(top);
  pc_ = Resume(top);
  frame_ = top->end - FieldA(pc_[-1]);
  if (!ReenterHandlers(handlers)) return false;
  *top->end = value;
  return true;
}

// Sets the handlers, and runs the `before` thunks of those that are entered.
bool Interpreter::ReenterHandlers(const std::vector<Handler>& handlers) {
  const size_t common = handlers_.size();
  for (size_t i = common; i < handlers.size(); ++i) {
    const Handler& handler = handlers[i];
    // The emitter puts the thunks side by side.
    if (handler.kind == Handler::Kind::kWind &&
        Run(handler.frame[handler.target - 2], {}).IsFailure()) {
      return false;
    }
    handlers_.push_back(handler);
  }
  return true;
}

}  // namespace eta
