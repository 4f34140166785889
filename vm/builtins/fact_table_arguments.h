// What the builtins of fact tables share.
#pragma once

#include <string>
#include <string_view>

#include "vm/builtins/arguments.h"
#include "vm/fact_table.h"

namespace eta {

// Null with a type-error pending.
inline FactTable* TableArgument(Vm& vm, std::string_view name, Value v) {
  FactTable* table = FactTableOf(v);
  if (table == nullptr) (void)Wrong(vm, name, "expected a fact table");
  return table;
}

// The number of a row or column; SIZE_MAX for one that no table has. False, with a type-error
// pending: it is no integer.
inline bool IndexArgument(Vm& vm, std::string_view name, std::string_view what, Value v,
                          size_t* index) {
  *index = v.IsInt() && v.AsInt() >= 0 ? static_cast<size_t>(v.AsInt()) : SIZE_MAX;
  if (IsInteger(v)) return true;
  (void)Wrong(vm, name, std::string(what) + " must be an integer");
  return false;
}

}  // namespace eta
