// Comma-separated values: readers and writers.
#include <algorithm>
#include <memory>
#include <utility>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/builtins/csv_line.h"
#include "vm/builtins/csv_options.h"
#include "vm/builtins/file_access.h"
#include "vm/external_bytes.h"
#include "vm/number_text.h"

namespace eta {
namespace {

// --- Kinds of value -----------------------------------------------------------------------------

struct Reader {
  std::unique_ptr<CsvReader> rows;  // null once closed
  CsvOptions options;
  std::vector<Value> columns;  // symbols, which are never freed
  int64_t count = 0;           // of the rows that were read, without the header
  ExternalBytes bytes;
};

struct Writer {
  std::unique_ptr<OutputPort> port;  // null once closed
  CsvOptions options;
  int64_t count = 0;  // of the rows that were written, without the header
};

void PrintRows(std::string_view kind, int64_t count, std::string* out) {
  *out += "#<" + std::string(kind) + " rows=";
  AppendInteger(count, out);
  *out += '>';
}

constexpr ForeignType kReaderType = {
    .name = "csv-reader",
    .finalize = [](void* data) { delete static_cast<Reader*>(data); },
    .print =
        [](Vm&, void* data, PrintMode, std::string* out) {
          PrintRows("csv-reader", static_cast<Reader*>(data)->count, out);
        },
};
constexpr ForeignType kWriterType = {
    .name = "csv-writer",
    .finalize = [](void* data) { delete static_cast<Writer*>(data); },
    .print =
        [](Vm&, void* data, PrintMode, std::string* out) {
          PrintRows("csv-writer", static_cast<Writer*>(data)->count, out);
        },
};

Reader* ReaderOf(Value v) { return static_cast<Reader*>(ForeignData(v, &kReaderType)); }
Writer* WriterOf(Value v) { return static_cast<Writer*>(ForeignData(v, &kWriterType)); }

// --- Reading ------------------------------------------------------------------------------------

Value NewReader(Vm& vm, std::string_view name, std::unique_ptr<InputPort> source, std::string file,
                CsvOptions options) {
  auto reader = std::make_unique<Reader>();
  reader->rows = std::make_unique<CsvReader>(std::move(source), std::move(file), options.format);
  const auto columns = ReadCsvHeader(reader->rows.get(), options);
  if (!columns) return Wrong(vm, name, columns.error());
  for (const std::string& column : *columns) reader->columns.push_back(vm.Symbol(column));
  reader->options = std::move(options);
  reader->bytes.Count(vm.heap(), reader->rows->buffered_bytes());
  return vm.heap().Foreign(&kReaderType, reader.release());
}

Value OpenReader(Vm& vm, Args args) {
  constexpr std::string_view kName = "%csv-open-reader";
  const auto path = PathArgument(vm, kName, args[0]);
  if (!path) return Value::Failure();
  auto options = ReadCsvOptions(vm, kName, args.subspan(1));
  if (!options) return Value::Failure();
  auto source = OpenForReading(vm, kName, *path);
  if (!source) return Value::Failure();
  return NewReader(vm, kName, std::move(source), *path, std::move(*options));
}

Value ReaderFromString(Vm& vm, Args args) {
  constexpr std::string_view kName = "%csv-reader-from-string";
  if (!IsString(args[0])) return Wrong(vm, kName, "argument is not a string");
  auto options = ReadCsvOptions(vm, kName, args.subspan(1));
  if (!options) return Value::Failure();
  auto port = OpenStringInput(std::string(StringView(args[0])));
  std::unique_ptr<InputPort> source(static_cast<InputPort*>(port.release()));
  return NewReader(vm, kName, std::move(source), "", std::move(*options));
}

// The open reader; null with a type-error pending.
Reader* OpenReaderIn(Vm& vm, std::string_view name, Value v) {
  Reader* reader = ReaderOf(v);
  if (reader && reader->rows) return reader;
  (void)Wrong(vm, name, reader ? "reader is closed" : "expected a csv-reader");
  return nullptr;
}

Value Columns(Vm& vm, Args args) {
  const Reader* reader = ReaderOf(args[0]);
  if (reader == nullptr) return Wrong(vm, "%csv-columns", "expected a csv-reader");
  const Value columns = vm.heap().Vector(reader->columns.size(), Value::Nil());
  std::ranges::copy(reader->columns, As<VectorObject>(columns)->elements);
  return columns;
}

// What `make(reader, cells)` makes of the next row; #f at the end.
template <class Make>
Value NextRow(Vm& vm, std::string_view name, Value v, Make make) {
  Reader* reader = OpenReaderIn(vm, name, v);
  if (reader == nullptr) return Value::Failure();
  const auto row = reader->rows->Next();
  reader->bytes.Update(reader->rows->buffered_bytes());
  if (!row) return Wrong(vm, name, row.error());
  if (*row == nullptr) return Value::False();
  ++reader->count;
  return make(*reader, (*row)->cells());
}

using Cells = std::vector<std::string_view>;

template <class Make>
Value VectorOf(Vm& vm, const Cells& cells, Make make) {
  Root row(vm.heap(), vm.heap().Vector(cells.size(), Value::Nil()));
  for (size_t i = 0; i < cells.size(); ++i) {
    const Value cell = make(cells[i]);
    As<VectorObject>(row)->elements[i] = cell;
  }
  return row;
}

Value ReadRow(Vm& vm, Args args) {
  return NextRow(vm, "%csv-read-row", args[0], [&](const Reader&, const Cells& cells) {
    return VectorOf(vm, cells, [&](std::string_view cell) { return vm.String(cell); });
  });
}

Value TypedCell(Vm& vm, const CsvOptions& options, std::string_view cell) {
  if (options.IsNull(cell)) return Value::Nil();
  const auto number = ParseCsvNumber(cell);
  if (const auto* integer = std::get_if<int64_t>(&number)) return vm.heap().Integer(*integer);
  if (const auto* real = std::get_if<double>(&number)) return Value::Double(*real);
  return vm.String(cell);
}

Value ReadTypedRow(Vm& vm, Args args) {
  return NextRow(vm, "%csv-read-typed-row", args[0], [&](const Reader& reader, const Cells& cells) {
    return VectorOf(vm, cells,
                    [&](std::string_view cell) { return TypedCell(vm, reader.options, cell); });
  });
}

Value Record(Vm& vm, const Reader& reader, const Cells& cells) {
  if (cells.size() != reader.columns.size()) {
    return Wrong(vm, "%csv-read-record",
                 reader.rows->Complaint("expected " + std::to_string(reader.columns.size()) +
                                        " cells, found " + std::to_string(cells.size())));
  }
  Root record(vm.heap());
  for (size_t i = cells.size(); i-- > 0;) {
    Root entry(vm.heap(), vm.heap().Cons(reader.columns[i], vm.String(cells[i])));
    record = vm.heap().Cons(entry, record);
  }
  return record;
}

Value ReadRecord(Vm& vm, Args args) {
  constexpr std::string_view kName = "%csv-read-record";
  const Reader* reader = OpenReaderIn(vm, kName, args[0]);
  if (reader == nullptr) return Value::Failure();
  if (reader->columns.empty()) return Wrong(vm, kName, "the reader has no columns");
  return NextRow(vm, kName, args[0],
                 [&](const Reader& r, const Cells& cells) { return Record(vm, r, cells); });
}

// --- Writing ------------------------------------------------------------------------------------

bool WriteHeader(Writer* writer) {
  if (!writer->options.has_header || !writer->options.names) return true;
  if (writer->options.names->empty()) return true;
  CsvLine line(writer->options);
  for (const std::string& name : *writer->options.names) line.Add(name, false);
  return writer->port->Write(line.Finish());
}

Value OpenWriter(Vm& vm, Args args) {
  constexpr std::string_view kName = "%csv-open-writer";
  const auto path = PathArgument(vm, kName, args[0]);
  if (!path) return Value::Failure();
  auto options = ReadCsvOptions(vm, kName, args.subspan(1));
  if (!options) return Value::Failure();
  auto writer = std::make_unique<Writer>();
  writer->options = std::move(*options);
  writer->port = OpenForWriting(vm, kName, *path);
  if (!writer->port) return Value::Failure();
  if (!WriteHeader(writer.get())) return WriteError(vm, kName);
  return vm.heap().Foreign(&kWriterType, writer.release());
}

Writer* OpenWriterIn(Vm& vm, std::string_view name, Value v) {
  Writer* writer = WriterOf(v);
  if (writer && writer->port) return writer;
  (void)Wrong(vm, name, writer ? "writer is closed" : "expected a csv-writer");
  return nullptr;
}

Value WriteLine(Vm& vm, std::string_view name, Writer* writer, CsvLine* line) {
  if (!writer->port->Write(line->Finish())) return WriteError(vm, name);
  ++writer->count;
  return Value::Nil();
}

Value WriteRow(Vm& vm, Args args) {
  constexpr std::string_view kName = "%csv-write-row";
  Writer* writer = OpenWriterIn(vm, kName, args[0]);
  if (writer == nullptr) return Value::Failure();
  CsvLine line(writer->options);
  if (auto* vector = As<VectorObject>(args[1])) {
    for (Value cell : vector->span()) line.Add(vm, cell);
  } else {
    ListWalker walk(args[1]);
    for (; walk.More(); walk.Next()) line.Add(vm, walk.item());
    if (!walk.IsProper()) return Wrong(vm, kName, "expected a list or a vector of cells");
  }
  return WriteLine(vm, kName, writer, &line);
}

// The value that the association list has for the name; () if none. False: it is no such list.
bool FindCell(Value record, std::string_view column, Value* cell) {
  *cell = Value::Nil();
  ListWalker walk(record);
  for (; walk.More(); walk.Next()) {
    if (!IsPair(walk.item())) return false;
    if (NameText(Car(walk.item())) != column) continue;
    *cell = Cdr(walk.item());
    return true;
  }
  return walk.IsProper();
}

Value WriteRecord(Vm& vm, Args args) {
  constexpr std::string_view kName = "%csv-write-record";
  Writer* writer = OpenWriterIn(vm, kName, args[0]);
  if (writer == nullptr) return Value::Failure();
  const auto columns = args.size() > 2 ? ColumnNames(args[2]) : writer->options.names;
  if (!columns) {
    return Wrong(vm, kName,
                 args.size() > 2 ? "expected a list of column names" : "the writer has no columns");
  }
  CsvLine line(writer->options);
  for (const std::string& column : *columns) {
    Value cell;
    if (!FindCell(args[1], column, &cell)) return Wrong(vm, kName, "expected an association list");
    line.Add(vm, cell);
  }
  return WriteLine(vm, kName, writer, &line);
}

Value Flush(Vm& vm, Args args) {
  Writer* writer = OpenWriterIn(vm, "%csv-flush", args[0]);
  if (writer == nullptr) return Value::Failure();
  return writer->port->Flush() ? Value::Nil() : WriteError(vm, "%csv-flush");
}

Value Close(Vm& vm, Args args) {
  if (Reader* reader = ReaderOf(args[0])) {
    reader->rows.reset();
    reader->bytes.Update(0);
    return Value::Nil();
  }
  Writer* writer = WriterOf(args[0]);
  if (writer == nullptr) return Wrong(vm, "%csv-close", "expected a csv-reader or a csv-writer");
  const auto port = std::move(writer->port);
  return port == nullptr || port->Close() ? Value::Nil() : WriteError(vm, "%csv-close");
}

Value IsReader(Vm&, Args args) { return Value::Bool(ReaderOf(args[0]) != nullptr); }
Value IsWriter(Vm&, Args args) { return Value::Bool(WriterOf(args[0]) != nullptr); }

constexpr NativeDef kNatives[] = {
    {"%csv-open-reader", OpenReader, 1, kAnyCount,
     "(%csv-open-reader path option ...): a reader of the file's rows"},
    {"%csv-reader-from-string", ReaderFromString, 1, kAnyCount,
     "(%csv-reader-from-string s option ...): a reader of the rows in s"},
    {"%csv-columns", Columns, 1, 1, "(%csv-columns r): a vector of the columns' names"},
    {"%csv-read-row", ReadRow, 1, 1, "(%csv-read-row r): a vector of strings; #f at the end"},
    {"%csv-read-record", ReadRecord, 1, 1,
     "(%csv-read-record r): a list of pairs (column . string); #f at the end"},
    {"%csv-read-typed-row", ReadTypedRow, 1, 1,
     "(%csv-read-typed-row r): a vector of numbers, strings and (); #f at the end"},
    {"%csv-close", Close, 1, 1, "(%csv-close h): ends the use of a reader or a writer"},
    {"%csv-open-writer", OpenWriter, 1, kAnyCount,
     "(%csv-open-writer path option ...): a writer to the file, emptied first"},
    {"%csv-write-row", WriteRow, 2, 2, "(%csv-write-row w cells): writes a list or a vector"},
    {"%csv-write-record", WriteRecord, 2, 3,
     "(%csv-write-record w record [columns]): writes what the pairs (column . cell) say"},
    {"%csv-flush", Flush, 1, 1, "(%csv-flush w): hands on what is buffered"},
    {"%csv-reader?", IsReader, 1, 1, "(%csv-reader? v): whether v is a csv-reader"},
    {"%csv-writer?", IsWriter, 1, 1, "(%csv-writer? v): whether v is a csv-writer"},
};

}  // namespace

std::span<const NativeDef> CsvBuiltins() { return kNatives; }

}  // namespace eta
