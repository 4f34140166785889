// Regular expressions. `%regex-replace-fn`, which calls back, is in stdlib/builtins.eta.
#include <algorithm>
#include <bit>
#include <cctype>
#include <unordered_map>
#include <utility>

#include "vm/builtins/arguments.h"
#include "vm/builtins/builtins.h"
#include "vm/regex.h"

namespace eta {
namespace {

using RegexPtr = std::shared_ptr<const Regex>;

// --- Patterns -----------------------------------------------------------------------------------

Value CompileError(Vm& vm, std::string_view name, const std::string& reason) {
  return vm.Fail(kRegexError, std::string(name) + ": invalid regex pattern: " + reason);
}

// Nothing with a type-error pending.
std::optional<Regex::Flags> ReadFlags(Vm& vm, std::string_view name, Args args) {
  constexpr Regex::Flags kGrammars = (1 << kRegexGrammars) - 1;
  Regex::Flags flags = 0;
  for (Value v : args) {
    const auto* found = std::ranges::find(kRegexFlagNames, OptionName(v));
    if (found == std::end(kRegexFlagNames)) {
      (void)Wrong(vm, name, "unknown flag " + std::string(NameText(v).value_or("that is no name")));
      return std::nullopt;
    }
    flags |= 1 << (found - std::begin(kRegexFlagNames));
  }
  if (std::popcount(flags & kGrammars) > 1) {
    (void)Wrong(vm, name, "more than one grammar");
    return std::nullopt;
  }
  return flags & kGrammars ? flags : flags | 1;
}

Value Compile(Vm& vm, Args args) {
  constexpr std::string_view kName = "%regex-compile";
  if (!IsString(args[0])) return Wrong(vm, kName, "pattern is not a string");
  const auto flags = SpreadList(args.subspan(1));
  if (!flags) return Wrong(vm, kName, "the flags are no proper list");
  const auto bits = ReadFlags(vm, kName, *flags);
  if (!bits) return Value::Failure();
  const auto regex = Regex::Compile(StringView(args[0]), *bits);
  return regex ? NewRegex(vm, *regex) : CompileError(vm, kName, regex.error());
}

// The patterns that a program gave as strings, so that a loop compiles its own only once.
struct PatternCache {
  static constexpr size_t kMaxPatterns = 64;
  std::unordered_map<std::string, RegexPtr> patterns;
};

PatternCache& CacheOf(Vm& vm) {
  constexpr const char* kKey = "regex patterns";
  if (vm.Attachment<PatternCache>(kKey) == nullptr) {
    vm.Attach(kKey, std::make_shared<PatternCache>());
  }
  return *vm.Attachment<PatternCache>(kKey);
}

// The regex that the argument is or names; null with something pending.
RegexPtr RegexArgument(Vm& vm, std::string_view name, Value v) {
  if (const RegexPtr* regex = RegexOf(v)) return *regex;
  if (!IsString(v)) {
    (void)Wrong(vm, name, "expected a regex or a pattern string");
    return nullptr;
  }
  auto& patterns = CacheOf(vm).patterns;
  const std::string pattern(StringView(v));
  if (const auto known = patterns.find(pattern); known != patterns.end()) return known->second;
  const auto regex = Regex::Compile(pattern, 1);
  if (!regex) {
    (void)CompileError(vm, name, regex.error());
    return nullptr;
  }
  if (patterns.size() == PatternCache::kMaxPatterns) patterns.clear();
  return patterns[pattern] = *regex;
}

// --- Matches ------------------------------------------------------------------------------------

// What a search works on, read from the first two arguments.
struct Subject {
  RegexPtr regex;
  Value input;
  std::string_view text() const { return StringView(input); }
};

std::optional<Subject> ReadSubject(Vm& vm, std::string_view name, Args args) {
  RegexPtr regex = RegexArgument(vm, name, args[0]);
  if (regex == nullptr) return std::nullopt;
  if (IsString(args[1])) return Subject{std::move(regex), args[1]};
  (void)Wrong(vm, name, "input is not a string");
  return std::nullopt;
}

Value MatchError(Vm& vm, std::string_view name, const std::string& reason) {
  return vm.Fail(kRegexError, std::string(name) + ": " + reason);
}

// Calls `use(groups)` for each match, in order. False: an error is pending.
template <class Use>
bool ForEachMatch(Vm& vm, std::string_view name, const Subject& subject, Use use) {
  const std::string_view text = subject.text();
  for (size_t at = 0; at <= text.size();) {
    const auto found = subject.regex->Search(text, at);
    if (!found) {
      (void)MatchError(vm, name, found.error());
      return false;
    }
    if (!*found) break;
    if (!MakeRoom(vm, name, sizeof(PairObject))) return false;  // at least that is made of it
    use(**found);
    const Regex::Range whole = *(**found)[0];
    at = whole.end;
    if (whole.begin < whole.end) continue;
    // The next one begins behind the character here, so that none is torn apart.
    ++at;
    while (at < text.size() && (text[at] & 0xC0) == 0x80) ++at;
  }
  return true;
}

Value RangeValue(Vm& vm, const std::optional<Regex::Range>& range) {
  if (!range) return Value::False();
  return vm.heap().Cons(Value::Int(static_cast<int64_t>(range->begin)),
                        Value::Int(static_cast<int64_t>(range->end)));
}

// #(start end groups named input)
Value MatchValue(Vm& vm, const Subject& subject, const Regex::Groups& groups) {
  Heap& heap = vm.heap();
  Root ranges(heap, heap.Vector(groups.size(), Value::False()));
  for (size_t i = 0; i < groups.size(); ++i) {
    const Value range = RangeValue(vm, groups[i]);
    As<VectorObject>(ranges)->elements[i] = range;
  }
  Root named(heap);
  const auto& names = subject.regex->names();
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    const bool has_group = name->group < groups.size();  // not with nosubs
    const Value range =
        has_group ? As<VectorObject>(ranges)->elements[name->group] : Value::False();
    Root entry(heap, heap.Cons(vm.Symbol(name->text), range));
    named = heap.Cons(entry, named);
  }
  const Value match = heap.Vector(5, Value::Nil());
  Value* const fields = As<VectorObject>(match)->elements;
  fields[0] = Value::Int(static_cast<int64_t>(groups[0]->begin));
  fields[1] = Value::Int(static_cast<int64_t>(groups[0]->end));
  fields[2] = ranges;
  fields[3] = named;
  fields[4] = subject.input;
  return match;
}

Value IsMatch(Vm& vm, Args args) {
  constexpr std::string_view kName = "%regex-match?";
  const auto subject = ReadSubject(vm, kName, args);
  if (!subject) return Value::Failure();
  const auto matches = subject->regex->MatchesAll(subject->text());
  return matches ? Value::Bool(*matches) : MatchError(vm, kName, matches.error());
}

Value Search(Vm& vm, Args args) {
  constexpr std::string_view kName = "%regex-search";
  const auto subject = ReadSubject(vm, kName, args);
  if (!subject) return Value::Failure();
  const auto start = args.size() > 2 ? IndexBelow(args[2], subject->text().size() + 1) : 0;
  if (!start) return Wrong(vm, kName, "start is no index of the input");
  const auto found = subject->regex->Search(subject->text(), *start);
  if (!found) return MatchError(vm, kName, found.error());
  return *found ? MatchValue(vm, *subject, **found) : Value::False();
}

Value FindAll(Vm& vm, Args args) {
  constexpr std::string_view kName = "%regex-find-all";
  const auto subject = ReadSubject(vm, kName, args);
  if (!subject) return Value::Failure();
  RootVector matches(vm.heap());
  const bool ok = ForEachMatch(vm, kName, *subject, [&](const Regex::Groups& groups) {
    matches.push_back(MatchValue(vm, *subject, groups));
  });
  return ok ? vm.heap().List(matches.span()) : Value::Failure();
}

// --- Replacing and splitting --------------------------------------------------------------------

// A replacement, taken apart: texts, each followed by a group, but for the last.
class Replacement {
 public:
  // $& and $N are groups, $<name> too where the pattern has names, $$ is a $. Error: there is no
  // such group.
  static Expected<Replacement, std::string> Parse(std::string_view text, const Regex& regex,
                                                  size_t group_count) {
    Replacement parsed;
    std::string* literal = &parsed.parts_.emplace_back().text;
    while (!text.empty()) {
      const size_t dollar = std::min(text.find('$'), text.size());
      literal->append(text.substr(0, dollar));
      text.remove_prefix(dollar);
      if (text.empty()) break;
      const auto reference = ReadReference(text, regex, group_count);
      if (!reference) return Unexpected(reference.error());
      text.remove_prefix(reference->length);
      if (reference->group) {
        parsed.parts_.back().group = reference->group;
        literal = &parsed.parts_.emplace_back().text;
      } else {
        *literal += '$';
      }
    }
    return parsed;
  }

  void Append(std::string_view input, const Regex::Groups& groups, std::string* out) const {
    for (const Part& part : parts_) {
      *out += part.text;
      if (!part.group || *part.group >= groups.size() || !groups[*part.group]) continue;
      const Regex::Range range = *groups[*part.group];
      *out += input.substr(range.begin, range.end - range.begin);
    }
  }

 private:
  struct Part {
    std::string text;
    std::optional<size_t> group;
  };
  struct Reference {
    size_t length;  // of its text
    std::optional<size_t> group;
  };

  // REQUIRES: `text` begins with a $.
  static Expected<Reference, std::string> ReadReference(std::string_view text, const Regex& regex,
                                                        size_t group_count) {
    const char next = text.size() > 1 ? text[1] : '\0';
    if (next == '&') return Reference{2, 0};
    if (next == '$') return Reference{2, std::nullopt};
    if (next == '<' && !regex.names().empty()) return ReadName(text, regex);
    size_t length = 1, group = 0;
    // Two digits only if there is such a group.
    while (length < 3 && length < text.size() && std::isdigit(static_cast<uint8_t>(text[length]))) {
      const size_t longer = group * 10 + static_cast<size_t>(text[length] - '0');
      if (length == 2 && longer >= group_count) break;
      group = longer;
      ++length;
    }
    if (length == 1) return Reference{1, std::nullopt};
    return Reference{length, group};
  }

  static Expected<Reference, std::string> ReadName(std::string_view text, const Regex& regex) {
    const size_t end = text.find('>');
    const std::string name(text.substr(2, std::max<size_t>(end, 2) - 2));
    const auto known = std::ranges::find(regex.names(), name, &Regex::Name::text);
    if (end == std::string_view::npos || known == regex.names().end()) {
      return Unexpected("no group named " + name);
    }
    return Reference{end + 1, known->group};
  }

  std::vector<Part> parts_;
};

Value Replace(Vm& vm, Args args) {
  constexpr std::string_view kName = "%regex-replace";
  const auto subject = ReadSubject(vm, kName, args);
  if (!subject) return Value::Failure();
  if (!IsString(args[2])) return Wrong(vm, kName, "replacement is not a string");
  const std::string_view text = subject->text();
  const auto replacement =
      Replacement::Parse(StringView(args[2]), *subject->regex, subject->regex->group_count());
  if (!replacement) return Wrong(vm, kName, replacement.error());
  std::string out;
  size_t copied = 0;
  const bool ok = ForEachMatch(vm, kName, *subject, [&](const Regex::Groups& groups) {
    out += text.substr(copied, groups[0]->begin - copied);
    replacement->Append(text, groups, &out);
    copied = groups[0]->end;
  });
  if (!ok) return Value::Failure();
  out += text.substr(copied);
  if (!MakeRoomForString(vm, kName, out.size())) return Value::Failure();
  return vm.String(out);
}

// An empty match splits between characters only.
Value Split(Vm& vm, Args args) {
  constexpr std::string_view kName = "%regex-split";
  const auto subject = ReadSubject(vm, kName, args);
  if (!subject) return Value::Failure();
  const std::string_view text = subject->text();
  RootVector pieces(vm.heap());
  size_t start = 0;
  const bool ok = ForEachMatch(vm, kName, *subject, [&](const Regex::Groups& groups) {
    const Regex::Range range = *groups[0];
    if (range.end == range.begin && (range.begin == start || range.end == text.size())) return;
    pieces.push_back(vm.String(text.substr(start, range.begin - start)));
    start = range.end;
  });
  if (!ok) return Value::Failure();
  pieces.push_back(vm.String(text.substr(start)));
  if (!MakeRoom(vm, kName, VectorObject::Bytes(pieces.size()))) return Value::Failure();
  const Value split = vm.heap().Vector(pieces.size(), Value::Nil());
  std::ranges::copy(pieces.span(), As<VectorObject>(split)->elements);
  return split;
}

Value Quote(Vm& vm, Args args) {
  if (!IsString(args[0])) return Wrong(vm, "%regex-quote", "argument is not a string");
  std::string quoted;
  for (char c : StringView(args[0])) {
    if (std::string_view("\\.^$|()[]{}*+?").find(c) != std::string_view::npos) quoted += '\\';
    quoted += c;
  }
  if (!MakeRoomForString(vm, "%regex-quote", quoted.size())) return Value::Failure();
  return vm.String(quoted);
}

// --- Looking at a regex -------------------------------------------------------------------------

Value IsRegex(Vm&, Args args) { return Value::Bool(RegexOf(args[0]) != nullptr); }

Value PatternOf(Vm& vm, Args args) {
  const RegexPtr* regex = RegexOf(args[0]);
  return regex ? vm.String((*regex)->pattern()) : Wrong(vm, "%regex-pattern", "expected a regex");
}

// The grammar first.
Value FlagsOf(Vm& vm, Args args) {
  const RegexPtr* regex = RegexOf(args[0]);
  if (regex == nullptr) return Wrong(vm, "%regex-flags", "expected a regex");
  Root flags(vm.heap());
  for (size_t i = std::size(kRegexFlagNames); i-- > 0;) {
    if ((*regex)->flags() >> i & 1) {
      flags = vm.heap().Cons(vm.Symbol(kRegexFlagNames[i]), flags);
    }
  }
  return flags;
}

constexpr NativeDef kNatives[] = {
    {"%regex-compile", Compile, 1, kAnyCount,
     "(%regex-compile pattern flag ...): a regex; flags name a grammar and how to match"},
    {"%regex?", IsRegex, 1, 1, "(%regex? v): whether v is a regex"},
    {"%regex-pattern", PatternOf, 1, 1, "(%regex-pattern r): its pattern"},
    {"%regex-flags", FlagsOf, 1, 1, "(%regex-flags r): a list of its flags, the grammar first"},
    {"%regex-match?", IsMatch, 2, 2, "(%regex-match? r s): whether all of s matches"},
    {"%regex-search", Search, 2, 3,
     "(%regex-search r s [start]): the first match #(start end groups named input), or #f"},
    {"%regex-find-all", FindAll, 2, 2, "(%regex-find-all r s): a list of all matches"},
    {"%regex-replace", Replace, 3, 3,
     "(%regex-replace r s text): s with every match replaced; $& $1 $<name> $$ in text"},
    {"%regex-split", Split, 2, 2, "(%regex-split r s): a vector of the pieces between the matches"},
    {"%regex-quote", Quote, 1, 1, "(%regex-quote s): a pattern that matches just s"},
};

}  // namespace

std::span<const NativeDef> RegexBuiltins() { return kNatives; }

}  // namespace eta
