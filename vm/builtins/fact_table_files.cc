// Fact tables from and to files of comma-separated values.
#include <algorithm>
#include <utility>

#include "vm/builtins/builtins.h"
#include "vm/builtins/csv_line.h"
#include "vm/builtins/csv_options.h"
#include "vm/builtins/fact_table_arguments.h"
#include "vm/builtins/file_access.h"

namespace eta {
namespace {

constexpr std::string_view kLoad = "%fact-table-load-csv";
constexpr std::string_view kSave = "%fact-table-save-csv";

// A column's type is that of its most general cell, so cells may have been read as the wrong one
// before the last is seen. Then the file is read a second time, with the types found.
class Loading {
 public:
  Loading(Vm& vm, std::string path, CsvOptions options)
      : vm_(vm), path_(std::move(path)), options_(std::move(options)), table_(vm.heap()) {}

  Value Run() {
    if (!Pass()) return Value::Failure();
    if (found_other_type_ && !Pass()) return Value::Failure();
    return table_;
  }

 private:
  enum class Type : uint8_t { kUnknown, kInteger, kFloat, kText };

  bool Fail(const std::string& reason) {
    (void)Wrong(vm_, kLoad, reason);
    return false;
  }

  bool Pass() {
    found_other_type_ = false;
    auto source = OpenForReading(vm_, kLoad, path_);
    if (source == nullptr) return false;
    CsvReader reader(std::move(source), path_, options_.format);
    auto names = ReadCsvHeader(&reader, options_);
    if (!names) return Fail(names.error());
    auto row = reader.Next();
    if (!row) return Fail(row.error());
    if (names->empty() && *row != nullptr) *names = NumberedNames((*row)->cells().size());
    if (names->empty()) return Fail(path_ + ": no columns");
    table_ = NewFactTable(vm_, *names);
    types_.resize(names->size(), options_.infers_types ? Type::kUnknown : Type::kText);
    for (; row && *row != nullptr; row = reader.Next()) {
      if (!AddRow(reader, (*row)->cells())) return false;
    }
    return row || Fail(row.error());
  }

  static std::vector<std::string> NumberedNames(size_t count) {
    std::vector<std::string> names;
    for (size_t i = 1; i <= count; ++i) names.push_back("col" + std::to_string(i));
    return names;
  }

  bool AddRow(const CsvReader& reader, const std::vector<std::string_view>& texts) {
    if (texts.size() != types_.size()) {
      return Fail(reader.Complaint("expected " + std::to_string(types_.size()) + " cells, found " +
                                   std::to_string(texts.size())));
    }
    RootVector cells(vm_.heap());
    for (size_t i = 0; i < texts.size(); ++i) cells.push_back(Cell(texts[i], &types_[i]));
    if (!found_other_type_) FactTableOf(table_)->Insert(cells.span());
    return true;
  }

  Value Cell(std::string_view text, Type* type) {
    if (options_.IsNull(text)) return Value::Nil();
    if (*type == Type::kText) return vm_.String(text);
    const auto number = ParseCsvNumber(text);
    const auto* integer = std::get_if<int64_t>(&number);
    const auto* real = std::get_if<double>(&number);
    Widen(integer ? Type::kInteger : real ? Type::kFloat : Type::kText, type);
    if (*type == Type::kText) return vm_.String(text);
    if (*type == Type::kInteger) return vm_.heap().Integer(*integer);
    return Value::Double(integer ? static_cast<double>(*integer) : *real);
  }

  void Widen(Type found, Type* type) {
    if (found <= *type) return;
    found_other_type_ |= *type != Type::kUnknown;
    *type = found;
  }

  Vm& vm_;
  const std::string path_;
  const CsvOptions options_;
  Root table_;
  std::vector<Type> types_;
  bool found_other_type_ = false;  // than that by which earlier cells of the column were read
};

Value Load(Vm& vm, Args args) {
  auto path = PathArgument(vm, kLoad, args[0]);
  if (!path) return Value::Failure();
  auto options = ReadCsvOptions(vm, kLoad, args.subspan(1));
  if (!options) return Value::Failure();
  return Loading(vm, std::move(*path), std::move(*options)).Run();
}

Value Save(Vm& vm, Args args) {
  const FactTable* table = TableArgument(vm, kSave, args[0]);
  if (table == nullptr) return Value::Failure();
  const auto path = PathArgument(vm, kSave, args[1]);
  if (!path) return Value::Failure();
  const auto options = ReadCsvOptions(vm, kSave, args.subspan(2));
  if (!options) return Value::Failure();
  const std::vector<std::string>& names = options->names.value_or(table->column_names());
  if (names.size() != table->column_count()) {
    return Wrong(vm, kSave, "there must be as many column-names as columns");
  }
  const auto port = OpenForWriting(vm, kSave, *path);
  if (port == nullptr) return Value::Failure();
  bool ok = true;
  if (options->has_header) {
    CsvLine line(*options);
    for (const std::string& name : names) line.Add(name);
    ok = port->Write(line.Finish());
  }
  for (size_t row = 0; ok && row < table->row_count(); ++row) {
    if (!table->IsLive(row)) continue;
    CsvLine line(*options);
    for (size_t i = 0; i < names.size(); ++i) line.Add(vm, table->At(row, i));
    ok = port->Write(line.Finish());
  }
  return port->Close() && ok ? Value::Nil() : WriteError(vm, kSave);
}

constexpr NativeDef kNatives[] = {
    {kLoad, Load, 1, kAnyCount,
     "(%fact-table-load-csv path option ...): the table in a file of comma-separated values"},
    {kSave, Save, 2, kAnyCount,
     "(%fact-table-save-csv ft path option ...): writes it to such a file"},
};

}  // namespace

std::span<const NativeDef> FactTableFileBuiltins() { return kNatives; }

}  // namespace eta
