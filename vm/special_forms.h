// The forms that the expander knows, by name.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "vm/datum.h"

namespace eta {

class Expander;

// The elements of a form, its head first.
using Items = std::vector<const Datum*>;

// Rewrites `form` to core forms; null after Expander::Fail.
using ExpandFn = const Datum* (*)(Expander&, const Datum* form, const Items& items);

struct SpecialForm {
  std::string_view name;
  ExpandFn expand;
  std::string_view procedure = {};  // the builtin that the name is when it stands as a value
  enum class Kind : uint8_t {
    kExpression,
    kDefines,  // rewrites to definitions, not to core forms
    kSplices,  // rewrites to (begin form...), which stands for it anywhere
  };
  Kind kind = Kind::kExpression;
};

// Sorted by name.
std::span<const SpecialForm> SpecialForms();
// Null when there is none of that name.
const SpecialForm* FindSpecialForm(std::string_view name);

// The words that a program cannot bind, sorted. Some name forms that do not exist (yet).
std::span<const std::string_view> ReservedWords();
bool IsReservedWord(std::string_view name);

// Each family in a file of its own, vm/expand_*.cc.
#define ETA_EXPAND_FN(name) \
  const Datum* name(Expander& expander, const Datum* form, const Items& items)
ETA_EXPAND_FN(ExpandAnd);
ETA_EXPAND_FN(ExpandApply);
ETA_EXPAND_FN(ExpandBegin);
ETA_EXPAND_FN(ExpandCallCc);
ETA_EXPAND_FN(ExpandCallWithValues);
ETA_EXPAND_FN(ExpandCase);
ETA_EXPAND_FN(ExpandCatch);
ETA_EXPAND_FN(ExpandCatchAny);
ETA_EXPAND_FN(ExpandCond);
ETA_EXPAND_FN(ExpandCondExpand);
ETA_EXPAND_FN(ExpandDefineRecordType);
ETA_EXPAND_FN(ExpandDefineValues);
ETA_EXPAND_FN(ExpandDo);
ETA_EXPAND_FN(ExpandDynamicWind);
ETA_EXPAND_FN(ExpandEval);
ETA_EXPAND_FN(ExpandIf);
ETA_EXPAND_FN(ExpandInclude);
ETA_EXPAND_FN(ExpandLambda);
ETA_EXPAND_FN(ExpandLet);
ETA_EXPAND_FN(ExpandLetStar);
ETA_EXPAND_FN(ExpandLetSyntax);
ETA_EXPAND_FN(ExpandLetrec);
ETA_EXPAND_FN(ExpandLetrecSyntax);
ETA_EXPAND_FN(ExpandMisplacedDefinition);
ETA_EXPAND_FN(ExpandMisplacedModuleForm);
ETA_EXPAND_FN(ExpandMisplacedUnquote);
ETA_EXPAND_FN(ExpandOr);
ETA_EXPAND_FN(ExpandQuasiquote);
ETA_EXPAND_FN(ExpandQuote);
ETA_EXPAND_FN(ExpandRaise);
ETA_EXPAND_FN(ExpandSet);
ETA_EXPAND_FN(ExpandUnless);
ETA_EXPAND_FN(ExpandValues);
ETA_EXPAND_FN(ExpandWhen);
ETA_EXPAND_FN(ExpandWithHandler);

}  // namespace eta
