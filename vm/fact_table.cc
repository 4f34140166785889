#include "vm/fact_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "vm/number_text.h"
#include "vm/transfer.h"
#include "vm/vm.h"

namespace eta {

CellKey::CellKey(Value v) : word(v.bits()), is_boxed(Is(v, ObjectKind::kInt64)) {
  if (is_boxed) word = static_cast<uint64_t>(ToInt64(v));
}

size_t CellKeyHash::operator()(CellKey key) const {
  const uint64_t mixed = (key.word ^ key.word >> 32) * 0x9E3779B97F4A7C15;
  return mixed ^ mixed >> 29 ^ key.is_boxed;
}

FactTable::FactTable(std::vector<std::string> column_names)
    : names_(std::move(column_names)), columns_(names_.size()), indexes_(names_.size()) {}

void FactTable::Insert(std::span<const Value> cells) {
  const bool grows = is_live_.size() == is_live_.capacity();
  const auto row = static_cast<uint32_t>(is_live_.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    columns_[i].push_back(cells[i]);
    if (indexes_[i]) (*indexes_[i])[CellKey(cells[i])].push_back(row);
  }
  is_live_.push_back(true);
  ++live_count_;
  if (grows) CountBytes();
}

bool FactTable::Delete(size_t row) {
  if (!IsLive(row)) return false;
  is_live_[row] = false;
  --live_count_;
  for (auto& column : columns_) column[row] = Value::Nil();
  rules_.erase(row);
  return true;
}

void FactTable::BuildIndex(size_t column) {
  Index& index = indexes_[column].emplace();
  for (size_t row = 0; row < row_count(); ++row) {
    if (is_live_[row]) index[CellKey(At(row, column))].push_back(static_cast<uint32_t>(row));
  }
  CountBytes();
}

std::vector<size_t> FactTable::Find(size_t column, Value cell) const {
  std::vector<size_t> rows;
  const CellKey key(cell);
  if (const auto& index = indexes_[column]) {
    const auto found = index->find(key);
    if (found == index->end()) return rows;
    std::ranges::copy_if(found->second, std::back_inserter(rows),
                         [&](uint32_t row) { return is_live_[row]; });
    return rows;
  }
  for (size_t row = 0; row < row_count(); ++row) {
    if (is_live_[row] && CellKey(At(row, column)) == key) rows.push_back(row);
  }
  return rows;
}

void FactTable::Trace(Marker& marker) const {
  for (const auto& column : columns_) marker.MarkAll(column);
  for (const auto& [row, rule] : rules_) marker.Mark(rule);
  marker.Mark(predicate_);
}

void FactTable::CountIn(Heap& heap) {
  bytes_.Count(heap, 0);
  CountBytes();
}

// Indexes by rule of thumb: a node per key, or a number per row.
void FactTable::CountBytes() {
  constexpr size_t kIndexBytesPerRow = 40;
  size_t bytes = sizeof(FactTable) + is_live_.capacity() / 8;
  for (size_t i = 0; i < columns_.size(); ++i) {
    bytes += columns_[i].capacity() * sizeof(Value);
    if (indexes_[i]) bytes += row_count() * kIndexBytesPerRow;
  }
  bytes_.Update(bytes);
}

std::unique_ptr<FactTable> FactTable::Shape() const {
  auto shape = std::make_unique<FactTable>(names_);
  for (auto& column : shape->columns_) column.assign(row_count(), Value::Nil());
  shape->is_live_ = is_live_;
  shape->live_count_ = live_count_;
  for (const auto& [row, rule] : rules_) shape->rules_[row] = Value::Nil();
  for (size_t i = 0; i < indexes_.size(); ++i) {
    if (indexes_[i]) shape->indexes_[i].emplace();
  }
  return shape;
}

void FactTable::ListValues(std::vector<Value>* out) const {
  for (const auto& column : columns_) out->insert(out->end(), column.begin(), column.end());
  for (const auto& [row, rule] : rules_) out->push_back(rule);
  out->push_back(predicate_);
}

void FactTable::Adopt(std::span<const Value> values) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    std::ranges::copy(values.first(row_count()), columns_[i].begin());
    values = values.subspan(row_count());
    if (indexes_[i]) BuildIndex(i);
  }
  for (auto& [row, rule] : rules_) {
    rule = values.front();
    values = values.subspan(1);
  }
  predicate_ = values.front();
}

// --- As a value of the language -----------------------------------------------------------------

namespace {

FactTable* TableIn(void* data) { return static_cast<FactTable*>(data); }

void PrintTable(Vm&, void* data, PrintMode, std::string* out) {
  *out += "#<fact-table ";
  AppendInteger(static_cast<int64_t>(TableIn(data)->column_count()), out);
  *out += "colsx";
  AppendInteger(static_cast<int64_t>(TableIn(data)->live_count()), out);
  *out += "rows>";
}

void ListValues(const void* data, std::vector<Value>* out) {
  static_cast<const FactTable*>(data)->ListValues(out);
}

constexpr ForeignTransfer kTableTransfer = {
    .copy = [](const void* data, Transfer& transfer) -> void* {
      auto copy = static_cast<const FactTable*>(data)->Shape();
      if (transfer.arriving()) copy->CountIn(transfer.vm().heap());
      return copy.release();
    },
    .values = ListValues,
    .adopt = [](Vm&, void* data, std::span<const Value> values) { TableIn(data)->Adopt(values); },
};
constexpr ForeignType kFactTableType = {
    .name = "fact-table",
    .trace = [](void* data, Marker& marker) { TableIn(data)->Trace(marker); },
    .finalize = [](void* data) { delete TableIn(data); },
    .print = PrintTable,
    .transfer = &kTableTransfer,
};

}  // namespace

Value NewFactTable(Vm& vm, std::vector<std::string> column_names) {
  auto table = std::make_unique<FactTable>(std::move(column_names));
  table->CountIn(vm.heap());
  return vm.heap().Foreign(&kFactTableType, table.release());
}

FactTable* FactTableOf(Value v) { return TableIn(ForeignData(v, &kFactTableType)); }

}  // namespace eta
