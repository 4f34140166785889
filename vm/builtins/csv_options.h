// The options that the procedures about comma-separated values take: alternating names and values,
// or one list of them. A name is a symbol or a string, with a colon before it or not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vm/csv_reader.h"
#include "vm/native.h"

namespace eta {

class Vm;

struct CsvOptions {
  CsvFormat format;
  bool has_header = true;
  size_t header_row = 0;                          // how many rows stand before it
  std::optional<std::vector<std::string>> names;  // of the columns
  std::vector<std::string> null_tokens = {"", "NA", "NaN"};
  CsvQuotes quotes = CsvQuotes::kMinimal;
  bool infers_types = true;

  bool IsNull(std::string_view cell) const;
};

// Nothing, with a type-error of builtin `name` pending, when an option is unknown or its value
// does not fit.
std::optional<CsvOptions> ReadCsvOptions(Vm& vm, std::string_view name, Args options);

// The names in a proper list or vector of symbols and strings; nothing for anything else.
std::optional<std::vector<std::string>> ColumnNames(Value v);

// Takes the header off a reader of which no row was read yet: the names of its columns, none
// without a header and names.
Expected<std::vector<std::string>, std::string> ReadCsvHeader(CsvReader* reader,
                                                              const CsvOptions& options);

}  // namespace eta
