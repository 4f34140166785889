#include "vm/image.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "vm/vm.h"

namespace eta {
namespace {

constexpr const char* kProgram =
    "(define (f x . rest) (let loop ((i 0)) (if (< i x) (loop (+ i 1)) (cons i rest))))\n"
    "(define counter ((lambda (n) (lambda () (set! n (+ n 1)) n)) 10))\n"
    "(display (list (f 3 'a \"text\" #\\c 2.5 '#(1 (2)) '(3 . 4)) (counter) (counter)))\n"
    "(display (catch 'tag (raise 'tag 5)))\n";

std::string Compile(const std::string& text) {
  Vm vm({});
  Compilation result = vm.Compile({"program.eta", text}, Product::kImage);
  EXPECT_TRUE(result.errors.empty());
  return result.product;
}

std::string WhyNot(const std::string& bytes) {
  Vm vm({});
  const auto read = ImageReader(vm, bytes).ReadHead();
  return read ? "read" : read.error();
}

// With the checksum that belongs to the contents.
std::string Sealed(std::string bytes) {
  const size_t head = kImageMagic.size() + sizeof(uint64_t);
  const uint64_t checksum = HashBytes(std::string_view(bytes).substr(head));
  for (size_t i = 0; i < sizeof checksum; ++i) {
    bytes[kImageMagic.size() + i] = static_cast<char>(checksum >> 8 * i);
  }
  return bytes;
}

// Reads all that can be read, and runs nothing.
void ReadThrough(Vm& vm, const std::string& bytes) {
  ImageReader reader(vm, bytes);
  if (!reader.ReadHead()) return;
  reader.SetFileNumbers(std::vector<uint32_t>(reader.files().size(), 1));
  std::vector<Module> modules(reader.file().modules.size());
  std::vector<const Module*> linked;
  for (Module& module : modules) {
    for (const char* name : {"f", "counter"}) {
      module.environment[vm.names().Intern(name)] = {Binding::Kind::kOwn, 0};
    }
    linked.push_back(&module);
  }
  RootVector closures(vm.heap());
  (void)static_cast<bool>(reader.ReadCode(linked, &closures));
}

TEST(ImageTest, CompilingTwiceGivesTheSameBytes) {
  EXPECT_EQ(Compile(kProgram), Compile(kProgram));
  EXPECT_EQ(WhyNot(Compile(kProgram)), "read");
}

TEST(ImageTest, EveryChangedByteIsRefused) {
  std::string bytes = Compile(kProgram);
  Vm vm({});
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    EXPECT_FALSE(ImageReader(vm, bytes).ReadHead()) << i;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
  }
}

TEST(ImageTest, EveryTruncationIsRefused) {
  const std::string bytes = Compile(kProgram);
  Vm vm({});
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string shorter = bytes.substr(0, size);
    EXPECT_FALSE(ImageReader(vm, shorter).ReadHead()) << size;
  }
}

TEST(ImageTest, SaysWhy) {
  std::string bytes = Compile(kProgram);
  EXPECT_EQ(WhyNot("(display 1)"), "it is no compiled program");
  EXPECT_EQ(WhyNot(bytes.substr(0, 100)), "it is damaged: its checksum is wrong");
  bytes[kImageMagic.size() + sizeof(uint64_t)] ^= 1;  // the fingerprint
  EXPECT_EQ(WhyNot(Sealed(bytes)), "another version of Eta compiled it; compile it again");
}

// Contents that make no sense, although the checksum is right: refused, or code that is fit to run.
TEST(ImageTest, WrongContentsDoNoHarm) {
  const std::string bytes = Compile(kProgram);
  const size_t head = kImageMagic.size() + 2 * sizeof(uint64_t);
  Vm vm({});
  vm.AddFile({"program.eta", kProgram});
  for (size_t i = head; i < bytes.size(); ++i) {
    for (int change : {0x01, 0x80, 0xFF}) {
      std::string wrong = bytes;
      wrong[i] = static_cast<char>(wrong[i] ^ change);
      ReadThrough(vm, Sealed(wrong));
    }
    ReadThrough(vm, Sealed(bytes.substr(0, i)));
  }
}

}  // namespace
}  // namespace eta
