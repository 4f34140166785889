#include "tools/command_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "vm/suggest.h"

namespace eta {
namespace {

std::string NameOf(const std::string& argument) { return argument.substr(0, argument.find('=')); }

const CLI::Option* FindOption(const CLI::App& app, const std::string& name) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& known : option->get_lnames()) {
      if (name == "--" + known) return option;
    }
    for (const std::string& known : option->get_snames()) {
      if (name == "-" + known) return option;
    }
  }
  return nullptr;
}

std::string UnknownOption(const CLI::App& app, const std::string& name) {
  std::vector<std::string_view> candidates;
  for (const CLI::Option* option : app.get_options()) {
    const auto& names = option->get_lnames();
    candidates.insert(candidates.end(), names.begin(), names.end());
  }
  const std::string_view bare =
      std::string_view(name).substr(std::min(name.size(), name.find_first_not_of('-')));
  const std::string_view nearest = NearestName(bare, candidates);
  std::string message = "unknown option: " + name;
  if (!nearest.empty()) message.append(" (did you mean '--").append(nearest).append("'?)");
  return message;
}

// The option at arguments[*i] as "--name", "--name=value" or "-nvalue"; moves `*i` to its last
// word.
Expected<std::string, std::string> TakeOption(const CLI::App& app, const Arguments& arguments,
                                              size_t* i) {
  const std::string& argument = arguments[*i];
  const std::string name = NameOf(argument);
  const CLI::Option* option = FindOption(app, name);
  if (!option) return Unexpected(UnknownOption(app, name));
  const bool takes_value = option->get_expected_max() > 0;
  std::string value;
  if (name.size() < argument.size()) {
    if (!takes_value) return Unexpected(name + " takes no value");
    value = argument.substr(name.size() + 1);
  } else if (takes_value && *i + 1 < arguments.size()) {
    value = arguments[++*i];
  }
  if (takes_value && value.empty()) return Unexpected(name + " needs a value");
  if (!takes_value) return name;
  return name + (name.starts_with("--") ? "=" : "") + value;
}

// The description says how the program is called.
class PlainFormatter : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App*, std::string) const override { return ""; }
};

}  // namespace

void SetUpCommandLine(CLI::App& app) {
  app.set_help_flag("");
  app.formatter(std::make_shared<PlainFormatter>());
}

Expected<Arguments, std::string> ParseOptions(CLI::App& app, const Arguments& arguments,
                                              OptionOrder order) {
  Arguments options, words;
  size_t i = 0;
  for (; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& argument = arguments[i];
    if (argument.size() < 2 || argument[0] != '-') {
      if (order == OptionOrder::kFirst) break;
      words.push_back(argument);
      continue;
    }
    auto option = TakeOption(app, arguments, &i);
    if (!option) return Unexpected(std::move(option.error()));
    options.push_back(std::move(*option));
  }
  const bool separator = i < arguments.size() && arguments[i] == "--";
  words.insert(words.end(), arguments.begin() + i + (separator ? 1 : 0), arguments.end());
  try {
    app.parse(Arguments(options.rbegin(), options.rend()));  // it wants the last one first
  } catch (const CLI::ParseError& error) {
    return Unexpected(std::string(error.what()));
  }
  return words;
}

bool IsOptionOf(const CLI::App& app, const std::string& argument) {
  return argument.starts_with("--") && FindOption(app, NameOf(argument)) != nullptr;
}

void ReserveStandardStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(stream, F_GETFD) >= 0) continue;
    (void)open("/dev/null",
               stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // the lowest free number
  }
}

void EnterCallersDirectory() {
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory == nullptr || chdir(directory) == 0) return;
  std::fprintf(stderr, "warning: cannot enter %s\n", directory);
}

}  // namespace eta
