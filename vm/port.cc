#include "vm/port.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "vm/external_bytes.h"
#include "vm/lost_output.h"
#include "vm/utf8.h"
#include "vm/vm.h"

namespace eta {
namespace {

constexpr uint32_t kReplacementChar = 0xFFFD;
constexpr size_t kReadBytes = 1 << 16;
constexpr size_t kMaxUtf8Bytes = 4;

class ConsoleInput : public InputPort {
 public:
  explicit ConsoleInput(Console& console) : console_(console) {}

 private:
  std::string Fill() override {
    console_.Flush();  // a question is seen before its answer is awaited
    return console_.ReadLine();
  }

  Console& console_;
};

class ConsoleOutput : public OutputPort {
 public:
  explicit ConsoleOutput(Console& console) : console_(console) {}
  bool Write(std::string_view bytes) override {
    console_.WriteOut(bytes);
    return true;
  }

 private:
  Console& console_;
};

class ConsoleError : public OutputPort {
 public:
  explicit ConsoleError(Console& console) : console_(console) {}
  bool Write(std::string_view bytes) override {
    console_.WriteError(bytes);
    return true;
  }

 private:
  Console& console_;
};

class StringInput : public InputPort {
 public:
  explicit StringInput(std::string text) : text_(std::move(text)) {}
  void CountIn(Heap& heap) override { bytes_.Count(heap, text_.capacity()); }

 private:
  std::string Fill() override { return std::exchange(text_, {}); }

  std::string text_;
  ExternalBytes bytes_;
};

class StringOutput : public OutputPort {
 public:
  void CountIn(Heap& heap) override { bytes_.Count(heap, text_.capacity()); }
  bool Write(std::string_view bytes) override {
    text_ += bytes;
    bytes_.Update(text_.capacity());
    return true;
  }
  const std::string* contents() const override { return &text_; }

 private:
  std::string text_;
  ExternalBytes bytes_;
};

class BytesInput : public StringInput {
 public:
  using StringInput::StringInput;
  bool is_binary() const override { return true; }
};

class BytesOutput : public StringOutput {
 public:
  bool is_binary() const override { return true; }
};

class NullOutput : public OutputPort {
 public:
  bool Write(std::string_view) override { return true; }
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

class FileInput : public InputPort {
 public:
  explicit FileInput(File file) : file_(std::move(file)) {}

 private:
  std::string Fill() override {
    std::string bytes(kReadBytes, '\0');
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file_.get()));
    return bytes;
  }
  bool DoClose() override {
    file_.reset();
    return true;
  }

  File file_;
};

class FileOutput : public OutputPort {
 public:
  FileOutput(File file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  // What the program was told of is no news at its end.
  ~FileOutput() override {
    if (file_ && !DoClose() && !has_failed_) NoteLoss(std::move(path_), errno);
  }
  bool Write(std::string_view bytes) override {
    return Told(std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) == bytes.size());
  }
  bool Flush() override { return Told(std::fflush(file_.get()) == 0); }

 private:
  bool DoClose() override { return std::fclose(file_.release()) == 0; }
  bool Told(bool done) {
    has_failed_ |= !done;
    return done;
  }

  File file_;
  std::string path_;
  bool has_failed_ = false;
};

void FinalizePort(void* data) { delete static_cast<Port*>(data); }

}  // namespace

// Makes at least `count` bytes available, unless the end comes first.
bool InputPort::Ensure(size_t count) {
  while (buffer_.size() - position_ < count) {
    const std::string more = Fill();
    if (more.empty()) return false;
    buffer_.erase(0, std::exchange(position_, 0));
    buffer_ += more;
  }
  return true;
}

std::optional<uint32_t> InputPort::ReadChar() {
  if (!Ensure(1)) return std::nullopt;
  last_ = position_;
  const auto first = static_cast<uint8_t>(buffer_[position_]);
  if (first < 0x80) {
    ++position_;
    return first;
  }
  Ensure(kMaxUtf8Bytes);
  last_ = position_;  // Ensure may have moved what is left
  uint32_t code_point;
  if (DecodeUtf8(buffer_, &position_, &code_point)) return code_point;
  ++position_;
  return kReplacementChar;
}

std::optional<uint32_t> InputPort::PeekChar() {
  const std::optional<uint32_t> c = ReadChar();
  if (c) position_ = last_;
  return c;
}

std::optional<uint8_t> InputPort::PeekByte() {
  if (!Ensure(1)) return std::nullopt;
  return static_cast<uint8_t>(buffer_[position_]);
}

std::optional<uint8_t> InputPort::ReadByte() {
  const std::optional<uint8_t> byte = PeekByte();
  if (byte) ++position_;
  return byte;
}

std::optional<std::string> InputPort::ReadLine() {
  if (!Ensure(1)) return std::nullopt;
  size_t searched = 0;  // behind position_
  while (true) {
    const size_t newline = buffer_.find('\n', position_ + searched);
    if (newline != std::string::npos) {
      std::string line = buffer_.substr(position_, newline - position_);
      position_ = newline + 1;
      return line;
    }
    searched = buffer_.size() - position_;
    if (!Ensure(searched + 1)) break;
  }
  return buffer_.substr(std::exchange(position_, buffer_.size()));
}

std::string InputPort::ReadSome() {
  Ensure(1);
  std::string bytes = std::move(buffer_).substr(std::exchange(position_, 0));
  buffer_.clear();
  return bytes;
}

std::string InputPort::ReadAll() {
  std::string all = ReadSome();
  for (std::string more = ReadSome(); !more.empty(); more = ReadSome()) all += more;
  return all;
}

std::unique_ptr<Port> OpenConsoleInput(Console& console) {
  return std::make_unique<ConsoleInput>(console);
}
std::unique_ptr<Port> OpenConsoleOutput(Console& console) {
  return std::make_unique<ConsoleOutput>(console);
}
std::unique_ptr<Port> OpenConsoleError(Console& console) {
  return std::make_unique<ConsoleError>(console);
}
std::unique_ptr<Port> OpenStringInput(std::string text) {
  return std::make_unique<StringInput>(std::move(text));
}
std::unique_ptr<Port> OpenStringOutput() { return std::make_unique<StringOutput>(); }
std::unique_ptr<Port> OpenBytesInput(std::string_view bytes) {
  return std::make_unique<BytesInput>(std::string(bytes));
}
std::unique_ptr<Port> OpenBytesOutput() { return std::make_unique<BytesOutput>(); }
std::unique_ptr<Port> OpenNullOutput() { return std::make_unique<NullOutput>(); }

std::unique_ptr<Port> OpenFileInput(const std::string& path) {
  File file(std::fopen(path.c_str(), "rbe"));
  return file ? std::make_unique<FileInput>(std::move(file)) : nullptr;
}

std::unique_ptr<Port> OpenFileOutput(const std::string& path) {
  File file(std::fopen(path.c_str(), "wbe"));
  return file ? std::make_unique<FileOutput>(std::move(file), path) : nullptr;
}

const ForeignType kPortType = {.name = "port", .finalize = FinalizePort};

Value NewPort(Vm& vm, std::unique_ptr<Port> port) {
  port->CountIn(vm.heap());
  return vm.heap().Foreign(&kPortType, port.release());
}

Port* PortOf(Value v) { return static_cast<Port*>(ForeignData(v, &kPortType)); }

}  // namespace eta
