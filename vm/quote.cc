#include "vm/quote.h"

#include <vector>

#include "vm/vm.h"

namespace eta {
namespace {

// Data without parts.
Value AtomToValue(Vm& vm, const Datum* datum) {
  switch (datum->kind) {
    case Datum::Kind::kBool:
      return Value::Bool(datum->boolean);
    case Datum::Kind::kInt:
      return vm.heap().Integer(datum->integer);
    case Datum::Kind::kFloat:
      return Value::Double(datum->real);
    case Datum::Kind::kChar:
      return Value::Char(datum->character);
    case Datum::Kind::kString:
      return vm.String(datum->text);
    case Datum::Kind::kSymbol:
      return vm.Symbol(datum->symbol);
    case Datum::Kind::kBytevector:
      return vm.heap().Bytevector(
          {reinterpret_cast<const uint8_t*>(datum->text.data()), datum->text.size()});
    case Datum::Kind::kObject:
      return Value::FromBits(static_cast<uint64_t>(datum->integer));
    default:
      return Value::Nil();
  }
}

// Makes each pair and vector empty, puts it where it belongs, and fills it in later: so all of the
// result is reachable from the beginning, and the depth of the data does not matter.
class Builder {
 public:
  explicit Builder(Vm& vm) : vm_(vm) {}

  Value Build(const Datum* datum) {
    const Root holder(vm_.heap(), vm_.heap().Vector(1, Value::Nil()));
    Value* result = As<VectorObject>(holder)->elements;
    tasks_.push_back({datum, result});
    while (!tasks_.empty()) {
      const Task task = tasks_.back();
      tasks_.pop_back();
      Place(task.datum, task.place);
    }
    return *result;
  }

 private:
  struct Task {
    const Datum* datum;
    Value* place;  // in an object that `holder` leads to; objects do not move
  };

  void Place(const Datum* datum, Value* place) {
    if (datum->IsPair()) {
      *place = vm_.heap().Cons(Value::Nil(), Value::Nil());
      auto* pair = As<PairObject>(*place);
      tasks_.push_back({datum->Cdr(), &pair->cdr});
      tasks_.push_back({datum->Car(), &pair->car});
    } else if (datum->kind == Datum::Kind::kVector) {
      *place = vm_.heap().Vector(datum->elements.size(), Value::Nil());
      Value* elements = As<VectorObject>(*place)->elements;
      for (size_t i = 0; i < datum->elements.size(); ++i) {
        tasks_.push_back({datum->elements[i], elements + i});
      }
    } else {
      *place = AtomToValue(vm_, datum);
    }
  }

  Vm& vm_;
  std::vector<Task> tasks_;
};

// Values without parts.
const Datum* AtomToDatum(Value value, SourceSpan span, DatumArena& arena) {
  using Kind = Datum::Kind;
  if (value.IsNil()) return arena.Nil(span);
  if (IsSymbol(value)) return arena.Symbol(&SymbolName(value), span);
  Datum* datum = arena.New(Kind::kObject, span);
  datum->integer = static_cast<int64_t>(value.bits());
  if (value.IsBool()) {
    datum->kind = Kind::kBool;
    datum->boolean = value.IsTrue();
  } else if (IsInteger(value)) {
    datum->kind = Kind::kInt;
    datum->integer = ToInt64(value);
  } else if (value.IsDouble()) {
    datum->kind = Kind::kFloat;
    datum->real = value.AsDouble();
  } else if (IsString(value)) {
    datum->kind = Kind::kString;
    datum->text = StringView(value);
  } else if (value.IsChar()) {
    datum->kind = Kind::kChar;
    datum->character = value.AsChar();
  } else if (auto* bytes = As<BytevectorObject>(value)) {
    datum->kind = Kind::kBytevector;
    datum->text.assign(bytes->bytes, bytes->bytes + bytes->length);
  } else if (IsVector(value)) {
    datum->kind = Kind::kVector;  // an empty one
  }
  return datum;
}

// Lists and vectors from the leaves up, with a stack of what is being put together.
class DatumBuilder {
 public:
  DatumBuilder(SourceSpan span, DatumArena& arena) : span_(span), arena_(arena) {}

  const Datum* Build(Value value) {
    Push(value);
    while (!tasks_.empty()) {
      if (++steps_ > kMaxSteps || tasks_.size() > kMaxTasks) return nullptr;
      const Task task = tasks_.back();
      tasks_.pop_back();
      if (task.parts == 0) {
        Visit(task.value);
      } else if (IsPair(task.value)) {
        MakeList(task.parts);
      } else {
        MakeVector(task.parts);
      }
    }
    return done_.back();
  }

 private:
  // A value to visit, or, with parts, one whose parts are the last of `done_`.
  struct Task {
    Value value;
    size_t parts = 0;
  };
  static constexpr size_t kMaxSteps = size_t{1} << 24;
  static constexpr size_t kMaxTasks = size_t{1} << 22;

  void Push(Value value) { tasks_.push_back({value}); }

  void Visit(Value value) {
    const size_t mark = tasks_.size();
    if (IsPair(value)) {
      tasks_.push_back({value, 1});
      for (; IsPair(value) && tasks_.size() <= kMaxTasks; value = Cdr(value)) {
        Push(Car(value));
      }
      Push(value);
    } else if (auto* vector = As<VectorObject>(value); vector && vector->length > 0) {
      tasks_.push_back({value, 1});
      for (Value element : vector->span()) Push(element);
    } else {
      return done_.push_back(AtomToDatum(value, span_, arena_));
    }
    tasks_[mark].parts = tasks_.size() - mark - 1;
  }

  // The parts are visited from the last to the first, so they lie in `done_` in that order.
  void MakeList(size_t parts) {
    const size_t first = done_.size() - parts;
    const Datum* list = done_[first];
    for (size_t i = first + 1; i < done_.size(); ++i) list = arena_.Cons(done_[i], list, span_);
    done_.resize(first);
    done_.push_back(list);
  }

  void MakeVector(size_t parts) {
    Datum* vector = arena_.New(Datum::Kind::kVector, span_);
    vector->elements.assign(done_.rbegin(), done_.rbegin() + static_cast<ptrdiff_t>(parts));
    done_.resize(done_.size() - parts);
    done_.push_back(vector);
  }

  const SourceSpan span_;
  DatumArena& arena_;
  std::vector<Task> tasks_;
  std::vector<const Datum*> done_;
  size_t steps_ = 0;
};

}  // namespace

Value DatumToValue(Vm& vm, const Datum* datum) {
  const bool has_parts = datum->IsPair() || datum->kind == Datum::Kind::kVector;
  return has_parts ? Builder(vm).Build(datum) : AtomToValue(vm, datum);
}

const Datum* ValueToDatum(Value value, SourceSpan span, DatumArena& arena) {
  return DatumBuilder(span, arena).Build(value);
}

}  // namespace eta
