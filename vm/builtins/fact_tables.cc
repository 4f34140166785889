// Fact tables: rows, cells and queries. What calls back is in stdlib/builtins.eta.
#include <utility>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/csv_options.h"
#include "vm/builtins/fact_table_arguments.h"
#include "vm/fact_table.h"

namespace eta {
namespace {

// The columns may also come as one list or vector.
Value Make(Vm& vm, Args args) {
  constexpr std::string_view kName = "%make-fact-table";
  std::vector<std::string> names;
  if (args.size() == 1 && !NameText(args[0])) {
    if (auto list = ColumnNames(args[0])) names = std::move(*list);
  } else {
    for (Value v : args) {
      if (!NameText(v)) return Wrong(vm, kName, "a column's name must be a symbol or a string");
      names.emplace_back(*NameText(v));
    }
  }
  if (names.empty()) return Wrong(vm, kName, "expected the names of one column or more");
  return NewFactTable(vm, std::move(names));
}

Value IsTable(Vm&, Args args) { return Value::Bool(FactTableOf(args[0]) != nullptr); }

// The cells may also come as one list, where that is no cell.
Value Insert(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-insert!";
  FactTable* table = TableArgument(vm, kName, args[0]);
  if (table == nullptr) return Value::Failure();
  Args cells = args.subspan(1);
  std::optional<std::vector<Value>> row;  // which the list in the arguments keeps
  if (cells.size() != table->column_count() && (row = SpreadList(cells))) cells = *row;
  if (cells.size() != table->column_count()) return Wrong(vm, kName, "row arity mismatch");
  if (table->row_count() == UINT32_MAX) return Wrong(vm, kName, "the table is full");
  if (!MakeRoom(vm, kName, cells.size_bytes())) return Value::Failure();
  table->Insert(cells);
  return Value::True();
}

Value Delete(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-delete-row!";
  FactTable* table = TableArgument(vm, kName, args[0]);
  size_t row;
  if (table == nullptr || !IndexArgument(vm, kName, "row", args[1], &row)) return Value::Failure();
  return Value::Bool(table->Delete(row));
}

Value IsRowLive(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-row-live?";
  const FactTable* table = TableArgument(vm, kName, args[0]);
  size_t row;
  if (table == nullptr || !IndexArgument(vm, kName, "row", args[1], &row)) return Value::Failure();
  return Value::Bool(table->IsLive(row));
}

Value BuildIndex(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-build-index!";
  FactTable* table = TableArgument(vm, kName, args[0]);
  size_t column;
  if (table == nullptr || !IndexArgument(vm, kName, "column", args[1], &column)) {
    return Value::Failure();
  }
  if (column >= table->column_count()) return Wrong(vm, kName, "column index out of range");
  table->BuildIndex(column);
  return Value::True();
}

Value RowList(Vm& vm, const std::vector<size_t>& rows) {
  std::vector<Value> numbers;
  numbers.reserve(rows.size());
  for (size_t row : rows) numbers.push_back(Value::Int(static_cast<int64_t>(row)));
  return vm.heap().List(numbers);
}

Value Query(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-query";
  const FactTable* table = TableArgument(vm, kName, args[0]);
  size_t column;
  if (table == nullptr || !IndexArgument(vm, kName, "column", args[1], &column)) {
    return Value::Failure();
  }
  if (column >= table->column_count()) return Value::Nil();
  return RowList(vm, table->Find(column, args[2]));
}

Value LiveRows(Vm& vm, Args args) {
  const FactTable* table = TableArgument(vm, "%fact-table-live-row-ids", args[0]);
  if (table == nullptr) return Value::Failure();
  std::vector<size_t> rows;
  for (size_t row = 0; row < table->row_count(); ++row) {
    if (table->IsLive(row)) rows.push_back(row);
  }
  return RowList(vm, rows);
}

Value Ref(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-ref";
  const FactTable* table = TableArgument(vm, kName, args[0]);
  size_t row, column;
  if (table == nullptr || !IndexArgument(vm, kName, "row", args[1], &row) ||
      !IndexArgument(vm, kName, "column", args[2], &column)) {
    return Value::Failure();
  }
  if (!table->IsLive(row) || column >= table->column_count()) return Value::Nil();
  return table->At(row, column);
}

Value Row(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-row";
  const FactTable* table = TableArgument(vm, kName, args[0]);
  size_t row;
  if (table == nullptr || !IndexArgument(vm, kName, "row", args[1], &row)) return Value::Failure();
  if (!table->IsLive(row)) return Value::Nil();
  std::vector<Value> cells;  // which the table keeps
  for (size_t i = 0; i < table->column_count(); ++i) cells.push_back(table->At(row, i));
  return vm.heap().List(cells);
}

Value RowCount(Vm& vm, Args args) {
  const FactTable* table = TableArgument(vm, "%fact-table-row-count", args[0]);
  if (table == nullptr) return Value::Failure();
  return Value::Int(static_cast<int64_t>(table->live_count()));
}

Value ColumnNameList(Vm& vm, Args args) {
  const FactTable* table = TableArgument(vm, "%fact-table-column-names", args[0]);
  if (table == nullptr) return Value::Failure();
  std::vector<Value> names;  // symbols are never freed
  for (const std::string& name : table->column_names()) names.push_back(vm.Symbol(name));
  return vm.heap().List(names);
}

constexpr NativeDef kNatives[] = {
    {"%make-fact-table", Make, 1, kAnyCount,
     "(%make-fact-table column ...): an empty table with columns of these names"},
    {"%fact-table?", IsTable, 1, 1, "(%fact-table? v): whether v is a fact table"},
    {"%fact-table-insert!", Insert, 1, kAnyCount,
     "(%fact-table-insert! ft cell ...): adds a row, a cell per column"},
    {"%fact-table-delete-row!", Delete, 2, 2,
     "(%fact-table-delete-row! ft row): deletes the row; whether it was there"},
    {"%fact-table-row-live?", IsRowLive, 2, 2,
     "(%fact-table-row-live? ft row): whether there is such a row"},
    {"%fact-table-build-index!", BuildIndex, 2, 2,
     "(%fact-table-build-index! ft column): makes queries of the column fast, from now on"},
    {"%fact-table-query", Query, 3, 3,
     "(%fact-table-query ft column cell): the rows with that cell, ascending"},
    {"%fact-table-live-row-ids", LiveRows, 1, 1,
     "(%fact-table-live-row-ids ft): a list of all rows, ascending"},
    {"%fact-table-ref", Ref, 3, 3, "(%fact-table-ref ft row column): a cell, () if there is none"},
    {"%fact-table-row", Row, 2, 2, "(%fact-table-row ft row): a list of the row's cells"},
    {"%fact-table-row-count", RowCount, 1, 1, "(%fact-table-row-count ft): the number of rows"},
    {"%fact-table-column-names", ColumnNameList, 1, 1,
     "(%fact-table-column-names ft): a list of symbols"},
};

}  // namespace

std::span<const NativeDef> FactTableBuiltins() { return kNatives; }

}  // namespace eta
