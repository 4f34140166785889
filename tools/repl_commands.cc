#include "tools/repl_commands.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>

#include "tools/documentation.h"
#include "vm/disassembler.h"
#include "vm/printer.h"
#include "vm/suggest.h"

namespace eta {
namespace {

struct CommandCall {
  Vm& vm;
  const std::string& argument;
  const Evaluate& evaluate;
};

struct Command {
  std::string_view name, argument, meaning;
  bool (*run)(const CommandCall& call);  // false: the session ends
};

std::span<const Command> Commands();

bool Help(const CommandCall&) {
  for (const Command& command : Commands()) {
    const std::string usage = std::string(command.name) + " " + std::string(command.argument);
    std::printf("%-16s %.*s\n", usage.c_str(), static_cast<int>(command.meaning.size()),
                command.meaning.data());
  }
  std::printf("Tab completes, Enter ends what is complete, Ctrl-C stops, Ctrl-D leaves.\n");
  return true;
}

bool Type(const CommandCall& call) {
  if (const auto value = call.evaluate(call.argument)) std::printf("%s\n", KindOf(*value).c_str());
  return true;
}

bool Doc(const CommandCall& call) {
  const auto text = Documentation(call.vm, call.argument);
  std::printf("%s\n", text ? text->c_str() : ("nothing is said about " + call.argument).c_str());
  return true;
}

bool Time(const CommandCall& call) {
  using std::chrono::steady_clock;
  const auto collections = call.vm.heap().stats().collections;
  const auto start = steady_clock::now();
  const auto value = call.evaluate(call.argument);
  const std::chrono::duration<double, std::milli> took = steady_clock::now() - start;
  if (!value) return true;
  const Root keep(call.vm.heap(), *value);
  if (!value->IsNil()) {
    std::printf("=> %s\n", ToText(call.vm, *value, PrintMode::kWrite).c_str());
  }
  std::printf("%.3f ms, %llu collections\n", took.count(),
              static_cast<unsigned long long>(call.vm.heap().stats().collections - collections));
  return true;
}

bool Disasm(const CommandCall& call) {
  const auto value = call.evaluate(call.argument);
  if (!value) return true;
  if (const auto* closure = As<ClosureObject>(*value)) {
    std::fputs(Disassemble(call.vm, *closure->code).c_str(), stdout);
  } else {
    std::printf("there is no bytecode: %s\n", KindOf(*value).c_str());
  }
  return true;
}

bool Quit(const CommandCall&) { return false; }

constexpr Command kCommands[] = {
    {":disasm", "FORM", "the bytecode of the procedure that it gives", Disasm},
    {":doc", "NAME", "what a name of the language or its library means", Doc},
    {":help", "", "this", Help},
    {":quit", "", "end the session", Quit},
    {":time", "FORM", "its value, and how long that took", Time},
    {":type", "FORM", "what kind of value it has", Type},
};

std::span<const Command> Commands() { return kCommands; }

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

}  // namespace

std::vector<std::string> CommandNames() {
  std::vector<std::string> names;
  for (const Command& command : kCommands) names.emplace_back(command.name);
  return names;
}

bool IsCommand(std::string_view entry) {
  const size_t begin = entry.find_first_not_of(" \t\n");
  return begin != std::string_view::npos && entry[begin] == ':';
}

bool RunCommand(Vm& vm, const std::string& entry, const Evaluate& evaluate) {
  const std::string text = Trimmed(entry);
  const size_t end = std::min(text.find_first_of(" \t\n"), text.size());
  const std::string name = text.substr(0, end), argument = Trimmed(text.substr(end));
  const auto* command = std::find_if(std::begin(kCommands), std::end(kCommands),
                                     [&](const Command& c) { return c.name == name; });
  if (command == std::end(kCommands)) {
    const std::vector<std::string> names = CommandNames();
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    std::printf("no such command: %s%s; :help lists them\n", name.c_str(),
                DidYouMean(name, candidates).c_str());
    return true;
  }
  if (!command->argument.empty() && argument.empty()) {
    std::printf("%s needs a %.*s\n", name.c_str(), static_cast<int>(command->argument.size()),
                command->argument.data());
    return true;
  }
  return command->run({vm, argument, evaluate});
}

}  // namespace eta
