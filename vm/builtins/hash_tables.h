// What the builtins of hash maps and hash sets share.
#pragma once

#include <optional>
#include <string_view>

#include "vm/builtins/arguments.h"
#include "vm/equality.h"
#include "vm/hamt.h"

namespace eta {

// The key's hash; nothing, with a type-error pending, when it cannot be a key.
inline std::optional<uint64_t> KeyHash(Vm& vm, std::string_view name, Value key) {
  const auto hash = HashValue(vm, key);
  if (!hash) (void)Wrong(vm, name, "unhashable value");
  return hash;
}

// A table under change, rooted. Automatic variables only, like Root.
class TableBuilder {
 public:
  // `name` is the builtin's, for messages.
  TableBuilder(Vm& vm, std::string_view name, const Hamt& start = {})
      : vm_(vm), name_(name), table_(start), root_(vm.heap(), start.root) {}

  // False: the key is unhashable and an error is pending. REQUIRES: key and value are rooted.
  bool Put(Value key, Value value) {
    const auto hash = KeyHash(vm_, name_, key);
    if (hash) Become(HamtInsert(vm_, table_, key, *hash, value));
    return hash.has_value();
  }
  bool Remove(Value key) {
    const auto hash = KeyHash(vm_, name_, key);
    if (hash) Become(HamtRemove(vm_, table_, key, *hash));
    return hash.has_value();
  }

  size_t count() const { return table_.count; }
  Value Finish(const ForeignType* type) { return NewHashTable(vm_, type, table_); }

 private:
  void Become(const Hamt& table) {
    table_ = table;
    root_ = table.root;
  }

  Vm& vm_;
  const std::string_view name_;
  Hamt table_;
  Root root_;
};

}  // namespace eta
