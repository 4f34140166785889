// From an image to its modules having run.
#include <filesystem>
#include <utility>

#include "vm/disassembler.h"
#include "vm/loading.h"
#include "vm/vm.h"

namespace eta {
namespace {

namespace fs = std::filesystem;

std::string FileName(const std::string& path) { return fs::path(path).filename().string(); }

}  // namespace

bool Loader::RunImage(const std::string& path, const std::string& bytes) {
  bool loaded = false;
  const auto refusal = LoadImage(path, bytes, &loaded);
  if (refusal) return FailWithoutPlace("cannot use " + FileName(path) + ": " + refusal->why);
  return loaded;
}

// Of a module that was found as a text: the image beside it, unless that is not fresh.
bool Loader::LoadBest(ModuleSource source, const std::string& script) {
  const bool is_image = source.path.ends_with(kImageExtension);
  if (!source.is_library && (is_image || !only_compiles_)) {
    const std::string path = is_image ? source.path : source.path + "c";
    auto bytes = is_image ? std::move(source.text) : ReadFile(path);
    bool loaded = false;
    const auto refusal = bytes ? LoadImage(path, *bytes, &loaded) : Refusal{bytes.error()};
    if (!refusal) return loaded;
    if (is_image) return FailWithoutPlace("cannot use " + FileName(path) + ": " + refusal->why);
  }
  return Load(std::move(source), script, nullptr, nullptr);
}

// Makes the sources known whose places the code mentions. Refused: one of them has changed.
std::optional<Loader::Refusal> Loader::AddImageFiles(const ImageReader& image,
                                                     const std::string& directory,
                                                     std::vector<uint32_t>* numbers) {
  for (const ImageFile& file : image.files()) {
    const std::string path = (fs::path(directory) / file.path).lexically_normal().string();
    auto text = ReadFile(path);
    if (text && HashBytes(*text) != file.hash) {
      return Refusal{"it is stale: " + FileName(path) + " has changed since it was compiled"};
    }
    numbers->push_back(vm_.AddFile({path, text ? std::move(*text) : ""}));
  }
  return std::nullopt;
}

// Refused: nothing of it has run, only what it imports. `loaded`: as Load.
std::optional<Loader::Refusal> Loader::LoadImage(const std::string& path, std::string_view bytes,
                                                 bool* loaded) {
  ImageReader image(vm_, bytes);
  if (auto read = image.ReadHead(); !read) return Refusal{std::move(read.error())};
  Loading loading(vm_.names(), macros_);
  loading.path = path;
  const std::string directory = fs::path(path).parent_path().string();
  if (auto refusal = AddImageFiles(image, directory, &loading.files)) return refusal;
  image.SetFileNumbers(loading.files);
  loading.file = std::move(image.file());
  *loaded = false;
  if (!LoadImports(loading)) return std::nullopt;
  for (const ImageInterface& interface : image.interfaces()) {
    const Module* module = Find(interface.module);
    if (!module || InterfaceHash(*module) != interface.hash) {
      return Refusal{"it is stale: " + *interface.module +
                     " exports other names than when it was "
                     "compiled"};
    }
  }
  if (!LinkModules(&loading, nullptr)) return std::nullopt;
  RootVector closures(vm_.heap());
  if (auto read = image.ReadCode(loading.modules, &closures); !read) {
    return Refusal{std::move(read.error())};
  }
  for (Value closure : closures.values()) {
    std::string* listing = vm_.options().listing;
    if (listing) listing->append(Disassemble(vm_, *As<ClosureObject>(closure)->code));
  }
  Register(&loading);
  *loaded = Run(loading, closures.values(), nullptr);
  return std::nullopt;
}

}  // namespace eta
