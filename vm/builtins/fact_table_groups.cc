// Groups of a fact table's rows: those whose cells in one column are the same.
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "vm/builtins/builtins.h"
#include "vm/builtins/fact_table_arguments.h"

namespace eta {
namespace {

// The live rows of each group; groups in the order in which they are first seen.
struct Group {
  Value key;
  std::vector<size_t> rows;
};

std::vector<Group> GroupsOf(const FactTable& table, size_t column) {
  std::vector<Group> groups;
  std::unordered_map<CellKey, size_t, CellKeyHash> numbers;
  for (size_t row = 0; row < table.row_count(); ++row) {
    if (!table.IsLive(row)) continue;
    const Value cell = table.At(row, column);
    const auto [known, is_new] = numbers.try_emplace(CellKey(cell), groups.size());
    if (is_new) groups.push_back({cell, {}});
    groups[known->second].rows.push_back(row);
  }
  return groups;
}

// An integer until a float comes, or the sum no longer fits.
class Sum {
 public:
  void Add(Value v) {
    if (!is_float_ && IsInteger(v) && !__builtin_add_overflow(integer_, ToInt64(v), &next_)) {
      integer_ = next_;
      return;
    }
    if (!is_float_) real_ = static_cast<double>(integer_);
    is_float_ = true;
    real_ += ToDouble(v);
  }
  Value Get(Vm& vm) const { return is_float_ ? Value::Double(real_) : vm.heap().Integer(integer_); }

 private:
  bool is_float_ = false;
  int64_t integer_ = 0, next_ = 0;
  double real_ = 0;
};

Value CountOf(const Group& group) { return Value::Int(static_cast<int64_t>(group.rows.size())); }

// The group's sum over a column; Failure with a type-error pending when a cell is no number.
Value SumOf(Vm& vm, std::string_view name, const FactTable& table, const Group& group,
            size_t column) {
  Sum sum;
  for (size_t row : group.rows) {
    const Value cell = table.At(row, column);
    if (!IsNumber(cell)) return Wrong(vm, name, "non-numeric cell");
    sum.Add(cell);
  }
  return sum.Get(vm);
}

// A table and one or two of its columns, read from the arguments.
struct Columns {
  const FactTable* table;
  size_t group = 0, value = 0;
  bool exist() const { return group < table->column_count() && value < table->column_count(); }
};

std::optional<Columns> ReadColumns(Vm& vm, std::string_view name, Value v, Value group,
                                   Value value = Value::Int(0)) {
  Columns columns{TableArgument(vm, name, v)};
  if (columns.table == nullptr || !IndexArgument(vm, name, "column", group, &columns.group) ||
      !IndexArgument(vm, name, "column", value, &columns.value)) {
    return std::nullopt;
  }
  return columns;
}

// The list of what `of(group)` makes, as pairs (key . value); the keys stay in the table.
template <class Of>
Value Associate(Vm& vm, const std::vector<Group>& groups, Of of) {
  RootVector entries(vm.heap());
  for (const Group& group : groups) {
    const Value value = of(group);
    if (value.IsFailure()) return value;
    entries.push_back(vm.heap().Cons(group.key, value));
  }
  return vm.heap().List(entries.span());
}

Value GroupCount(Vm& vm, Args args) {
  const auto columns = ReadColumns(vm, "%fact-table-group-count", args[0], args[1]);
  if (!columns) return Value::Failure();
  if (!columns->exist()) return Value::Nil();
  return Associate(vm, GroupsOf(*columns->table, columns->group), CountOf);
}

Value GroupSum(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-group-sum";
  const auto columns = ReadColumns(vm, kName, args[0], args[1], args[2]);
  if (!columns) return Value::Failure();
  if (!columns->exist()) return Value::Nil();
  return Associate(vm, GroupsOf(*columns->table, columns->group), [&](const Group& group) {
    return SumOf(vm, kName, *columns->table, group, columns->value);
  });
}

// A new table of keys and what `of(group)` makes of each group.
template <class Of>
Value Aggregate(Vm& vm, const Columns& columns, std::string name, Of of) {
  Root made(vm.heap(), NewFactTable(vm, {"group-key", std::move(name)}));
  for (const Group& group : GroupsOf(*columns.table, columns.group)) {
    const Value cells[] = {group.key, of(group)};
    if (cells[1].IsFailure()) return cells[1];
    FactTableOf(made)->Insert(cells);
  }
  return made;
}

Value GroupBy(Vm& vm, Args args) {
  constexpr std::string_view kName = "%fact-table-group-by";
  const std::string_view how = args.size() > 2 ? OptionName(args[2]) : "count";
  const bool is_sum = how == "sum" && args.size() == 4;
  if (!is_sum && (how != "count" || args.size() > 3)) {
    return Wrong(vm, kName, "expected 'count, or 'sum and a column");
  }
  const auto columns = ReadColumns(vm, kName, args[0], args[1], is_sum ? args[3] : Value::Int(0));
  if (!columns) return Value::Failure();
  if (!columns->exist()) return Wrong(vm, kName, "column index out of range");
  if (!is_sum) return Aggregate(vm, *columns, "count", CountOf);
  return Aggregate(vm, *columns, "sum", [&](const Group& group) {
    return SumOf(vm, kName, *columns->table, group, columns->value);
  });
}

Value Partition(Vm& vm, Args args) {
  const auto columns = ReadColumns(vm, "%fact-table-partition", args[0], args[1]);
  if (!columns) return Value::Failure();
  if (!columns->exist()) return Value::Nil();
  const FactTable& table = *columns->table;
  return Associate(vm, GroupsOf(table, columns->group), [&](const Group& group) {
    const Value part = NewFactTable(vm, table.column_names());
    std::vector<Value> cells(table.column_count());
    for (size_t row : group.rows) {
      for (size_t i = 0; i < cells.size(); ++i) cells[i] = table.At(row, i);
      FactTableOf(part)->Insert(cells);
    }
    return part;
  });
}

constexpr NativeDef kNatives[] = {
    {"%fact-table-group-count", GroupCount, 2, 2,
     "(%fact-table-group-count ft column): pairs (cell . number of rows), as first seen"},
    {"%fact-table-group-sum", GroupSum, 3, 3,
     "(%fact-table-group-sum ft column summed): pairs (cell . sum of the other column)"},
    {"%fact-table-group-by", GroupBy, 2, 4,
     "(%fact-table-group-by ft column ['count | 'sum summed]): the same as a new table"},
    {"%fact-table-partition", Partition, 2, 2,
     "(%fact-table-partition ft column): pairs (cell . table of those rows)"},
};

}  // namespace

std::span<const NativeDef> FactTableGroupBuiltins() { return kNatives; }

}  // namespace eta
