// Rules in fact tables, for libraries that derive facts: a row may carry a rule, which is any value
// but (), and a table one value of its own.
#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/fact_table_arguments.h"

namespace eta {
namespace {

Value InsertClause(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-insert-clause!";
  FactTable* table = TableArgument(vm, kName, args[0]);
  if (table == nullptr) return Value::Failure();
  const auto cells = SpreadList(args.subspan(1, 1));
  if (!cells || cells->size() != table->column_count())
    return Wrong(vm, kName, "row arity mismatch");
  if (table->row_count() == UINT32_MAX) return Wrong(vm, kName, "the table is full");
  if (!MakeRoom(vm, kName, cells->size() * sizeof(Value))) return Value::Failure();
  table->Insert(*cells);
  if (!args[2].IsNil()) table->SetRule(table->row_count() - 1, args[2]);
  return Value::True();
}

Value RowRule(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-row-rule";
  const FactTable* table = TableArgument(vm, kName, args[0]);
  size_t row;
  if (table == nullptr || !IndexArgument(vm, kName, "row", args[1], &row)) return Value::Failure();
  return table->IsLive(row) ? table->Rule(row) : Value::Nil();
}

Value IsRowGround(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-row-ground?";
  const FactTable* table = TableArgument(vm, kName, args[0]);
  size_t row;
  if (table == nullptr || !IndexArgument(vm, kName, "row", args[1], &row)) return Value::Failure();
  return Value::Bool(table->IsLive(row) && table->Rule(row).IsNil());
}

Value SetPredicate(Vm& vm, Args args) {
  FactTable* table = TableArgument(vm, "%fact-table-set-predicate!", args[0]);
  if (table == nullptr) return Value::Failure();
  table->set_predicate(args[1]);
  return Value::Nil();
}

Value Predicate(Vm& vm, Args args) {
  const FactTable* table = TableArgument(vm, "%fact-table-predicate", args[0]);
  return table ? table->predicate() : Value::Failure();
}

constexpr NativeDef kNatives[] = {
    {"%fact-table-insert-clause!", InsertClause, 3, 3,
     "(%fact-table-insert-clause! ft cells rule): adds a row of the list, with a rule if not ()"},
    {"%fact-table-row-rule", RowRule, 2, 2, "(%fact-table-row-rule ft row): its rule, () if none"},
    {"%fact-table-row-ground?", IsRowGround, 2, 2,
     "(%fact-table-row-ground? ft row): whether there is such a row, and without a rule"},
    {"%fact-table-set-predicate!", SetPredicate, 2, 2,
     "(%fact-table-set-predicate! ft v): makes v the table's own value"},
    {"%fact-table-predicate", Predicate, 1, 1,
     "(%fact-table-predicate ft): the table's own value, () at first"},
};

}  // namespace

std::span<const NativeDef> FactTableRuleBuiltins() { return kNatives; }

}  // namespace eta
