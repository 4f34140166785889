// Pairs and lists. `map` and `for-each`, which call back, are in stdlib/builtins.eta.
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/equality.h"

namespace eta {
namespace {

constexpr std::string_view kNotAList = "not a proper list";

Value ConsP(Vm& vm, Args args) { return vm.heap().Cons(args[0], args[1]); }

Value CarP(Vm& vm, Args args) {
  return IsPair(args[0]) ? Car(args[0]) : Wrong(vm, "car", "not a pair");
}

Value CdrP(Vm& vm, Args args) {
  return IsPair(args[0]) ? Cdr(args[0]) : Wrong(vm, "cdr", "not a pair");
}

Value SetCar(Vm& vm, Args args) {
  auto* pair = As<PairObject>(args[0]);
  if (pair == nullptr) return Wrong(vm, "set-car!", "not a pair");
  ++vm.pair_changes;
  pair->car = args[1];
  return Value::Nil();
}

Value SetCdr(Vm& vm, Args args) {
  auto* pair = As<PairObject>(args[0]);
  if (pair == nullptr) return Wrong(vm, "set-cdr!", "not a pair");
  ++vm.pair_changes;
  pair->cdr = args[1];
  return Value::Nil();
}

Value ListP(Vm& vm, Args args) { return vm.heap().List(args); }

Value ConsStar(Vm& vm, Args args) {
  return vm.heap().List(args.first(args.size() - 1), args.back());
}

Value IsList(Vm&, Args args) {
  ListWalker walk(args[0]);
  while (walk.More()) walk.Next();
  return Value::Bool(walk.IsProper());
}

Value Length(Vm& vm, Args args) {
  int64_t length = 0;
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) ++length;
  return walk.IsProper() ? Value::Int(length) : Wrong(vm, "length", kNotAList);
}

// Appends a copy of `list` to the list that starts behind `*last`, moving `*last` to its end.
// False: it is not a proper list. `*last` must be reachable from a root.
bool CopyBehind(Vm& vm, Value list, Value* last) {
  ListWalker walk(list);
  for (; walk.More(); walk.Next()) {
    const Value pair = vm.heap().Cons(walk.item(), Value::Nil());
    static_cast<PairObject*>(last->AsObject())->cdr = pair;
    *last = pair;
  }
  return walk.IsProper();
}

Value Append(Vm& vm, Args args) {
  if (args.empty()) return Value::Nil();
  Root head(vm.heap(), vm.heap().Cons(Value::Nil(), Value::Nil()));
  Value last = head;
  for (Value list : args.first(args.size() - 1)) {
    if (!CopyBehind(vm, list, &last)) return Wrong(vm, "append", kNotAList);
  }
  static_cast<PairObject*>(last.AsObject())->cdr = args.back();
  return Cdr(head);
}

Value Reverse(Vm& vm, Args args) {
  Root reversed(vm.heap());
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) reversed = vm.heap().Cons(walk.item(), reversed);
  return walk.IsProper() ? reversed.get() : Wrong(vm, "reverse", kNotAList);
}

// What is left of a list after `count` elements; nothing when it is shorter.
std::optional<Value> Tail(Value list, Value count) {
  if (!count.IsInt() || count.AsInt() < 0) return {};
  for (int64_t i = count.AsInt(); i > 0; --i) {
    if (!IsPair(list)) return {};
    list = Cdr(list);
  }
  return list;
}

// Of (f xs i ...).
Value OutOfBounds(Vm& vm, std::string_view name, Args args) {
  const bool is_swapped = args[0].IsInt() && IsPair(args[1]);
  return Wrong(
      vm, name,
      is_swapped ? "index out of bounds; the list comes before the index" : "index out of bounds");
}

Value ListRef(Vm& vm, Args args) {
  const std::optional<Value> tail = Tail(args[0], args[1]);
  if (!tail || !IsPair(*tail)) return OutOfBounds(vm, "list-ref", args);
  return Car(*tail);
}

Value ListSet(Vm& vm, Args args) {
  const std::optional<Value> tail = Tail(args[0], args[1]);
  if (!tail || !IsPair(*tail)) return OutOfBounds(vm, "list-set!", args);
  ++vm.pair_changes;
  static_cast<PairObject*>(tail->AsObject())->car = args[2];
  return Value::Nil();
}

Value ListTail(Vm& vm, Args args) {
  const std::optional<Value> tail = Tail(args[0], args[1]);
  return tail ? *tail : OutOfBounds(vm, "list-tail", args);
}

// What is probably wrong where the second argument is no list, but the first one is.
std::string_view KeyComesFirst(Args args) {
  const bool is_swapped = IsPair(args[0]) && !IsPair(args[1]);
  return is_swapped ? "; what is looked for comes before the list" : "";
}

// The rest of a list from the first element on that matches.
template <class Matches>
Value FindMember(Vm& vm, Args args, std::string_view name, Matches matches) {
  ListWalker walk(args[1]);
  for (; walk.More(); walk.Next()) {
    if (matches(walk.item(), args[0])) return walk.rest();
  }
  if (walk.IsProper()) return Value::False();
  return Wrong(vm, name, std::string(kNotAList).append(KeyComesFirst(args)));
}

bool Same(Value a, Value b) { return a == b; }
Value Member(Vm& vm, Args args) { return FindMember(vm, args, "member", Same); }
Value Memq(Vm& vm, Args args) { return FindMember(vm, args, "memq", Same); }
Value Memv(Vm& vm, Args args) { return FindMember(vm, args, "memv", Eqv); }

Value ListCopy(Vm& vm, Args args) {
  Root head(vm.heap(), vm.heap().Cons(Value::Nil(), Value::Nil()));
  Value last = head;
  ListWalker walk(args[0]);
  for (; walk.More(); walk.Next()) {
    const Value pair = vm.heap().Cons(walk.item(), Value::Nil());
    static_cast<PairObject*>(last.AsObject())->cdr = pair;
    last = pair;
  }
  if (IsPair(walk.rest())) return Wrong(vm, "list-copy", "the list is circular");
  static_cast<PairObject*>(last.AsObject())->cdr = walk.rest();
  return Cdr(head);
}

Value MakeList(Vm& vm, Args args) {
  const auto length = IndexBelow(args[0], size_t{1} << 40);
  if (!length) return Wrong(vm, "make-list", "length must be a non-negative integer");
  if (!MakeRoom(vm, "make-list", *length * sizeof(PairObject))) return Value::Failure();
  const Value fill = args.size() > 1 ? args[1] : Value::Nil();
  Root list(vm.heap());
  for (size_t i = 0; i < *length; ++i) list = vm.heap().Cons(fill, list);
  return list;
}

Value LastPair(Vm& vm, Args args) {
  if (!IsPair(args[0])) return Wrong(vm, "last-pair", "not a pair");
  ListWalker walk(args[0]);
  while (IsPair(Cdr(walk.rest())) && walk.More()) walk.Next();
  return walk.More() ? walk.rest() : Wrong(vm, "last-pair", "the list is circular");
}

// The first pair of an association list whose car matches; what is no pair is passed over.
template <class Matches>
Value FindAssociation(Vm& vm, Args args, std::string_view name, Matches matches) {
  ListWalker walk(args[1]);
  for (; walk.More(); walk.Next()) {
    if (IsPair(walk.item()) && matches(Car(walk.item()), args[0])) return walk.item();
  }
  if (walk.IsProper()) return Value::False();
  return Wrong(vm, name, std::string(kNotAList).append(KeyComesFirst(args)));
}

Value Assq(Vm& vm, Args args) { return FindAssociation(vm, args, "assq", Same); }
Value Assv(Vm& vm, Args args) { return FindAssociation(vm, args, "assv", Eqv); }

Value Assoc(Vm& vm, Args args) { return FindAssociation(vm, args, "assoc", Eqv); }

constexpr NativeDef kNatives[] = {
    {"cons", ConsP, 2, 2, "(cons a b): a new pair"},
    {"car", CarP, 1, 1, "(car pair): its first half"},
    {"cdr", CdrP, 1, 1, "(cdr pair): its second half"},
    {"set-car!", SetCar, 2, 2, "(set-car! pair v): makes v its first half"},
    {"set-cdr!", SetCdr, 2, 2, "(set-cdr! pair v): makes v its second half"},
    {"list", ListP, 0, kAnyCount, "(list v ...): a list of the arguments"},
    {"cons*", ConsStar, 1, kAnyCount, "(cons* v ... xs): the arguments in front of the list xs"},
    {"%list?", IsList, 1, 1, "(%list? v): whether v is a proper list"},
    {"length", Length, 1, 1, "(length xs): the number of elements"},
    {"append", Append, 0, kAnyCount, "(append xs ...): the lists in one; the last is not copied"},
    {"reverse", Reverse, 1, 1, "(reverse xs): the elements in opposite order"},
    {"list-ref", ListRef, 2, 2, "(list-ref xs i): the element at i, from 0"},
    {"list-set!", ListSet, 3, 3, "(list-set! xs i v): makes v the element at i"},
    {"list-tail", ListTail, 2, 2, "(list-tail xs n): the list without its first n elements"},
    {"member", Member, 2, 2,
     "(member v xs): the rest of xs from the first element eq? to v, or #f"},
    {"memq", Memq, 2, 2, "(memq v xs): the same"},
    {"memv", Memv, 2, 2, "(memv v xs): the rest of xs from the first element eqv? to v, or #f"},
    {"list-copy", ListCopy, 1, 1, "(list-copy xs): the same elements in new pairs"},
    {"make-list", MakeList, 1, 2, "(make-list n [fill]): a list of n times fill"},
    {"last-pair", LastPair, 1, 1, "(last-pair xs): the last pair of a list"},
    {"assv", Assv, 2, 2, "(assv key alist): the first pair whose car is eqv? to key, or #f"},
    {"assq", Assq, 2, 2, "(assq key alist): the first pair whose car is eq? to key, or #f"},
    {"assoc", Assoc, 2, 2, "(assoc key alist): the first pair whose car is eqv? to key, or #f"},
};

}  // namespace

std::span<const NativeDef> ListBuiltins() { return kNatives; }

}  // namespace eta
