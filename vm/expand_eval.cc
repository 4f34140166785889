// eval: of a literal quote it sees the variables around it.
#include <unordered_set>
#include <utility>

#include "vm/expander.h"

namespace eta {
namespace {

// The symbols in `datum`, each once, in order.
Items SymbolsIn(const Datum* datum) {
  Items symbols, rest{datum};
  std::unordered_set<Name> seen;
  while (!rest.empty()) {
    datum = rest.back();
    rest.pop_back();
    if (datum->IsSymbol() && seen.insert(datum->symbol).second) symbols.push_back(datum);
    if (datum->IsPair()) rest.insert(rest.end(), {datum->Cdr(), datum->Car()});
  }
  return symbols;
}

// Whether a variable of that name can be read where the expander is: a local, or one of the
// module's own. Imports do not count.
bool IsVisible(const Meaning& meaning) {
  return meaning.kind == Meaning::Kind::kLocal || (meaning.bound && !meaning.imported);
}

}  // namespace

// (eval 'datum) hands the values of the variables that the datum mentions over, by name.
ETA_EXPAND_FN(ExpandEval) {
  Items quoted;
  const bool literal = items.size() == 2 && items[1]->IsPair() &&
                       IsSymbolNamed(items[1]->Car(), "quote") && ListElements(items[1], &quoted) &&
                       quoted.size() == 2;
  Items operands;
  if (!expander.ExpandAll(items, 1, &operands)) return nullptr;
  Items names, values;
  for (const Datum* symbol : literal ? SymbolsIn(quoted[1]) : Items{}) {
    const Meaning meaning = expander.Resolve(symbol->symbol);
    if (IsReservedWord(*symbol->symbol) || !IsVisible(meaning)) continue;
    names.push_back(symbol);
    values.push_back(expander.Reference(symbol, meaning));
  }
  if (names.empty()) return expander.CallBuiltin("eval", std::move(operands), form->span);
  operands.push_back(expander.Quote(expander.List(names, form->span)));
  operands.push_back(expander.CallBuiltin("list", std::move(values), form->span));
  return expander.CallBuiltin("%eval-with", std::move(operands), form->span);
}

}  // namespace eta
