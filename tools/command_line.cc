#include "tools/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
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

}  // namespace

Expected<Arguments, std::string> ParseOptions(CLI::App& app, const Arguments& arguments) {
  Arguments options;
  size_t i = 0;
  for (; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--") {
      ++i;
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') break;
    const std::string name = NameOf(argument);
    const CLI::Option* option = FindOption(app, name);
    if (!option) return Unexpected(UnknownOption(app, name));
    const bool takes_value = option->get_expected_max() > 0;
    std::string value;
    if (name.size() < argument.size()) {
      if (!takes_value) return Unexpected(name + " takes no value");
      value = argument.substr(name.size() + 1);
    } else if (takes_value && i + 1 < arguments.size()) {
      value = arguments[++i];
    }
    if (takes_value && value.empty()) return Unexpected(name + " needs a value");
    options.push_back(takes_value ? name + "=" + value : name);
  }
  const Arguments rest(arguments.begin() + static_cast<ptrdiff_t>(i), arguments.end());
  try {
    app.parse(Arguments(options.rbegin(), options.rend()));  // it wants the last one first
  } catch (const CLI::ParseError& error) {
    return Unexpected(std::string(error.what()));
  }
  return rest;
}

bool IsOptionOf(const CLI::App& app, const std::string& argument) {
  return argument.starts_with("--") && FindOption(app, NameOf(argument)) != nullptr;
}

void EnterCallersDirectory() {
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory == nullptr || chdir(directory) == 0) return;
  std::fprintf(stderr, "warning: cannot enter %s\n", directory);
}

}  // namespace eta
