#include "vm/syntax_rules.h"

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "vm/expander.h"

namespace eta {
namespace {

// What a pattern variable matched: a form, or a sequence of matches if an ellipsis follows it.
struct Match {
  int depth = 0;  // number of ellipses that it stands under
  const Datum* datum = nullptr;
  std::vector<Match> items;
};

using Matches = std::unordered_map<Name, Match>;

bool IsEllipsis(const Macro& macro, const Datum* datum) {
  if (macro.ellipsis) return datum->IsSymbol(macro.ellipsis);
  if (!IsSymbolNamed(datum, "...")) return false;
  for (const Datum* literal : macro.literals) {
    if (IsSymbolNamed(literal, "...")) return false;
  }
  return true;
}

bool IsFollowedByEllipsis(const Macro& macro, const Datum* pair) {
  return pair->Cdr()->IsPair() && IsEllipsis(macro, pair->Cdr()->Car());
}

bool SameDatum(const Datum* a, const Datum* b) {
  if (a->kind != b->kind) return false;
  switch (a->kind) {
    case Datum::Kind::kBool:
      return a->boolean == b->boolean;
    case Datum::Kind::kInt:
      return a->integer == b->integer;
    case Datum::Kind::kFloat:
      return a->real == b->real;
    case Datum::Kind::kChar:
      return a->character == b->character;
    default:
      return a->text == b->text;
  }
}

bool Reject(Expander& expander, const Datum* place, std::string message) {
  expander.Fail(place->span, "syntax-rules: " + std::move(message));
  return false;
}

size_t PairCount(const Datum* list) {
  size_t count = 0;
  for (; list->IsPair(); list = list->Cdr()) ++count;
  return count;
}

// Checks a pattern once, at the macro's definition.
class PatternChecker {
 public:
  PatternChecker(Expander& expander, const Macro& macro) : expander_(expander), macro_(macro) {}

  bool Check(const Datum* pattern) {
    const Expander::Nesting nesting(expander_, pattern->span);
    if (!nesting.ok()) return false;
    if (pattern->IsSymbol()) return CheckVariable(pattern);
    if (pattern->kind == Datum::Kind::kVector) {
      return CheckList(expander_.List(pattern->elements, pattern->span));
    }
    return !pattern->IsPair() || CheckList(pattern);
  }

 private:
  bool CheckVariable(const Datum* symbol) {
    if (IsEllipsis(macro_, symbol)) return Reject(expander_, symbol, "an ellipsis out of place");
    for (const Datum* literal : macro_.literals) {
      if (literal->IsSymbol(symbol->symbol)) return true;
    }
    if (*symbol->symbol == "_" || seen_.insert(symbol->symbol).second) return true;
    return Reject(expander_, symbol, "duplicate pattern variable: " + *symbol->symbol);
  }

  bool CheckList(const Datum* list) {
    bool repeated = false;
    for (; list->IsPair(); list = list->Cdr()) {
      if (!Check(list->Car())) return false;
      if (!IsFollowedByEllipsis(macro_, list)) continue;
      if (repeated) return Reject(expander_, list, "two ellipses in one list of a pattern");
      repeated = true;
      list = list->Cdr();
    }
    return list->IsNil() || Check(list);
  }

  Expander& expander_;
  const Macro& macro_;
  std::unordered_set<Name> seen_;
};

class Matcher {
 public:
  Matcher(Expander& expander, const Macro& macro) : expander_(expander), macro_(macro) {}

  bool Run(const Datum* pattern, const Datum* form, Matches* out) {
    if (pattern->IsSymbol()) return MatchSymbol(pattern, form, out);
    if (pattern->kind == Datum::Kind::kVector) {
      return form->kind == Datum::Kind::kVector &&
             Run(expander_.List(pattern->elements, pattern->span),
                 expander_.List(form->elements, form->span), out);
    }
    for (; pattern->IsPair(); pattern = pattern->Cdr(), form = form->Cdr()) {
      if (IsFollowedByEllipsis(macro_, pattern)) {
        return MatchRepeated(pattern->Car(), pattern->Cdr()->Cdr(), form, out);
      }
      if (!form->IsPair() || !Run(pattern->Car(), form->Car(), out)) return false;
    }
    return pattern->IsSymbol() ? MatchSymbol(pattern, form, out) : SameDatum(pattern, form);
  }

 private:
  bool MatchSymbol(const Datum* pattern, const Datum* form, Matches* out) {
    for (const Datum* literal : macro_.literals) {
      if (!literal->IsSymbol(pattern->symbol)) continue;
      return form->IsSymbol() && expander_.Resolve(form->symbol) ==
                                     expander_.Resolve(literal->symbol, macro_.environment);
    }
    if (*pattern->symbol != "_") (*out)[pattern->symbol] = Match{0, form, {}};
    return true;
  }

  // `repeated ... rest`: as many as leave enough elements for the rest.
  bool MatchRepeated(const Datum* repeated, const Datum* rest, const Datum* form, Matches* out) {
    const size_t available = PairCount(form), wanted = PairCount(rest);
    if (available < wanted) return false;
    Declare(repeated, out);
    for (size_t i = available - wanted; i > 0; --i, form = form->Cdr()) {
      Matches inner;
      if (!Run(repeated, form->Car(), &inner)) return false;
      for (auto& [name, match] : inner) (*out)[name].items.push_back(std::move(match));
    }
    return Run(rest, form, out);
  }

  // Gives the variables of a repeated pattern their empty sequences.
  void Declare(const Datum* pattern, Matches* out) {
    Matches variables;
    AddVariables(pattern, 1, &variables);
    for (auto& [name, match] : variables) (*out)[name] = std::move(match);
  }

  void AddVariables(const Datum* pattern, int depth, Matches* out) {
    if (pattern->kind == Datum::Kind::kVector) {
      return AddVariables(expander_.List(pattern->elements, pattern->span), depth, out);
    }
    for (; pattern->IsPair(); pattern = pattern->Cdr()) {
      const bool repeated = IsFollowedByEllipsis(macro_, pattern);
      AddVariables(pattern->Car(), depth + repeated, out);
      if (repeated) pattern = pattern->Cdr();
    }
    if (!pattern->IsSymbol() || *pattern->symbol == "_") return;
    for (const Datum* literal : macro_.literals) {
      if (literal->IsSymbol(pattern->symbol)) return;
    }
    (*out)[pattern->symbol] = Match{depth, nullptr, {}};
  }

  Expander& expander_;
  const Macro& macro_;
};

// Fills a template in. What it makes stands where the macro was used.
class Transcriber {
 public:
  Transcriber(Expander& expander, const Macro& macro, SourceSpan span)
      : expander_(expander), macro_(macro), span_(span) {}

  // Null: failed.
  const Datum* Run(const Datum* body, const Matches& matches) {
    const Expander::Nesting nesting(expander_, span_);
    if (!nesting.ok()) return nullptr;
    if (body->IsSymbol()) return Symbol(body, matches);
    if (body->kind == Datum::Kind::kVector) return Vector(body, matches);
    if (!body->IsPair()) return body;
    if (!literal_ && IsEllipsis(macro_, body->Car()) && body->Cdr()->IsPair()) {
      const bool outer = std::exchange(literal_, true);  // (... template)
      const Datum* result = Run(body->Cdr()->Car(), matches);
      literal_ = outer;
      return result;
    }
    return List(body, matches);
  }

 private:
  std::nullptr_t Fail(const std::string& message) {
    return expander_.Fail(span_, *macro_.name + ": " + message);
  }
  bool Refuse(const std::string& message) { return Fail(message) != nullptr; }

  const Datum* Symbol(const Datum* symbol, const Matches& matches) {
    const auto found = matches.find(symbol->symbol);
    if (found != matches.end()) {
      if (found->second.depth == 0) return found->second.datum;
      return Fail("too few ellipses follow " + *symbol->symbol + " in the template");
    }
    const Datum*& alias = aliases_[symbol->symbol];
    if (!alias) alias = expander_.Alias(symbol->symbol, macro_.environment, span_);
    return alias;
  }

  const Datum* Vector(const Datum* vector, const Matches& matches) {
    const Datum* list = List(expander_.List(vector->elements, vector->span), matches);
    if (!list) return nullptr;
    Items elements;
    ListElements(list, &elements);
    return expander_.Vector(std::move(elements), span_);
  }

  const Datum* List(const Datum* list, const Matches& matches) {
    Items items;
    for (; list->IsPair(); list = list->Cdr()) {
      const Datum* element = list->Car();
      int repeated = 0;
      for (; !literal_ && IsFollowedByEllipsis(macro_, list); list = list->Cdr()) ++repeated;
      if (!Repeat(element, repeated, matches, &items)) return nullptr;
    }
    const Datum* result = list->IsNil() ? expander_.EmptyList(span_) : Run(list, matches);
    if (!result) return nullptr;
    for (size_t i = items.size(); i-- > 0;) result = expander_.Pair(items[i], result, span_);
    return result;
  }

  // Appends the instances of an element that `count` ellipses follow.
  bool Repeat(const Datum* element, int count, const Matches& matches, Items* out) {
    if (count == 0) {
      out->push_back(Run(element, matches));
      return out->back() != nullptr;
    }
    std::vector<Name> drivers;
    CollectDrivers(element, count - 1, matches, &drivers);
    if (drivers.empty()) return Refuse("nothing to repeat before an ellipsis of the template");
    const size_t length = matches.at(drivers[0]).items.size();
    for (Name driver : drivers) {
      if (matches.at(driver).items.size() == length) continue;
      return Refuse(*drivers[0] + " and " + *driver + " have different numbers of matches");
    }
    Matches inner = matches;
    for (size_t i = 0; i < length; ++i) {
      for (Name driver : drivers) inner[driver] = matches.at(driver).items[i];
      if (!Repeat(element, count - 1, inner, out)) return false;
    }
    return true;
  }

  // The variables that this ellipsis walks through: those that are deeper than the ellipses within.
  void CollectDrivers(const Datum* body, int inner, const Matches& matches,
                      std::vector<Name>* out) {
    if (body->kind == Datum::Kind::kVector) {
      return CollectDrivers(expander_.List(body->elements, span_), inner, matches, out);
    }
    for (; body->IsPair(); body = body->Cdr()) {
      const Datum* element = body->Car();
      int repeated = 0;
      for (; IsFollowedByEllipsis(macro_, body); body = body->Cdr()) ++repeated;
      CollectDrivers(element, inner + repeated, matches, out);
    }
    if (!body->IsSymbol()) return;
    const auto found = matches.find(body->symbol);
    if (found != matches.end() && found->second.depth > inner) out->push_back(body->symbol);
  }

  Expander& expander_;
  const Macro& macro_;
  const SourceSpan span_;
  bool literal_ = false;  // inside (... template)
  std::unordered_map<Name, const Datum*> aliases_;
};

}  // namespace

bool ParseSyntaxRules(Expander& expander, const Datum* form, Macro* out) {
  Items items;
  if (!expander.CheckList(form, "syntax-rules", &items) ||
      !expander.CheckSize(form, items, 2, SIZE_MAX,
                          "(syntax-rules (literal...) (pattern template)...)")) {
    return false;
  }
  size_t rules = 2;
  if (items[1]->IsSymbol()) {
    out->ellipsis = items[1]->symbol;
    rules = 3;
  }
  if (items.size() < rules) return Reject(expander, form, "no list of literals");
  if (!expander.CheckList(items[rules - 1], "the literals", &out->literals)) return false;
  for (const Datum* literal : out->literals) {
    if (!literal->IsSymbol()) return Reject(expander, literal, "a literal must be a symbol");
  }
  for (size_t i = rules; i < items.size(); ++i) {
    Items rule;
    if (!expander.CheckList(items[i], "a rule of syntax-rules", &rule)) return false;
    if (rule.size() != 2 || !rule[0]->IsPair()) {
      return Reject(expander, items[i], "a rule must be ((_ pattern...) template)");
    }
    if (!PatternChecker(expander, *out).Check(rule[0]->Cdr())) return false;
    out->rules.push_back({rule[0]->Cdr(), rule[1]});
  }
  return true;
}

const Datum* Transcribe(Expander& expander, const Macro& macro, const Datum* form) {
  for (const Macro::Rule& rule : macro.rules) {
    Matches matches;
    if (!Matcher(expander, macro).Run(rule.pattern, form->Cdr(), &matches)) continue;
    return Transcriber(expander, macro, form->span).Run(rule.body, matches);
  }
  return expander.Fail(form->span, *macro.name + ": no rule of the macro matches this use");
}

}  // namespace eta
