// Out of an image. Nothing in it is trusted.
#include <utility>

#include "vm/code.h"
#include "vm/code_words.h"
#include "vm/image.h"
#include "vm/image_bytes.h"
#include "vm/quote.h"
#include "vm/reader.h"
#include "vm/verifier.h"
#include "vm/vm.h"

namespace eta {
namespace {

// Registers are named by a byte.
constexpr uint32_t kMaxFrame = 256 + 8;
// Procedures inside of procedures; the expander allows fewer.
constexpr int kMaxNesting = 1100;

}  // namespace

// What follows the magic and the checksum.
class ImageReader::Body {
 public:
  Body(Vm& vm, std::string_view bytes) : vm_(vm), in_(bytes) {}

  bool ReadHead(ImageReader* image) {
    ReadFiles(&image->files_);
    ReadNames();
    ReadModules(&image->file_);
    ReadInterfaces(&image->interfaces_);
    ReadGlobals(image->file_.modules.size());
    parts_ = image->file_.parts;
    return !in_.failed();
  }

  Expected<Ok, std::string> ReadCode(const std::vector<const Module*>& modules,
                                     RootVector* closures) {
    if (!FindGlobals(modules)) return Unexpected(std::move(error_));
    for (size_t i = 0; i < parts_.size(); ++i) {
      const Root code(vm_.heap(), ReadProcedure(0));
      if (!error_.empty()) return Unexpected(std::move(error_));
      if (!IsThunk(code)) return Unexpected(Damaged());
      const Value closure = Value::Of(vm_.heap().Closure(As<CodeObject>(code)->code, 0));
      closures->push_back(closure);
    }
    if (!in_.rest().empty()) return Unexpected(Damaged());
    return Ok{};
  }

  void SetFileNumbers(const std::vector<uint32_t>& numbers, ExpandedFile* file) {
    file_numbers_ = numbers;
    for (ExpandedModule& module : file->modules) {
      Renumber(&module.span);
      Renumber(&module.exports);
      Renumber(&module.definitions);
      for (auto& import : module.imports) {
        Renumber(&import.span);
        Renumber(&import.only);
        Renumber(&import.hidden);
        for (auto& renaming : import.renamed) Renumber(&renaming.span);
      }
    }
  }

  static std::string Damaged() { return "it is damaged: its contents make no sense"; }

 private:
  struct Global {
    bool is_builtin;
    size_t module;
    Name name;
  };

  void Renumber(SourceSpan* span) const {
    if (span->file > 0) span->file = file_numbers_[span->file - 1];
  }
  void Renumber(std::vector<ExpandedModule::Identifier>* ids) const {
    for (auto& id : *ids) Renumber(&id.span);
  }

  // --- Head -------------------------------------------------------------------------------------

  void ReadFiles(std::vector<ImageFile>* files) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      std::string path(in_.Text());
      files->push_back({std::move(path), in_.Fixed()});
    }
    file_count_ = files->size();
  }

  void ReadNames() {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const bool fresh = in_.Byte() != 0;
      const std::string text(in_.Text());
      names_.push_back(fresh ? vm_.names().Fresh(text) : vm_.names().Intern(text));
    }
  }

  Name ReadName() {
    const uint64_t index = in_.Number();
    if (index < names_.size()) return names_[index];
    in_.Fail();
    return vm_.names().Intern("");
  }

  // Below `bound`, or a failure.
  size_t Index(size_t bound) {
    const uint64_t index = in_.Number();
    return index < bound ? index : in_.Fail();
  }

  // With the image's number of the file.
  SourceSpan ReadSpan() {
    SourceSpan span;
    span.file = static_cast<uint32_t>(Index(file_count_ + 1));
    for (uint32_t* n : {&span.line, &span.column, &span.end_line, &span.end_column}) {
      *n = in_.Number32();
      if (*n == 0) in_.Fail();
    }
    return span;
  }

  void ReadIdentifiers(std::vector<ExpandedModule::Identifier>* ids) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const Name name = ReadName();
      ids->push_back({name, ReadSpan()});
    }
  }

  ExpandedModule::Import ReadImport() {
    ExpandedModule::Import import;
    import.module = ReadName();
    import.span = ReadSpan();
    import.all = in_.Byte() != 0;
    ReadIdentifiers(&import.only);
    ReadIdentifiers(&import.hidden);
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const Name exported = ReadName();
      const Name local = ReadName();
      import.renamed.push_back({exported, local, ReadSpan()});
    }
    import.prefix = in_.Text();
    return import;
  }

  void ReadModule(size_t module_count, ExpandedModule* module) {
    module->name = ReadName();
    module->span = ReadSpan();
    module->is_script = in_.Byte() != 0;
    const size_t imports = in_.Count();
    for (size_t i = 0; i < imports && !in_.failed(); ++i) module->imports.push_back(ReadImport());
    ReadIdentifiers(&module->exports);
    ReadIdentifiers(&module->definitions);
    const size_t foreign = in_.Count();
    for (size_t i = 0; i < foreign && !in_.failed(); ++i) {
      const Name local = ReadName();
      const size_t from = Index(module_count);
      module->foreign.push_back({local, from, ReadName()});
    }
  }

  void ReadModules(ExpandedFile* file) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      ReadModule(count, &file->modules.emplace_back());
    }
    const size_t parts = in_.Count();
    for (size_t i = 0; i < parts && !in_.failed(); ++i) {
      file->parts.push_back({Index(count), 0, 0});
    }
  }

  void ReadInterfaces(std::vector<ImageInterface>* interfaces) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const Name module = ReadName();
      interfaces->push_back({module, in_.Fixed()});
    }
  }

  void ReadGlobals(size_t module_count) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const bool is_builtin = in_.Byte() != 0;
      const size_t module = Index(module_count);
      globals_.push_back({is_builtin, module, ReadName()});
    }
  }

  // --- Code -------------------------------------------------------------------------------------

  bool FindGlobals(const std::vector<const Module*>& modules) {
    for (const Global& global : globals_) {
      if (global.is_builtin) {
        const GlobalSlot* slot = vm_.FindBuiltin(global.name);
        if (slot == nullptr) return FailToFind(global.name);
        slots_.push_back(*slot);
        continue;
      }
      const auto& environment = modules[global.module]->environment;
      const auto found = environment.find(global.name);
      if (found == environment.end()) return FailToFind(global.name);
      slots_.push_back(found->second.slot);
    }
    return true;
  }

  bool FailToFind(Name name) {
    const std::string* why = vm_.ExtensionError(name);
    error_ = why ? *name + ": " + *why : "there is no " + *name + " here";
    return false;
  }

  // A CodeObject; anything else: failed, and error_ says why. Unrooted.
  Value ReadProcedure(int depth) {
    auto code = std::make_unique<Code>();
    code->name = in_.Text();
    code->required_args = in_.Number32();
    code->has_rest = in_.Byte() != 0;
    code->drops_rest = in_.Byte() != 0;
    code->frame_size = in_.Number32();
    const size_t words = in_.Count();
    for (size_t i = 0; i < words && !in_.failed(); ++i) {
      code->words.push_back(static_cast<Word>(in_.Fixed(sizeof(Word))));
    }
    ReadCaptures(code.get());
    ReadPlaces(code.get());
    RootVector constants(vm_.heap());
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed() && error_.empty(); ++i) {
      constants.push_back(ReadConstant(depth));
    }
    code->constants = constants.values();
    const bool good = !in_.failed() && code->frame_size <= kMaxFrame &&
                      code->required_args <= kMaxFrame && !Verify(*code, slots_.size());
    if (!good && error_.empty()) error_ = Damaged();
    if (!error_.empty()) return Value::Nil();
    ForEachGlobal(&code->words, [&](GlobalSlot index) { return slots_[index]; });
    Code* const made = code.get();
    made->self = vm_.heap().NewCode(std::move(code));
    return Value::Of(made->self);
  }

  void ReadCaptures(Code* code) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const bool from_register = in_.Byte() != 0;
      code->captures.push_back({from_register, in_.Byte()});
    }
  }

  void ReadPlaces(Code* code) {
    const size_t count = in_.Count();
    for (size_t i = 0; i < count && !in_.failed(); ++i) {
      const uint32_t word = in_.Number32();
      SourceSpan span = ReadSpan();
      Renumber(&span);
      code->places.push_back({word, span});
    }
  }

  Value ReadConstant(int depth) {
    const uint8_t kind = in_.Byte();
    if (kind == kImageDatum) return ReadDatum();
    if (kind > kImageClosure || depth == kMaxNesting) {
      in_.Fail();
      return Value::Nil();
    }
    const Root code(vm_.heap(), ReadProcedure(depth + 1));
    if (kind == kImageCode || !error_.empty()) return code;
    const Code& inner = *As<CodeObject>(code)->code;
    if (!inner.captures.empty()) in_.Fail();
    return Value::Of(vm_.heap().Closure(&inner, 0));
  }

  Value ReadDatum() {
    const std::string_view text = in_.Text();
    DatumArena arena;
    auto data = Read(text, 0, vm_.names(), arena);
    if (!data || data->size() != 1) {
      in_.Fail();
      return Value::Nil();
    }
    return DatumToValue(vm_, data->front());
  }

  static bool IsThunk(Value procedure) {
    const Code& code = *As<CodeObject>(procedure)->code;
    return code.required_args == 0 && !code.has_rest && code.captures.empty();
  }

  Vm& vm_;
  ByteReader in_;
  size_t file_count_ = 0;
  std::vector<Name> names_;
  std::vector<Global> globals_;
  std::vector<GlobalSlot> slots_;
  std::vector<ExpandedFile::Part> parts_;
  std::vector<uint32_t> file_numbers_;
  std::string error_;
};

ImageReader::ImageReader(Vm& vm, std::string_view bytes) : vm_(vm), bytes_(bytes) {}

ImageReader::~ImageReader() = default;

Expected<Ok, std::string> ImageReader::ReadHead() {
  if (!bytes_.starts_with(kImageMagic)) return Unexpected(std::string("it is no compiled program"));
  ByteReader in(bytes_.substr(kImageMagic.size()));
  const uint64_t checksum = in.Fixed();
  if (in.failed() || checksum != HashBytes(in.rest())) {
    return Unexpected(std::string("it is damaged: its checksum is wrong"));
  }
  if (in.Fixed() != ImageFingerprint()) {
    return Unexpected(std::string("another version of Eta compiled it; compile it again"));
  }
  body_ = std::make_unique<Body>(vm_, in.rest());
  if (!body_->ReadHead(this)) return Unexpected(Body::Damaged());
  return Ok{};
}

void ImageReader::SetFileNumbers(const std::vector<uint32_t>& numbers) {
  body_->SetFileNumbers(numbers, &file_);
}

Expected<Ok, std::string> ImageReader::ReadCode(const std::vector<const Module*>& modules,
                                                RootVector* closures) {
  return body_->ReadCode(modules, closures);
}

}  // namespace eta
