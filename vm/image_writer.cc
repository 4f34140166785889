// Into an image.
#include <unordered_map>
#include <utility>

#include "vm/code.h"
#include "vm/code_words.h"
#include "vm/image.h"
#include "vm/image_bytes.h"
#include "vm/quote.h"
#include "vm/vm.h"

namespace eta {
namespace {

class ImageWriter {
 public:
  ImageWriter(Vm& vm, const ImageSource& source) : vm_(vm), source_(source) {
    for (size_t i = 0; i < source.file_numbers.size(); ++i) {
      file_index_[source.file_numbers[i]] = i + 1;
    }
  }

  Expected<WrittenImage, std::string> Run() {
    // Names and globals are numbered as they are met, so they are written last and put first.
    ByteWriter files, modules, codes, names, globals;
    WriteFiles(&files);
    WriteModules(&modules);
    WriteCodes(&codes);
    if (!error_.empty()) return Unexpected(std::move(error_));
    WriteGlobals(&globals);
    WriteNames(&names);
    ByteWriter content;
    content.Fixed(ImageFingerprint());
    for (ByteWriter* part : {&files, &names, &modules, &globals, &codes}) {
      content.bytes() += part->bytes();
    }
    ByteWriter image;
    image.bytes() = kImageMagic;
    image.Fixed(HashBytes(content.bytes()));
    image.bytes() += content.bytes();
    return WrittenImage{std::move(image.bytes()), procedures_};
  }

 private:
  struct Global {
    bool is_builtin;
    size_t module;
    Name name;
  };

  size_t IndexOf(Name name) {
    const auto [entry, is_new] = name_index_.try_emplace(name, names_.size());
    if (is_new) names_.push_back(name);
    return entry->second;
  }

  void WriteFiles(ByteWriter* out) {
    out->Number(source_.files.size());
    for (const ImageFile& file : source_.files) {
      out->Text(file.path);
      out->Fixed(file.hash);
    }
  }

  void WriteNames(ByteWriter* out) {
    out->Number(names_.size());
    for (Name name : names_) {
      out->Byte(vm_.names().Intern(*name) != name);
      out->Text(*name);
    }
  }

  // --- Modules ----------------------------------------------------------------------------------

  void WriteSpan(const SourceSpan& span, ByteWriter* out) {
    const auto file = file_index_.find(span.file);
    out->Number(file == file_index_.end() ? 0 : file->second);
    for (uint32_t n : {span.line, span.column, span.end_line, span.end_column}) out->Number(n);
  }

  void WriteIdentifiers(const std::vector<ExpandedModule::Identifier>& ids, ByteWriter* out) {
    out->Number(ids.size());
    for (const auto& id : ids) {
      out->Number(IndexOf(id.name));
      WriteSpan(id.span, out);
    }
  }

  void WriteImport(const ExpandedModule::Import& import, ByteWriter* out) {
    out->Number(IndexOf(import.module));
    WriteSpan(import.span, out);
    out->Byte(import.all);
    WriteIdentifiers(import.only, out);
    WriteIdentifiers(import.hidden, out);
    out->Number(import.renamed.size());
    for (const auto& renaming : import.renamed) {
      out->Number(IndexOf(renaming.exported));
      out->Number(IndexOf(renaming.local));
      WriteSpan(renaming.span, out);
    }
    out->Text(import.prefix);
  }

  void WriteModule(const ExpandedModule& module, ByteWriter* out) {
    out->Number(IndexOf(module.name));
    WriteSpan(module.span, out);
    out->Byte(module.is_script);
    out->Number(module.imports.size());
    for (const auto& import : module.imports) WriteImport(import, out);
    WriteIdentifiers(module.exports, out);
    WriteIdentifiers(module.definitions, out);
    out->Number(module.foreign.size());
    for (const auto& foreign : module.foreign) {
      out->Number(IndexOf(foreign.local));
      out->Number(foreign.module);
      out->Number(IndexOf(foreign.name));
    }
  }

  void WriteModules(ByteWriter* out) {
    out->Number(source_.file->modules.size());
    for (const ExpandedModule& module : source_.file->modules) WriteModule(module, out);
    out->Number(source_.file->parts.size());
    for (const auto& part : source_.file->parts) out->Number(part.module);
    out->Number(source_.interfaces.size());
    for (const ImageInterface& interface : source_.interfaces) {
      out->Number(IndexOf(interface.module));
      out->Fixed(interface.hash);
    }
  }

  // --- Code -------------------------------------------------------------------------------------

  void WriteCodes(ByteWriter* out) {
    for (size_t i = 0; i < source_.closures.size(); ++i) {
      module_ = source_.file->parts[i].module;
      local_names_.clear();
      global_index_.clear();
      for (const auto& [name, binding] : source_.modules[module_]->environment) {
        local_names_[binding.slot] = name;
      }
      WriteCode(*As<ClosureObject>(source_.closures[i])->code, out);
    }
  }

  void WriteCode(const Code& code, ByteWriter* out) {
    ++procedures_;
    out->Text(code.name);
    out->Number(code.required_args);
    out->Byte(code.has_rest);
    out->Byte(code.drops_rest);
    out->Number(code.frame_size);
    std::vector<Word> words = code.words;
    ForEachGlobal(&words, [&](GlobalSlot slot) { return GlobalIndex(slot); });
    out->Number(words.size());
    for (Word word : words) out->Fixed(word, sizeof(Word));
    out->Number(code.captures.size());
    for (const Code::Capture& capture : code.captures) {
      out->Byte(capture.from_register);
      out->Byte(capture.index);
    }
    out->Number(source_.has_places ? code.places.size() : 0);
    for (const Code::Place& place : code.places) {
      if (!source_.has_places) break;
      out->Number(place.word);
      WriteSpan(place.span, out);
    }
    out->Number(code.constants.size());
    for (Value constant : code.constants) WriteConstant(constant, out);
  }

  void WriteConstant(Value constant, ByteWriter* out) {
    if (const auto* inner = As<CodeObject>(constant)) {
      out->Byte(kImageCode);
      return WriteCode(*inner->code, out);
    }
    if (const auto* closure = As<ClosureObject>(constant)) {
      out->Byte(kImageClosure);
      return WriteCode(*closure->code, out);
    }
    DatumArena arena;
    const Datum* datum = ValueToDatum(constant, SourceSpan{}, arena);
    if (datum == nullptr || datum->kind == Datum::Kind::kObject) {
      error_ = "a constant is too large, or of a kind that has no text";
      return;
    }
    out->Byte(kImageDatum);
    out->Text(ToText(datum));
  }

  uint32_t GlobalIndex(GlobalSlot slot) {
    const auto [entry, is_new] = global_index_.try_emplace(slot, globals_.size());
    if (!is_new) return entry->second;
    const auto own = local_names_.find(slot);
    const bool is_builtin = own == local_names_.end();
    const Name name = is_builtin ? vm_.names().Intern(vm_.GlobalName(slot)) : own->second;
    globals_.push_back({is_builtin, module_, name});
    if (globals_.size() > 65536) error_ = "the program names too many variables";
    return entry->second;
  }

  void WriteGlobals(ByteWriter* out) {
    out->Number(globals_.size());
    for (const Global& global : globals_) {
      out->Byte(global.is_builtin);
      out->Number(global.module);
      out->Number(IndexOf(global.name));
    }
  }

  Vm& vm_;
  const ImageSource& source_;
  std::unordered_map<uint32_t, size_t> file_index_;  // from 1, by the VM's number
  std::unordered_map<Name, size_t> name_index_;
  std::vector<Name> names_;
  std::vector<Global> globals_;
  // Of the module whose code is being written.
  size_t module_ = 0;
  std::unordered_map<GlobalSlot, Name> local_names_;
  std::unordered_map<GlobalSlot, uint32_t> global_index_;
  size_t procedures_ = 0;
  std::string error_;
};

}  // namespace

Expected<WrittenImage, std::string> WriteImage(Vm& vm, const ImageSource& source) {
  return ImageWriter(vm, source).Run();
}

}  // namespace eta
