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

}  // namespace

Value DatumToValue(Vm& vm, const Datum* datum) {
  const bool has_parts = datum->IsPair() || datum->kind == Datum::Kind::kVector;
  return has_parts ? Builder(vm).Build(datum) : AtomToValue(vm, datum);
}

}  // namespace eta
