// Regular expressions over bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"
#include "vm/native.h"

namespace eta {

class Vm;

// A grammar, and how to match. The grammars come first, in the order of RegexFlag's bits.
inline constexpr std::string_view kRegexFlagNames[] = {
    "ecmascript", "basic",     "extended", "awk",      "grep",   "egrep",
    "icase",      "multiline", "nosubs",   "optimize", "collate"};
inline constexpr size_t kRegexGrammars = 6;

// An immutable compiled pattern. Thread safety: any thread.
class Regex {
 public:
  // Sets of flags: bit i is kRegexFlagNames[i]. Exactly one bit of a grammar.
  using Flags = uint32_t;

  // Where a group matched. A group that took no part in the match has none.
  struct Range {
    size_t begin, end;
  };
  using Groups = std::vector<std::optional<Range>>;  // [0] is the whole match
  struct Name {
    std::string text;
    size_t group;
  };

  // Error: what is wrong with the pattern.
  static Expected<std::shared_ptr<const Regex>, std::string> Compile(std::string_view pattern,
                                                                     Flags flags);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  const std::string& pattern() const { return pattern_; }
  Flags flags() const { return flags_; }
  size_t group_count() const;  // with the whole match
  // The named groups, as the pattern has them. Only of the grammar ecmascript.
  const std::vector<Name>& names() const { return names_; }

  // Whether all of `text` matches. Error: why that could not be found out.
  Expected<bool, std::string> MatchesAll(std::string_view text) const;
  // The groups of the first match that begins at `start` or behind it; none: there is no match.
  Expected<std::optional<Groups>, std::string> Search(std::string_view text, size_t start) const;

 private:
  struct Program;
  Regex(std::string_view pattern, Flags flags);

  const std::string pattern_;
  const Flags flags_;
  std::vector<Name> names_;
  std::unique_ptr<const Program> program_;
};

// Printed #<regex "a.c" :icase>, equal by pattern and flags, sent to other isolates as they are.
Value NewRegex(Vm& vm, std::shared_ptr<const Regex> regex);
// Null when `v` is no regex. Valid as long as `v` is reachable.
const std::shared_ptr<const Regex>* RegexOf(Value v);

}  // namespace eta
