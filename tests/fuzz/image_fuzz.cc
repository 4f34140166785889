// Any contents of an image, under the checksum and the fingerprint that belong to them: refused, or
// code that the verifier lets pass. Nothing runs.
#include <cstdint>
#include <string>

#include "vm/image.h"
#include "vm/image_bytes.h"
#include "vm/vm.h"

namespace {

std::string Sealed(const uint8_t* bytes, size_t size) {
  eta::ByteWriter content, image;
  content.Fixed(eta::ImageFingerprint());
  content.bytes().append(reinterpret_cast<const char*>(bytes), size);
  image.bytes() = eta::kImageMagic;
  image.Fixed(eta::HashBytes(content.bytes()));
  return image.bytes() + content.bytes();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  eta::Vm vm({});
  const std::string image = Sealed(bytes, size);
  eta::ImageReader reader(vm, image);
  if (!reader.ReadHead()) return 0;
  reader.SetFileNumbers(std::vector<uint32_t>(reader.files().size(), 0));
  std::vector<eta::Module> modules(reader.file().modules.size());
  std::vector<const eta::Module*> linked;
  for (size_t i = 0; i < modules.size(); ++i) {
    for (const auto& id : reader.file().modules[i].definitions) {
      modules[i].environment[id.name] = {eta::Binding::Kind::kOwn, 0};
    }
    linked.push_back(&modules[i]);
  }
  eta::RootVector closures(vm.heap());
  (void)static_cast<bool>(reader.ReadCode(linked, &closures));
  return 0;
}
