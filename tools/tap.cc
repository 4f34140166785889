#include "tools/tap.h"

#include <algorithm>
#include <cstdio>

namespace eta {
namespace {

// "3 - NAME" and "- NAME" -> "NAME"; a name alone stays.
std::string WithoutNumber(std::string_view text) {
  const std::string_view rest =
      text.substr(std::min(text.find_first_not_of("0123456789"), text.size()));
  if (rest.size() < text.size() && rest.starts_with(" - ")) return std::string(rest.substr(3));
  return std::string(text.starts_with("- ") ? text.substr(2) : text);
}

// Whether `line` is a result; then it becomes a case.
bool ParseResult(std::string_view line, std::vector<TestCase>* cases) {
  const bool failed = line.starts_with("not ok ");
  if (!failed && !line.starts_with("ok ")) return false;
  cases->push_back({.ok = !failed, .name = WithoutNumber(line.substr(failed ? 7 : 3))});
  return true;
}

std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      case '\t':
      case '\n':
      case '\r':
        out += "&#" + std::to_string(c) + ";";
        break;
      default:  // XML has no other control characters, however they are written
        if (static_cast<unsigned char>(c) < ' ') {
          out += "&#xFFFD;";
        } else {
          out += c;
        }
    }
  }
  return out;
}

size_t CountFailures(const TestFile& file) {
  return static_cast<size_t>(
      std::count_if(file.cases.begin(), file.cases.end(), [](const auto& c) { return !c.ok; }));
}

std::string Stem(const std::string& name) {
  return name.ends_with(".eta") ? name.substr(0, name.size() - 4) : name;
}

std::string FailureMessage(const TestCase& test) {
  std::string message = test.failure;
  for (const std::string& line : test.details) {
    const std::string_view text = std::string_view(line).substr(line.find_first_not_of(' '));
    if (!test.failure.empty() || text == "---" || text == "...") continue;
    message.append(message.empty() ? "" : "; ").append(text);
  }
  return message;
}

std::string TimeAttribute(double seconds) {
  if (seconds < 0) return "";
  char text[40];
  std::snprintf(text, sizeof text, " time=\"%.3f\"", seconds);
  return text;
}

// A failure that is no test's own is the file's.
std::string CaseElement(const TestFile& file, const TestCase& test) {
  const std::string& name = test.failure.empty() ? test.name : Stem(file.name);
  const std::string open =
      "    <testcase name=\"" + Escaped(name) + "\"" + TimeAttribute(test.seconds);
  if (test.ok) return open + "/>\n";
  return open + ">\n      <failure message=\"" + Escaped(FailureMessage(test)) +
         "\"/>\n    </testcase>\n";
}

}  // namespace

std::vector<TestCase> ParseTap(std::string_view output) {
  std::vector<TestCase> cases;
  bool in_case = false;  // the previous line belonged to a result
  while (!output.empty()) {
    const size_t end = std::min(output.find('\n'), output.size());
    const std::string_view line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    const bool is_detail =
        in_case && line.starts_with("  ") && line.find_first_not_of(' ') != line.npos;
    if (is_detail) cases.back().details.emplace_back(line);
    in_case = is_detail || ParseResult(line, &cases);
  }
  return cases;
}

std::string RenderTap(const std::vector<TestFile>& files) {
  size_t count = 0;
  std::string body;
  for (const TestFile& file : files) {
    for (const TestCase& test : file.cases) {
      body += (test.ok ? "ok " : "not ok ") + std::to_string(++count) + " - " + test.name + "\n";
      for (const std::string& line : test.details) body += line + "\n";
    }
  }
  return "TAP version 13\n1.." + std::to_string(count) + "\n" + body;
}

std::string RenderJunit(const std::vector<TestFile>& files) {
  size_t count = 0, failures = 0;
  std::string body;
  for (const TestFile& file : files) {
    const size_t failed = CountFailures(file);
    count += file.cases.size();
    failures += failed;
    body += "  <testsuite name=\"" + Escaped(Stem(file.name)) + "\" tests=\"" +
            std::to_string(file.cases.size()) + "\" failures=\"" + std::to_string(failed) + "\"" +
            TimeAttribute(file.seconds) + ">\n";
    for (const TestCase& test : file.cases) body += CaseElement(file, test);
    body += "  </testsuite>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"" +
         std::to_string(count) + "\" failures=\"" + std::to_string(failures) + "\">\n" + body +
         "</testsuites>\n";
}

}  // namespace eta
