#include "vm/quote.h"

#include "vm/vm.h"

namespace eta {
namespace {

Value ListToValue(Vm& vm, const Datum* list) {
  RootVector items(vm.heap());
  for (; list->IsPair(); list = list->Cdr()) items.push_back(DatumToValue(vm, list->Car()));
  Root tail(vm.heap(), DatumToValue(vm, list));
  return vm.heap().List(items.span(), tail);
}

Value VectorToValue(Vm& vm, const Datum* datum) {
  Root vector(vm.heap(), vm.heap().Vector(datum->elements.size(), Value::Nil()));
  for (size_t i = 0; i < datum->elements.size(); ++i) {
    const Value element = DatumToValue(vm, datum->elements[i]);
    As<VectorObject>(vector)->elements[i] = element;
  }
  return vector;
}

}  // namespace

Value DatumToValue(Vm& vm, const Datum* datum) {
  switch (datum->kind) {
    case Datum::Kind::kNil:
      return Value::Nil();
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
    case Datum::Kind::kPair:
      return ListToValue(vm, datum);
    case Datum::Kind::kVector:
      return VectorToValue(vm, datum);
    case Datum::Kind::kBytevector:
      return vm.heap().Bytevector(
          {reinterpret_cast<const uint8_t*>(datum->text.data()), datum->text.size()});
  }
  return Value::Nil();
}

}  // namespace eta
