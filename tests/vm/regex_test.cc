#include "vm/regex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <regex>
#include <string>

namespace eta {
namespace {

constexpr Regex::Flags kEcmascript = 1;

std::shared_ptr<const Regex> Compiled(std::string_view pattern, Regex::Flags flags = kEcmascript) {
  auto regex = Regex::Compile(pattern, flags);
  EXPECT_TRUE(regex) << pattern << ": " << regex.error();
  return regex ? *regex : nullptr;
}

std::string RandomText(std::mt19937* random, std::string_view bytes, size_t max_length) {
  std::string text;
  for (size_t left = 1 + (*random)() % max_length; left > 0; --left) {
    text += bytes[(*random)() % bytes.size()];
  }
  return text;
}

// Whether a whole text matches does not depend on the order in which ways are tried.
TEST(RegexTest, MatchesWhatTheStandardLibraryMatches) {
  std::mt19937 random(1);
  const std::regex possessive("[*+?]\\+");
  int compared = 0, matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    constexpr std::string_view kParts[] = {"a", "a", "b", "b", "|",    "*",   "+",
                                           "?", "(", ")", ".", "[ab]", "[^a]"};
    std::string pattern;
    for (size_t left = 1 + random() % 8; left > 0; --left) {
      pattern += kParts[random() % std::size(kParts)];
    }
    // Possessive repeats, which only we have.
    if (std::regex_search(pattern, possessive)) continue;
    const auto ours = Regex::Compile(pattern, kEcmascript);
    std::regex theirs;
    try {
      theirs = std::regex(pattern);
    } catch (const std::regex_error&) {
      continue;
    }
    if (!ours) continue;
    for (int j = 0; j < 5; ++j) {
      const std::string text = RandomText(&random, "aabbc", 6);
      const auto result = (*ours)->MatchesAll(text);
      ASSERT_TRUE(result) << pattern;
      ASSERT_EQ(*result, std::regex_match(text, theirs)) << pattern << " on " << text;
      ++compared;
      matched += *result;
    }
  }
  EXPECT_GT(compared, 10'000);
  EXPECT_GT(matched, 500);
}

// Whatever the pattern: a regex or one reason. Whatever the text: an answer or one reason.
TEST(RegexTest, GarbageIsCompiledOrRefused) {
  std::mt19937 random(2);
  int refused = 0, kept = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern =
        RandomText(&random, "ab01()[]{}|*+?.^$\\,-:=!<>dDwWsSbBnxQEkgPR'\x80\xff", 14);
    const auto regex = Regex::Compile(pattern, 1 << i % kRegexGrammars | (i % 7 == 0) << 6);
    refused += !regex;
    kept += static_cast<bool>(regex);
    if (!regex) {
      ASSERT_FALSE(regex.error().empty());
      continue;
    }
    const std::string text = RandomText(&random, "ab01 -\n\xC3\xA9", 12);
    const auto found = (*regex)->Search(text, 0);
    if (!found || !*found) continue;
    for (const auto& group : **found) {
      if (!group) continue;
      ASSERT_LE(group->begin, group->end) << pattern;
      ASSERT_LE(group->end, text.size()) << pattern;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(kept, 1000);
}

TEST(RegexTest, LongTextsNeedNoRecursion) {
  const std::string text(1 << 20, 'a');
  for (const char* pattern : {"(a|b)*", "(?:a|b)*?", "(a)*", "[ab]+", "(aa|a)*", ".*"}) {
    const auto matches = Compiled(pattern)->MatchesAll(text);
    ASSERT_TRUE(matches) << pattern << ": " << matches.error();
    EXPECT_TRUE(*matches) << pattern;
  }
  EXPECT_FALSE(*Compiled("(a|b)*c")->MatchesAll(text));
}

TEST(RegexTest, EndlessMatchingEndsInAnError) {
  const std::string text = std::string(40, 'a') + "!";
  EXPECT_FALSE(Compiled("(a|aa|a*)*b")->MatchesAll(text));
}

TEST(RegexTest, DeepPatternsAreRefused) {
  constexpr size_t kDepth = 100'000;
  EXPECT_FALSE(Regex::Compile(std::string(kDepth, '(') + std::string(kDepth, ')'), kEcmascript));
  EXPECT_TRUE(Regex::Compile(std::string(kDepth, 'a'), kEcmascript));
}

TEST(RegexTest, NamesAreThoseOfGroups) {
  const auto regex = Compiled("(?<a>x)[?<b>]\\(?<c>(?<d1>y)(?:z)(?=(?<_e>w))?");
  std::vector<std::string> names;
  std::vector<size_t> groups;
  for (const Regex::Name& name : regex->names()) {
    names.push_back(name.text);
    groups.push_back(name.group);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a", "d1", "_e"}));
  EXPECT_EQ(groups, (std::vector<size_t>{1, 2, 3}));
}

}  // namespace
}  // namespace eta
