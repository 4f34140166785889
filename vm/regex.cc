#include "vm/regex.h"

// The matcher keeps what it may come back to in blocks of 4 KiB. The library's own limit of 4 MiB
// is used up by 100 KB of text; beyond this one, 1 GiB, a match is an error.
#define BOOST_REGEX_MAX_BLOCKS (1 << 18)
#include <boost/regex.hpp>
#include <cctype>
#include <exception>
#include <new>

#include "vm/external_bytes.h"
#include "vm/intern_table.h"
#include "vm/transfer.h"
#include "vm/vm.h"

namespace eta {
namespace {

// A type of our own, so that the code which the limit above went into is not mixed up with that in
// the library.
struct Traits : boost::cpp_regex_traits<char> {};
using Pattern = boost::basic_regex<char, Traits>;
using Match = boost::match_results<const char*>;

enum FlagBit : Regex::Flags {
  kEcmascript = 1 << 0,
  kIcase = 1 << 6,
  kMultiline = 1 << 7,
  kNosubs = 1 << 8,
  kCollate = 1 << 10,
};

unsigned Syntax(Regex::Flags flags) {
  namespace rc = boost::regex_constants;
  constexpr unsigned kGrammars[] = {rc::ECMAScript, rc::basic, rc::extended,
                                    rc::awk,        rc::grep,  rc::egrep};
  unsigned syntax = 0;
  for (size_t i = 0; i < kRegexGrammars; ++i) {
    if (flags >> i & 1) syntax = kGrammars[i];
  }
  if (flags & kIcase) syntax |= rc::icase;
  if (flags & kNosubs) syntax |= rc::nosubs;
  if (flags & kCollate) syntax |= rc::collate;
  return syntax;
}

boost::match_flag_type Matching(Regex::Flags flags) {
  boost::match_flag_type matching = boost::match_default;
  if (!(flags & kMultiline)) matching |= boost::match_single_line;
  if (flags & kEcmascript) matching |= boost::match_not_dot_newline;
  return matching;
}

std::string_view Describe(boost::regex_constants::error_type code) {
  namespace rc = boost::regex_constants;
  struct Text {
    rc::error_type code;
    std::string_view text;
  };
  constexpr Text kTexts[] = {
      {rc::error_collate, "Invalid collating element"},
      {rc::error_ctype, "Invalid character class"},
      {rc::error_escape, "Invalid escape or trailing backslash"},
      {rc::error_backref, "Invalid back reference"},
      {rc::error_brack, "Mismatched '[' and ']'"},
      {rc::error_paren, "Mismatched '(' and ')'"},
      {rc::error_brace, "Mismatched '{' and '}'"},
      {rc::error_badbrace, "Invalid range in '{}'"},
      {rc::error_range, "Invalid character range"},
      {rc::error_badrepeat, "Nothing to repeat before '*', '+', '?' or '{'"},
      {rc::error_complexity, "Too complex"},
      {rc::error_space, "Too complex"},
      {rc::error_stack, "Too complex"},
  };
  for (const Text& known : kTexts) {
    if (known.code == code) return known.text;
  }
  return "Malformed pattern";
}

bool IsNameChar(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Runs `f`, which may throw what the library throws.
template <class F>
auto Guard(F f) -> Expected<decltype(f()), std::string> {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return Unexpected(std::string("matching takes too many steps or too much memory"));
  }
}

}  // namespace

struct Regex::Program {
  Program(const std::string& pattern, Flags flags)
      : pattern(pattern, Syntax(flags)), matching(Matching(flags)) {}

  // The number of the group with this name; nothing if there is none.
  std::optional<size_t> GroupNamed(std::string_view name) const {
    const int group = pattern.get_named_subs()->get_id(name.data(), name.data() + name.size());
    return group > 0 ? std::optional<size_t>(group) : std::nullopt;
  }

  const Pattern pattern;
  const boost::match_flag_type matching;
};

Regex::Regex(std::string_view pattern, Flags flags)
    : pattern_(pattern), flags_(flags), program_(new Program(pattern_, flags)) {
  // The library knows the names' groups, but not the names: those are found in the pattern.
  for (size_t at = 0; (at = pattern_.find("?<", at)) != std::string::npos;) {
    at += 2;
    size_t end = at;
    while (end < pattern_.size() && IsNameChar(pattern_[end])) ++end;
    if (end == at || end == pattern_.size() || pattern_[end] != '>') continue;
    const std::string name = pattern_.substr(at, end - at);
    if (const auto group = program_->GroupNamed(name)) names_.push_back({name, *group});
  }
}

Regex::~Regex() = default;

size_t Regex::group_count() const { return program_->pattern.mark_count() + 1; }

Expected<std::shared_ptr<const Regex>, std::string> Regex::Compile(std::string_view pattern,
                                                                   Flags flags) {
  try {
    return std::shared_ptr<const Regex>(new Regex(pattern, flags));
  } catch (const boost::regex_error& error) {
    return Unexpected(std::string(Describe(error.code())) + " at " +
                      std::to_string(error.position()));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    return Unexpected(std::string(Describe(boost::regex_constants::error_complexity)));
  }
}

Expected<bool, std::string> Regex::MatchesAll(std::string_view text) const {
  return Guard([&] {
    Match match;
    return boost::regex_match(text.data(), text.data() + text.size(), match, program_->pattern,
                              program_->matching);
  });
}

Expected<std::optional<Regex::Groups>, std::string> Regex::Search(std::string_view text,
                                                                  size_t start) const {
  return Guard([&]() -> std::optional<Groups> {
    const char* const begin = text.data();
    Match match;
    if (!boost::regex_search(begin + start, begin + text.size(), match, program_->pattern,
                             program_->matching, begin)) {
      return std::nullopt;
    }
    Groups groups;
    for (const auto& group : match) {
      groups.emplace_back();
      if (!group.matched) continue;
      groups.back() = {static_cast<size_t>(group.first - begin),
                       static_cast<size_t>(group.second - begin)};
    }
    return groups;
  });
}

// --- As values of the language ------------------------------------------------------------------

namespace {

// What a compiled pattern takes, by rule of thumb.
constexpr size_t kBytesPerPattern = 1024;
constexpr size_t kBytesPerPatternByte = 64;

struct Handle {
  std::shared_ptr<const Regex> regex;
  ExternalBytes bytes;
};

Handle* NewHandle(std::shared_ptr<const Regex> regex, Vm* vm) {
  auto* handle = new Handle{.regex = std::move(regex), .bytes = {}};
  const size_t bytes = kBytesPerPattern + kBytesPerPatternByte * handle->regex->pattern().size();
  if (vm) handle->bytes.Count(vm->heap(), bytes);
  return handle;
}

const Regex& RegexIn(const void* data) { return *static_cast<const Handle*>(data)->regex; }

void PrintRegex(Vm&, void* data, PrintMode, std::string* out) {
  const Regex& regex = RegexIn(data);
  *out += "#<regex \"" + regex.pattern() + '"';
  for (size_t i = 1; i < std::size(kRegexFlagNames); ++i) {
    if (regex.flags() >> i & 1) *out += " :" + std::string(kRegexFlagNames[i]);
  }
  *out += '>';
}

bool SameRegex(Vm&, void* a, void* b) {
  return RegexIn(a).pattern() == RegexIn(b).pattern() && RegexIn(a).flags() == RegexIn(b).flags();
}

uint64_t HashRegex(Vm& vm, void* data) {
  const Regex& regex = RegexIn(data);
  return HashBytes(regex.pattern(), vm.heap().hash_seed()) ^ regex.flags();
}

constexpr ForeignTransfer kRegexTransfer = {
    .copy = [](const void* data, Transfer& transfer) -> void* {
      return NewHandle(static_cast<const Handle*>(data)->regex,
                       transfer.arriving() ? &transfer.vm() : nullptr);
    },
};
constexpr ForeignType kRegexType = {
    .name = "regex",
    .finalize = [](void* data) { delete static_cast<Handle*>(data); },
    .print = PrintRegex,
    .equal = SameRegex,
    .hash = HashRegex,
    .transfer = &kRegexTransfer,
};

}  // namespace

Value NewRegex(Vm& vm, std::shared_ptr<const Regex> regex) {
  return vm.heap().Foreign(&kRegexType, NewHandle(std::move(regex), &vm));
}

const std::shared_ptr<const Regex>* RegexOf(Value v) {
  const auto* handle = static_cast<const Handle*>(ForeignData(v, &kRegexType));
  return handle ? &handle->regex : nullptr;
}

}  // namespace eta
