// FactTable: rows in columns, as values of the language. Rows have numbers from 0 in the order of
// their insertion, which they keep; deleting one leaves a gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "vm/external_bytes.h"
#include "vm/native.h"

namespace eta {

class Vm;

// A cell as a key: equal when eqv?, so also for integers of the heap.
struct CellKey {
  explicit CellKey(Value v);
  friend bool operator==(CellKey a, CellKey b) {
    return a.word == b.word && a.is_boxed == b.is_boxed;
  }
  uint64_t word;
  bool is_boxed;  // `word` is an integer that does not fit into a Value
};
struct CellKeyHash {
  size_t operator()(CellKey key) const;
};

// Thread safety: that of the VM it belongs to.
class FactTable {
 public:
  explicit FactTable(std::vector<std::string> column_names);

  const std::vector<std::string>& column_names() const { return names_; }
  size_t column_count() const { return names_.size(); }
  // Deleted rows count.
  size_t row_count() const { return is_live_.size(); }
  size_t live_count() const { return live_count_; }
  bool IsLive(size_t row) const { return row < row_count() && is_live_[row]; }
  // REQUIRES: row < row_count(), column < column_count(). The cells of deleted rows are ().
  Value At(size_t row, size_t column) const { return columns_[column][row]; }
  std::span<const Value> Column(size_t column) const { return columns_[column]; }

  // REQUIRES: as many cells as columns.
  void Insert(std::span<const Value> cells);
  // False: it was not there.
  bool Delete(size_t row);

  // A row may have a rule, any value; () if it has none. And a table may have one value of its own.
  // REQUIRES: row < row_count().
  void SetRule(size_t row, Value rule) { rules_[row] = rule; }
  Value Rule(size_t row) const {
    const auto found = rules_.find(row);
    return found == rules_.end() ? Value::Nil() : found->second;
  }
  void set_predicate(Value v) { predicate_ = v; }
  Value predicate() const { return predicate_; }

  void BuildIndex(size_t column);
  // The live rows with this cell, ascending.
  std::vector<size_t> Find(size_t column, Value cell) const;

  void Trace(Marker& marker) const;
  // Counts its memory as the heap's from now on.
  void CountIn(Heap& heap);

  // A table with the same rows and indexes, in which all values are (); all values of a table; and
  // putting such into it.
  std::unique_ptr<FactTable> Shape() const;
  void ListValues(std::vector<Value>* out) const;
  void Adopt(std::span<const Value> values);

 private:
  using Index = std::unordered_map<CellKey, std::vector<uint32_t>, CellKeyHash>;

  void CountBytes();

  const std::vector<std::string> names_;
  std::vector<std::vector<Value>> columns_;
  std::vector<bool> is_live_;
  size_t live_count_ = 0;
  std::vector<std::optional<Index>> indexes_;  // by column; also of deleted rows
  std::map<size_t, Value> rules_;              // by row
  Value predicate_ = Value::Nil();
  ExternalBytes bytes_;
};

// An empty one. Printed #<fact-table 3colsx6rows>, equal by identity; copied to other isolates with
// its cells.
Value NewFactTable(Vm& vm, std::vector<std::string> column_names);
// Null when `v` is no fact table. Valid as long as `v` is reachable.
FactTable* FactTableOf(Value v);

}  // namespace eta
