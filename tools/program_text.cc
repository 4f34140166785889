#include "tools/program_text.h"

#include <cstdio>

#include "vm/module_path.h"

namespace eta {

bool IsInFile(const Options& options) { return !options.expression && options.file != "-"; }

Expected<SourceFile, std::string> ReadProgram(const Options& options) {
  if (options.expression) return SourceFile{options.file, *options.expression};
  if (IsInFile(options)) {
    auto text = ReadFile(options.file);
    if (!text) return Unexpected(std::move(text.error()));
    return SourceFile{options.file, std::move(*text)};
  }
  std::string text;
  char buffer[1 << 16];
  size_t count;
  while ((count = std::fread(buffer, 1, sizeof buffer, stdin)) > 0) text.append(buffer, count);
  if (std::ferror(stdin) != 0) return Unexpected(std::string("cannot read standard input"));
  return SourceFile{"stdin", std::move(text)};
}

}  // namespace eta
