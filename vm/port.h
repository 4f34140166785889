// Ports: streams of text that a program reads from or writes to.
//
// Thread safety: that of the VM it belongs to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vm/console.h"
#include "vm/native.h"

namespace eta {

class Heap;
class Vm;

class Port {
 public:
  enum class Direction : uint8_t { kInput, kOutput };

  virtual ~Port() = default;
  Direction direction() const { return direction_; }
  bool is_open() const { return is_open_; }
  // Of bytes rather than characters.
  virtual bool is_binary() const { return false; }
  // Counts the text that it keeps as the heap's from now on.
  virtual void CountIn(Heap&) {}
  // Refuses further use. False: buffered output could not be written.
  bool Close() { return !std::exchange(is_open_, false) || DoClose(); }

 protected:
  explicit Port(Direction direction) : direction_(direction) {}

 private:
  virtual bool DoClose() { return true; }

  const Direction direction_;
  bool is_open_ = true;
};

class InputPort : public Port {
 public:
  InputPort() : Port(Direction::kInput) {}
  // The next character, or nothing at the end. What is not UTF-8 reads as U+FFFD, byte by byte.
  std::optional<uint32_t> ReadChar();
  std::optional<uint32_t> PeekChar();
  std::optional<uint8_t> ReadByte();
  std::optional<uint8_t> PeekByte();
  // What is in memory of the rest, and reading more of it: false at the end. Skips bytes of it.
  std::string_view Buffered() const { return std::string_view(buffer_).substr(position_); }
  bool ReadMore() { return Ensure(buffer_.size() - position_ + 1); }
  void Skip(size_t bytes) { position_ += bytes; }  // REQUIRES: bytes <= Buffered().size()
  // The text up to the next newline, which is consumed; nothing at the end.
  std::optional<std::string> ReadLine();
  // As many bytes as come at once; empty at the end.
  std::string ReadSome();
  // Everything up to the end.
  std::string ReadAll();

 private:
  // More bytes; empty at the end.
  virtual std::string Fill() = 0;
  bool Ensure(size_t count);

  std::string buffer_;
  size_t position_ = 0;
  size_t last_ = 0;  // where the character stands that ReadChar gave
};

class OutputPort : public Port {
 public:
  OutputPort() : Port(Direction::kOutput) {}
  // False: the bytes could not be written.
  virtual bool Write(std::string_view bytes) = 0;
  // Hands on what is buffered. False: it could not be written.
  virtual bool Flush() { return true; }
  // What was written so far, for ports that keep it.
  virtual const std::string* contents() const { return nullptr; }
};

// REQUIRES: the console outlives the port.
std::unique_ptr<Port> OpenConsoleInput(Console& console);
std::unique_ptr<Port> OpenConsoleOutput(Console& console);
std::unique_ptr<Port> OpenConsoleError(Console& console);
std::unique_ptr<Port> OpenStringInput(std::string text);
std::unique_ptr<Port> OpenStringOutput();
// The same of bytes.
std::unique_ptr<Port> OpenBytesInput(std::string_view bytes);
std::unique_ptr<Port> OpenBytesOutput();
// Null: the file cannot be opened; errno says why.
std::unique_ptr<Port> OpenFileInput(const std::string& path);
// Truncates the file. Closing the port, or dropping it, writes what is buffered; what cannot be
// written when it is dropped is noted (vm/lost_output.h).
std::unique_ptr<Port> OpenFileOutput(const std::string& path);
// Accepts everything and keeps nothing.
std::unique_ptr<Port> OpenNullOutput();

extern const ForeignType kPortType;
Value NewPort(Vm& vm, std::unique_ptr<Port> port);
// Null when `v` is not a port.
Port* PortOf(Value v);

}  // namespace eta
