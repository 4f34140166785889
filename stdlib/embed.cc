// Writes the C++ source behind embedded.h:  embed ROOT/ FILE... > embedded.cc
// ROOT/ is taken off each path. Exit status 1, and nothing usable, if a file cannot be read.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace {

// Octal escapes are at most three digits long, so no following character can join them.
void PrintEscaped(unsigned char byte) {
  if (byte == '"' || byte == '\\') {
    std::printf("\\%c", byte);
  } else if (byte < ' ' || byte > '~' || byte == '?') {
    std::printf("\\%03o", byte);
  } else {
    std::putchar(byte);
  }
}

// One literal per source line keeps the generated file readable.
void PrintLiteral(std::string_view text) {
  std::printf("std::string_view(\n    \"");
  for (size_t i = 0; i < text.size(); ++i) {
    PrintEscaped(static_cast<unsigned char>(text[i]));
    if (text[i] == '\n' && i + 1 < text.size()) std::printf("\"\n    \"");
  }
  std::printf("\", %zu)", text.size());
}

bool PrintEntry(const std::string& file, std::string_view root) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) {
    std::cerr << "embed: cannot read " << file << "\n";
    return false;
  }
  const size_t skip = file.starts_with(root) ? root.size() : 0;
  std::printf("    EmbeddedFile{\"%s\", ", file.c_str() + skip);
  PrintLiteral(text);
  std::printf("},\n");
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: embed ROOT/ FILE...\n";
    return 1;
  }
  std::vector<std::string> files(argv + 2, argv + argc);
  std::sort(files.begin(), files.end());
  std::printf(
      "#include \"stdlib/embedded.h\"\n\n#include <array>\n\nnamespace eta {\nnamespace {\n\n"
      "constexpr std::array<EmbeddedFile, %zu> kFiles = {\n",
      files.size());
  for (const std::string& file : files) {
    if (!PrintEntry(file, argv[1])) return 1;
  }
  std::printf(
      "};\n\n}  // namespace\n\nstd::span<const EmbeddedFile> EmbeddedStdlib() { return kFiles; "
      "}\n\n"
      "}  // namespace eta\n");
  return 0;
}
