#include "vm/builtins/csv_options.h"

#include <algorithm>

#include "vm/builtins/arguments.h"

namespace eta {
namespace {

bool ReadBool(Value v, bool* out) {
  *out = v.IsTrue();
  return v.IsBool();
}

// A character that may stand for structure in a row.
bool ReadMark(Value v, char* out) {
  uint32_t c = 0;
  if (v.IsChar()) c = v.AsChar();
  if (IsString(v) && StringView(v).size() == 1) c = static_cast<uint8_t>(StringView(v)[0]);
  *out = static_cast<char>(c);
  return c > 0 && c < 0x80 && c != '\n' && c != '\r';
}

bool ReadComment(Value v, std::optional<char>* out) {
  *out = std::nullopt;
  if (v.IsFalse()) return true;
  char mark;
  if (!ReadMark(v, &mark)) return false;
  *out = mark;
  return true;
}

bool ReadNullTokens(Value v, std::vector<std::string>* out) {
  out->clear();
  if (v.IsFalse()) return true;
  auto tokens = ColumnNames(v);
  if (tokens) *out = std::move(*tokens);
  return tokens.has_value();
}

bool ReadNames(Value v, std::optional<std::vector<std::string>>* out) {
  *out = v.IsFalse() ? std::nullopt : ColumnNames(v);
  return v.IsFalse() || out->has_value();
}

bool ReadQuotes(Value v, CsvQuotes* out) {
  constexpr std::string_view kPolicies[] = {"minimal", "all", "non-numeric", "none"};
  const auto name = NameText(v);
  const auto found = std::ranges::find(kPolicies, name.value_or(""));
  *out = static_cast<CsvQuotes>(found - std::begin(kPolicies));
  return found != std::end(kPolicies);
}

bool ReadRow(Value v, size_t* out) {
  *out = v.IsInt() ? static_cast<size_t>(v.AsInt()) : 0;
  return v.IsInt() && v.AsInt() >= 0;
}

struct Option {
  std::string_view name;
  std::string_view expected;
  bool (*read)(Value v, CsvOptions* options);
};
constexpr Option kOptions[] = {
    {"delimiter", "an ASCII character",
     [](Value v, CsvOptions* o) { return ReadMark(v, &o->format.delimiter); }},
    {"quote", "an ASCII character",
     [](Value v, CsvOptions* o) { return ReadMark(v, &o->format.quote); }},
    {"header", "a boolean", [](Value v, CsvOptions* o) { return ReadBool(v, &o->has_header); }},
    {"header-row", "an integer that is not negative",
     [](Value v, CsvOptions* o) { return ReadRow(v, &o->header_row); }},
    {"trim", "a boolean", [](Value v, CsvOptions* o) { return ReadBool(v, &o->format.trim); }},
    {"comment", "an ASCII character or #f",
     [](Value v, CsvOptions* o) { return ReadComment(v, &o->format.comment); }},
    {"column-names", "a list of symbols or strings, or #f",
     [](Value v, CsvOptions* o) { return ReadNames(v, &o->names); }},
    {"null-tokens", "a list of strings, or #f",
     [](Value v, CsvOptions* o) { return ReadNullTokens(v, &o->null_tokens); }},
    {"quote-policy", "minimal, all, non-numeric or none",
     [](Value v, CsvOptions* o) { return ReadQuotes(v, &o->quotes); }},
    {"infer-types?", "a boolean",
     [](Value v, CsvOptions* o) { return ReadBool(v, &o->infers_types); }},
};

// False: an error is pending.
bool ReadOption(Vm& vm, std::string_view name, Value key, const Value* value, CsvOptions* options) {
  const auto* option = std::ranges::find(kOptions, OptionName(key), &Option::name);
  std::string reason;
  if (option == std::end(kOptions)) {
    reason = "unknown option " + std::string(NameText(key) ? *NameText(key) : "that is no name");
  } else if (value == nullptr) {
    reason = "option " + std::string(option->name) + " has no value";
  } else if (!option->read(*value, options)) {
    reason = "option " + std::string(option->name) + ": expected " + std::string(option->expected);
  } else {
    return true;
  }
  (void)Wrong(vm, name, reason);
  return false;
}

bool HaveCommonMark(const CsvFormat& format) {
  return format.delimiter == format.quote || format.comment == format.delimiter ||
         format.comment == format.quote;
}

}  // namespace

bool CsvOptions::IsNull(std::string_view cell) const {
  return std::ranges::find(null_tokens, cell) != null_tokens.end();
}

std::optional<std::vector<std::string>> ColumnNames(Value v) {
  std::vector<std::string> names;
  auto add = [&](Value item) {
    const auto name = NameText(item);
    if (name) names.emplace_back(*name);
    return name.has_value();
  };
  if (auto* vector = As<VectorObject>(v)) {
    if (!std::ranges::all_of(vector->span(), add)) return std::nullopt;
    return names;
  }
  ListWalker walk(v);
  for (; walk.More(); walk.Next()) {
    if (!add(walk.item())) return std::nullopt;
  }
  if (!walk.IsProper()) return std::nullopt;
  return names;
}

std::optional<CsvOptions> ReadCsvOptions(Vm& vm, std::string_view name, Args options) {
  const auto items = SpreadList(options);
  if (!items) {
    (void)Wrong(vm, name, "the options are no proper list");
    return std::nullopt;
  }
  CsvOptions read;
  for (size_t i = 0; i < items->size(); i += 2) {
    const Value* value = i + 1 < items->size() ? &(*items)[i + 1] : nullptr;
    if (!ReadOption(vm, name, (*items)[i], value, &read)) return std::nullopt;
  }
  if (!HaveCommonMark(read.format)) return read;
  (void)Wrong(vm, name, "delimiter, quote and comment must differ");
  return std::nullopt;
}

Expected<std::vector<std::string>, std::string> ReadCsvHeader(CsvReader* reader,
                                                              const CsvOptions& options) {
  std::vector<std::string> names;
  if (options.has_header) {
    for (size_t row = 0; row <= options.header_row; ++row) {
      const auto cells = reader->Next();
      if (!cells) return Unexpected(cells.error());
      if (*cells == nullptr) break;
      if (row == options.header_row)
        names.assign((*cells)->cells().begin(), (*cells)->cells().end());
    }
  }
  return options.names.value_or(names);
}

}  // namespace eta
