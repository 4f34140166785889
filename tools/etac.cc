// etac: compiles a program file for etai.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>

#include "tools/command_line.h"
#include "tools/compile.h"
#include "tools/program.h"
#include "tools/source_files.h"
#include "tools/version.h"
#include "vm/image.h"
#include "vm/module_path.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

struct EtacOptions {
  std::string output, path;
  bool disassemble = false, no_places = false, help = false, version = false;
  bool ignored = false;  // by options that change nothing here
  CLI::Option *output_option, *path_option;
};

void SetUp(CLI::App* app, EtacOptions* options) {
  SetUpCommandLine(*app);
  options->output_option =
      app->add_option("-o,--output", options->output, "what to write (default: FILE with .etac)")
          ->type_name("FILE");
  options->path_option =
      app->add_option("--path", options->path, "where modules are looked for")->type_name("DIRS");
  app->add_flag("--disasm", options->disassemble, "print the bytecode and write nothing");
  app->add_flag("--no-debug", options->no_places,
                "leave the places out, so that errors do not show where they are");
  app->add_flag("-O,--optimize", options->ignored, "as always; -O0 changes nothing either");
  app->add_flag("--prelude,--no-prelude", options->ignored, "no effect: there is no prelude");
  app->add_flag("--help,-h", options->help, "print this and exit");
  app->add_flag("--version", options->version, "print the version and exit");
}

int Fail(const std::string& message) {
  PrintError(message);
  return 1;
}

int CompileFile(const std::string& file, const EtacOptions& options) {
  auto text = ReadFile(file);
  if (!text) return Fail(text.error());
  const std::string output = options.output_option->count() > 0
                                 ? options.output
                                 : fs::path(file).replace_extension(kImageExtension).string();
  if (output == file) return Fail("the output would replace the program: " + file);
  const auto path = options.path_option->count() > 0 ? std::optional(options.path) : std::nullopt;
  const Product product = options.disassemble ? Product::kBytecode
                          : options.no_places ? Product::kBareImage
                                              : Product::kImage;
  const auto result = CompileProgram({file, std::move(*text)}, path, product,
                                     fs::path(output).parent_path().string());
  if (!result) return 1;
  if (options.disassemble) {
    std::fputs(result->product.c_str(), stdout);
    return 0;
  }
  if (!WriteWhole(output, result->product)) {
    return Fail("cannot write " + output + ": " + std::strerror(errno));
  }
  std::fprintf(stderr, "compiled %s > %s (%zu functions, %zu module(s))\n", file.c_str(),
               output.c_str(), result->procedures, result->modules);
  return 0;
}

int Main(const Arguments& arguments) {
  EtacOptions options;
  CLI::App app{
      "etac [OPTION...] FILE\n"
      "Compiles the program FILE, and runs nothing. What comes out is for this version of etai.\n"};
  SetUp(&app, &options);
  Arguments known = arguments;  // "-O0" would be read as two options
  std::replace(known.begin(), known.end(), std::string("-O0"), std::string("-O"));
  const auto words = ParseOptions(app, known, OptionOrder::kMixed);
  if (!words) return Fail(words.error() + "; etac --help lists the options");
  if (options.help) {
    std::fputs(app.help().c_str(), stdout);
    return 0;
  }
  if (options.version) {
    std::printf("etac %s\n", kVersion);
    return 0;
  }
  if (words->empty()) return Fail("no input file specified; etac --help lists the options");
  if (words->size() > 1) return Fail("etac takes one file: " + (*words)[1]);
  return CompileFile(words->front(), options);
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  eta::EnterCallersDirectory();
  return eta::FinishOutput(eta::Main(eta::Arguments(argv + 1, argv + argc)));
}
