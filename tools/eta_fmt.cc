// eta_fmt: lays out source text.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/command_line.h"
#include "tools/formatter.h"
#include "tools/program.h"
#include "tools/program_text.h"
#include "tools/source_files.h"
#include "vm/diagnostics.h"
#include "vm/module_path.h"

namespace eta {
namespace {

// What becomes of one file.
enum class Verdict { kSame, kChanged, kFailed };

Result<std::string> Formatted(const SourceFile& source) {
  auto text = FormatSource(source.text);
  if (text) return text;
  const DiagnosticStyle style{.color = WantsColor(STDERR_FILENO)};
  const Diagnostic& error = text.error();
  const std::string message = RenderMessage("error", error.message, error.span, &source, style);
  std::fputs(message.c_str(), stderr);
  return text;
}

Verdict FormatFile(const std::string& path, bool only_check) {
  auto text = ReadFile(path);
  if (!text) {
    PrintError(text.error());
    return Verdict::kFailed;
  }
  const auto formatted = Formatted({path, *text});
  if (!formatted) return Verdict::kFailed;
  if (*formatted == *text) return Verdict::kSame;
  if (!only_check && !WriteWhole(path, *formatted)) {
    PrintError("cannot write " + path);
    return Verdict::kFailed;
  }
  std::printf("%s %s\n", only_check ? "would change" : "formatted", path.c_str());
  return Verdict::kChanged;
}

int FormatInput() {
  const auto source = ReadProgram({.file = "-"});
  if (!source) {
    PrintError(source.error());
    return 1;
  }
  const auto formatted = Formatted(*source);
  if (!formatted) return 1;
  std::fwrite(formatted->data(), 1, formatted->size(), stdout);
  return 0;
}

int FormatAll(const Arguments& paths, bool only_check) {
  bool failed = false;
  for (const std::string& path : paths) {
    const auto files = SourceFilesBelow(path);
    if (!files) {
      PrintError(files.error());
      failed = true;
      continue;
    }
    for (const std::string& file : *files) {
      const Verdict verdict = FormatFile(file, only_check);
      failed |= verdict == Verdict::kFailed || (only_check && verdict == Verdict::kChanged);
    }
  }
  return failed ? 1 : 0;
}

int Main(const Arguments& arguments) {
  bool only_check = false, help = false;
  CLI::App app{
      "eta_fmt [OPTION...] PATH...\n"
      "Lays out the programs PATH, and those below it if it is a directory. With - it formats\n"
      "standard input to standard output.\n"};
  SetUpCommandLine(app);
  app.add_flag("--check", only_check, "change nothing; status 1 if something would change");
  app.add_flag("--help,-h", help, "print this and exit");
  const auto words = ParseOptions(app, arguments, OptionOrder::kMixed);
  if (!words || (words->empty() && !help)) {
    PrintError((words ? "no input file specified" : words.error()) +
               "; eta_fmt --help lists the options");
    return 1;
  }
  if (help) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  return *words == Arguments{"-"} ? FormatInput() : FormatAll(*words, only_check);
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  eta::EnterCallersDirectory();
  return eta::FinishOutput(eta::Main(eta::Arguments(argv + 1, argv + argc)));
}
