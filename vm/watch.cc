#include "vm/watch.h"

#include <algorithm>

#include "vm/heap.h"
#include "vm/list_walker.h"
#include "vm/vm.h"

namespace eta {

// --- Readings -----------------------------------------------------------------------------------

Value Readings::Now(Vm& vm, const Reading& reading) {
  if (const auto* box = As<BoxObject>(reading.owner)) return box->value;
  if (const auto* vector = As<VectorObject>(reading.owner)) return vector->elements[reading.index];
  return vm.globals()[reading.index];
}

size_t Readings::FirstChange(Vm& vm) const {
  const auto changed =
      std::find_if(readings_.begin(), readings_.end(),
                   [&](const Reading& reading) { return !(Now(vm, reading) == reading.value); });
  return static_cast<size_t>(changed - readings_.begin());
}

bool Readings::ListsHold(const Vm& vm) const { return !lists_ || vm.pair_changes == pair_changes_; }

std::string Readings::Change(Vm& vm) const {
  const size_t first = FirstChange(vm);
  if (first == readings_.size()) return "a list";
  const Reading& reading = readings_[first];
  if (IsVector(reading.owner)) return "an element of a vector";
  if (!reading.owner.IsNil()) return "a local variable";
  return "the variable " + vm.GlobalName(static_cast<GlobalSlot>(reading.index));
}

void Readings::Trace(Marker& marker) const {
  for (const Reading& reading : readings_) {
    marker.Mark(reading.owner);
    marker.Mark(reading.value);
  }
}

// --- Watch --------------------------------------------------------------------------------------

Watch::Watch(Vm& vm, Judge judge)
    : vm_(vm), judge_(std::move(judge)), outer_(std::exchange(vm.watch, this)) {
  readings_.pair_changes_ = vm.pair_changes;
}

Watch::~Watch() { vm_.watch = outer_; }

void Watch::Object(std::string objection) {
  if (objection_.empty()) objection_ = std::move(objection);
}

void Watch::Trace(Marker& marker) const {
  readings_.Trace(marker);
  if (outer_ != nullptr) outer_->Trace(marker);
}

void Watch::Read(Value owner, uint64_t index, Value value) {
  if (known_.emplace(owner.bits(), index).second) {
    readings_.readings_.push_back({owner, index, value});
  }
}

void Watch::ReadBox(Value box) {
  if (!own_boxes_.contains(box.bits())) Read(box, 0, As<BoxObject>(box)->value);
}

void Watch::ReadElement(Value vector, Value index) {
  const auto* object = As<VectorObject>(vector);
  if (object == nullptr || !index.IsInt()) return;  // an error
  const auto i = static_cast<uint64_t>(index.AsInt());
  if (i < object->length) Read(vector, i, object->elements[i]);
}

void Watch::SetBox(Value box) {
  if (!own_boxes_.contains(box.bits())) Object("a local variable is set");
}

void Watch::See(const Word* pc, const Value* R, const ClosureObject* closure) {
  if (new_box_ != nullptr) own_boxes_.insert(std::exchange(new_box_, nullptr)->bits());
  if (!objection_.empty()) return;
  const Word w = *pc;
  const Value &a = R[FieldA(w)], &b = R[FieldB(w)];
  switch (OpOf(w)) {
    case Op::kGetGlobal:
      return Read(Value::Nil(), FieldBx(w), vm_.globals()[FieldBx(w)]);
    case Op::kSetGlobal:
      return Object("the variable " + vm_.GlobalName(static_cast<GlobalSlot>(FieldBx(w))) +
                    " is set");
    case Op::kGetCaptureBox:
      return ReadBox(closure->captures[FieldB(w)]);
    case Op::kSetCaptureBox:
      return SetBox(closure->captures[FieldB(w)]);
    case Op::kMakeBox:
      new_box_ = &a;
      return;
    case Op::kGetBox:
      return ReadBox(b);
    case Op::kSetBox:
      return SetBox(a);
    case Op::kCar:
    case Op::kCdr:
      readings_.lists_ = true;
      return;
    case Op::kVectorRef:
      return ReadElement(b, R[FieldC(w)]);
    case Op::kVectorRefI:
      return ReadElement(b, Value::Int(FieldC(w)));
    case Op::kVectorSet:
    case Op::kVectorSetI:
      return Object("a vector is changed");
    case Op::kCall:
    case Op::kTailCall:
      return SeeCall((&a)[1], {&a + 2, FieldB(w)});
    case Op::kApply:
    case Op::kTailApply:
      return SeeApply(&a, FieldB(w));
    case Op::kSpreadCall:
    case Op::kTailSpreadCall:
      if (auto* packet = As<ValuesObject>((&a)[2])) return SeeCall((&a)[1], packet->span());
      return SeeCall((&a)[1], {&a + 2, 1});
    case Op::kPushCatch:
    case Op::kPushEscape:
    case Op::kPushContinuation:
    case Op::kPushWind:
    case Op::kPushHandler:
      return Object("errors are caught, or a procedure may be left early");
    default:
      return;
  }
}

void Watch::SeeCall(Value callee, Args args) {
  if (Is(callee, ObjectKind::kContinuation)) return Object("a continuation is called");
  const auto* native = As<NativeObject>(callee);
  if (native == nullptr || !objection_.empty()) return;
  readings_.lists_ = readings_.lists_ || std::any_of(args.begin(), args.end(), IsPair);
  Object(judge_(*native->def, args));
}

// The last argument of the window is a list to be spread.
void Watch::SeeApply(const Value* window, size_t count) {
  readings_.lists_ = true;
  std::vector<Value> args(window + 2, window + 2 + count - 1);
  for (ListWalker walk(window[2 + count - 1]); walk.More(); walk.Next()) {
    args.push_back(walk.item());
  }
  SeeCall(window[1], args);
}

}  // namespace eta
