// Images: compiled files, as bytes that the loader takes instead of a text.
//
//   "\x7f" "ETA"      4 bytes
//   checksum          8 bytes, of all that follows
//   fingerprint       8 bytes, of the instruction set and of the builtins written in Eta
//   files             the source and what it includes: path from the image, hash of the text
//   names             texts; some are of variables that macros made, and equal no other
//   modules, parts    an ExpandedFile without its forms
//   interfaces        of the imported modules: hash of the names that they export
//   globals           the variables that the code names: a builtin, or one of a module
//   procedures        one for each part, with those inside of it
//
// Numbers are little-endian; counts and indices are of variable length. The form is private: it
// changes with any version, which the fingerprint tells. Nothing in an image is trusted: a reader
// checks every count and index, and the verifier the code.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/expected.h"
#include "vm/heap.h"
#include "vm/module.h"

namespace eta {

class Vm;

inline constexpr std::string_view kImageExtension = ".etac";
inline constexpr std::string_view kImageMagic =
    "\x7f"
    "ETA";

// Of this build: what it writes others with the same can read.
uint64_t ImageFingerprint();

// What a constant of a procedure is.
enum : uint8_t { kImageDatum, kImageCode, kImageClosure };

struct ImageFile {
  std::string path;  // relative to the image's directory
  uint64_t hash;     // of its text
};

struct ImageInterface {
  Name module;
  uint64_t hash;
};

uint64_t HashBytes(std::string_view bytes);
// Of the names that the module exports.
uint64_t InterfaceHash(const Module& module);

// What an image is written from.
struct ImageSource {
  const ExpandedFile* file;
  std::vector<const Module*> modules;  // by their index in `file`, linked
  std::vector<ImageInterface> interfaces;
  std::vector<Value> closures;         // by part; rooted by the caller
  std::vector<ImageFile> files;        // the first is the source
  std::vector<uint32_t> file_numbers;  // of the VM, by index in `files`
  bool has_places = true;              // of the code, for diagnostics
};

struct WrittenImage {
  std::string bytes;
  size_t procedures = 0;
};

// Error: what of the program has no place in an image.
Expected<WrittenImage, std::string> WriteImage(Vm& vm, const ImageSource& source);

// Reads an image in two steps, since code can be made only after the modules are linked.
class ImageReader {
 public:
  // `bytes` must outlive the reader.
  ImageReader(Vm& vm, std::string_view bytes);
  ~ImageReader();

  // Everything but the code. Error: why the image cannot be used, "it is damaged: ..." say.
  Expected<Ok, std::string> ReadHead();
  ExpandedFile& file() { return file_; }
  const std::vector<ImageFile>& files() const { return files_; }
  const std::vector<ImageInterface>& interfaces() const { return interfaces_; }

  // Puts the VM's numbers of the files into all places. Once, between the steps.
  void SetFileNumbers(const std::vector<uint32_t>& numbers);

  // The procedures of the parts, verified. `modules` are those of the file, linked.
  Expected<Ok, std::string> ReadCode(const std::vector<const Module*>& modules,
                                     RootVector* closures);

 private:
  class Body;
  Vm& vm_;
  std::string_view bytes_;
  ExpandedFile file_;
  std::vector<ImageFile> files_;
  std::vector<ImageInterface> interfaces_;
  std::unique_ptr<Body> body_;
};

}  // namespace eta
