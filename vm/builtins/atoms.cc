// Atoms: cells for values that change. `%atom-swap!`, which calls back, is in stdlib/builtins.eta.
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/transfer.h"

namespace eta {
namespace {

struct Atom {
  Value value;
};

void Trace(void* data, Marker& marker) { marker.Mark(static_cast<Atom*>(data)->value); }
void Finalize(void* data) { delete static_cast<Atom*>(data); }

constexpr ForeignTransfer kAtomTransfer = {
    .copy = [](const void*, Transfer&) -> void* { return new Atom{}; },
    .values =
        [](const void* data, std::vector<Value>* out) {
          out->push_back(static_cast<const Atom*>(data)->value);
        },
    .adopt = [](Vm&, void* data,
                std::span<const Value> values) { static_cast<Atom*>(data)->value = values[0]; },
};
constexpr ForeignType kAtomType = {
    .name = "atom", .trace = Trace, .finalize = Finalize, .transfer = &kAtomTransfer};
constexpr std::string_view kNotAnAtom = "expected an atom";

Atom* AtomOf(Value v) { return static_cast<Atom*>(ForeignData(v, &kAtomType)); }

Value New(Vm& vm, Args args) { return vm.heap().Foreign(&kAtomType, new Atom{args[0]}); }
Value IsAtom(Vm&, Args args) { return Value::Bool(AtomOf(args[0]) != nullptr); }

Value Deref(Vm& vm, Args args) {
  const Atom* atom = AtomOf(args[0]);
  return atom ? atom->value : Wrong(vm, "%atom-deref", kNotAnAtom);
}

Value Reset(Vm& vm, Args args) {
  Atom* atom = AtomOf(args[0]);
  return atom ? atom->value = args[1] : Wrong(vm, "%atom-reset!", kNotAnAtom);
}

Value CompareAndSet(Vm& vm, Args args) {
  Atom* atom = AtomOf(args[0]);
  if (atom == nullptr) return Wrong(vm, "%atom-compare-and-set!", kNotAnAtom);
  if (!(atom->value == args[1])) return Value::False();
  atom->value = args[2];
  return Value::True();
}

constexpr NativeDef kNatives[] = {
    {"%atom-new", New, 1, 1, "(%atom-new v): an atom that holds v"},
    {"%atom?", IsAtom, 1, 1, "(%atom? v): whether v is an atom"},
    {"%atom-deref", Deref, 1, 1, "(%atom-deref a): what it holds"},
    {"%atom-reset!", Reset, 2, 2, "(%atom-reset! a v): makes it hold v; returns v"},
    {"%atom-compare-and-set!", CompareAndSet, 3, 3,
     "(%atom-compare-and-set! a old new): makes it hold new if it holds old; whether it did"},
};

}  // namespace

std::span<const NativeDef> AtomBuiltins() { return kNatives; }

}  // namespace eta
