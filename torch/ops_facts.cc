// Between tensors and fact tables.
#include <ATen/ops/empty.h>

#include "torch/op.h"
#include "torch/op_table.h"
#include "vm/builtins/arguments.h"
#include "vm/builtins/csv_options.h"
#include "vm/fact_table.h"

namespace eta::tensor {
namespace {

// The columns' numbers in the list; the error is what does not fit.
Expected<std::vector<size_t>, std::string_view> ReadColumns(const FactTable& table, Value list) {
  std::vector<size_t> columns;
  ListWalker walk(list);
  for (; walk.More(); walk.Next()) {
    const Value v = walk.item();
    if (!v.IsInt() || v.AsInt() < 0) {
      return Unexpected<std::string_view>("non-negative integer column index required");
    }
    if (!IndexBelow(v, table.column_count())) {
      return Unexpected<std::string_view>("column index out of range");
    }
    columns.push_back(static_cast<size_t>(v.AsInt()));
  }
  if (walk.IsProper()) return columns;
  return Unexpected<std::string_view>("proper list of column indices required");
}

// Puts the live rows of a column at `out`, `stride` apart. False: a cell is no number.
bool CopyColumn(const FactTable& table, size_t column, double* out, int64_t stride) {
  const std::span<const Value> cells = table.Column(column);
  for (size_t row = 0; row < cells.size(); ++row) {
    if (!table.IsLive(row)) continue;
    if (!IsNumber(cells[row])) return false;
    *out = ToDouble(cells[row]);
    out += stride;
  }
  return true;
}

Value FromTable(Call& call, Value v, Value list, DtypeOption dtype) {
  const FactTable* table = FactTableOf(v);
  if (table == nullptr) return call.Fail("fact table required");
  const auto columns = ReadColumns(*table, list);
  if (!columns) return call.Fail(columns.error());
  const auto width = static_cast<int64_t>(columns->size());
  const Tensor matrix =
      at::empty({static_cast<int64_t>(table->live_count()), width}, at::TensorOptions(at::kDouble));
  double* first = matrix.mutable_data_ptr<double>();
  for (size_t column : *columns) {
    if (!CopyColumn(*table, column, first++, width)) return call.Fail("non-numeric cell");
  }
  return WrapTensor(call.vm(), matrix.to(call.context().Options(dtype.dtype)));
}

// The rows of a contiguous matrix of T, as cells of type C.
template <class T, class C>
void InsertRows(Vm& vm, const Tensor& matrix, FactTable* table) {
  const T* next = matrix.const_data_ptr<T>();
  RootVector cells(vm.heap());
  for (int64_t row = 0; row < matrix.size(0); ++row) {
    cells.values().clear();
    for (int64_t i = 0; i < matrix.size(1); ++i, ++next) {
      if constexpr (std::is_same_v<C, double>) {
        cells.push_back(Value::Double(*next));
      } else {
        cells.push_back(vm.heap().Integer(*next));
      }
    }
    table->Insert(cells.span());
  }
}

Value ToTable(Call& call, const Tensor& tensor, Value list) {
  auto names = ColumnNames(list);
  if (!names || names->empty()) return call.Fail("list of column names required");
  if (tensor.dim() != 1 && tensor.dim() != 2) return call.Fail("vector or matrix required");
  Tensor matrix = tensor.detach().to(at::kCPU);
  if (matrix.dim() == 1) matrix = matrix.unsqueeze(1);
  if (matrix.size(1) != static_cast<int64_t>(names->size())) {
    return call.Fail("as many column names as columns required");
  }
  Root made(call.vm().heap(), NewFactTable(call.vm(), std::move(*names)));
  FactTable* const table = FactTableOf(made);
  if (matrix.is_floating_point()) {
    InsertRows<double, double>(call.vm(), matrix.to(at::kDouble).contiguous(), table);
  } else {
    InsertRows<int64_t, int64_t>(call.vm(), matrix.to(at::kLong).contiguous(), table);
  }
  return made;
}

constexpr NativeDef kOps[] = {
    Op<"torch/fact-table->tensor">(
        [](Call& call, Value table, Value columns, DtypeOption dtype) {
          return FromTable(call, table, columns, dtype);
        },
        "(fact-table->tensor ft columns ['dtype]): a matrix of its rows and these columns"),
    Op<"torch/tensor->fact-table">(
        [](Call& call, const Tensor& x, Value names) { return ToTable(call, x, names); },
        "(tensor->fact-table x names): a fact table of the rows of a matrix"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
