#include "vm/diagnostics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "vm/utf8.h"

namespace eta {
namespace {

constexpr std::string_view kRed = "\x1b[1;31m", kYellow = "\x1b[1;33m", kReset = "\x1b[0m";
// A source line of more than so many bytes is cut to some around the place.
constexpr size_t kMaxLineBytes = 160, kShownBytes = 120;

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// "train.eta:12:3"
std::string Where(const SourceSpan& span, const SourceFile& file) {
  return std::string(BaseName(file.path)) + ":" + std::to_string(span.line) + ":" +
         std::to_string(span.column);
}

// How often the `length` lines at `at` stand there one after the other.
size_t Repetitions(const std::vector<std::string>& lines, size_t at, size_t length) {
  size_t count = 1;
  for (size_t next = at + length; next + length <= lines.size(); next += length, ++count) {
    if (!std::equal(lines.begin() + at, lines.begin() + at + length, lines.begin() + next)) break;
  }
  return count;
}

// The lines, of which some that come again and again, as recursion makes them, stand only once.
std::string Folded(const std::vector<std::string>& lines) {
  constexpr size_t kLongestCycle = 8;
  std::string text;
  for (size_t at = 0; at < lines.size();) {
    size_t length = 1, count = 1;
    for (size_t l = 1; l <= kLongestCycle && count < 3; ++l) {
      length = l;
      count = Repetitions(lines, at, l);
    }
    if (count < 3) length = count = 1;
    for (size_t i = 0; i < length; ++i) text += lines[at + i];
    if (count > 1) {
      text += length == 1 ? "  ... " : "  ... these " + std::to_string(length) + " lines ";
      text += std::to_string(count - 1) + " times more\n";
    }
    at += length * count;
  }
  return text;
}

std::string Colored(std::string_view severity, const DiagnosticStyle& style) {
  if (!style.color) return std::string(severity);
  std::string out(severity == "warning" ? kYellow : kRed);
  return out.append(severity).append(kReset);
}

// " [rank 1, train.eta:12:3]", or what there is of it.
std::string Place(std::string_view where, const DiagnosticStyle& style) {
  std::string place = style.rank < 0 ? "" : "rank " + std::to_string(style.rank);
  if (!place.empty() && !where.empty()) place += ", ";
  place += where;
  return place.empty() ? "" : " [" + place + "]";
}

std::string_view Line(std::string_view text, uint32_t number) {
  for (uint32_t i = 1; i < number; ++i) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};  // null data: there is no such line
    text.remove_prefix(end + 1);
  }
  std::string_view line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Whether a terminal shows the line as it is written.
bool IsPrintable(std::string_view line) {
  const bool has_control = std::any_of(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7F';
  });
  return !has_control && FindInvalidUtf8(line) == std::string_view::npos;
}

// Spaces as wide as `text`.
std::string Blank(std::string_view text) {
  std::string blank;
  for (char c : text) {
    if (c == '\t') {
      blank += '\t';
    } else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) {  // not inside a character
      blank += ' ';
    }
  }
  return blank;
}

// Where the character begins that the byte at `position` belongs to.
size_t CharacterStart(std::string_view line, size_t position) {
  while (position > 0 && position < line.size() && (line[position] & 0xC0) == 0x80) --position;
  return position;
}

// The source line, or what is shown of it, and carets under the span, as far as it is there.
std::string Excerpt(const SourceSpan& span, const SourceFile& file) {
  const std::string_view line = Line(file.text, span.line);
  const size_t begin = span.column - 1;
  if (!line.data() || begin > line.size()) return "";
  size_t first = 0, last = line.size();
  if (line.size() > kMaxLineBytes) {
    first = CharacterStart(line, begin - std::min(begin, kShownBytes / 2));
    last = CharacterStart(line, std::min(line.size(), first + kShownBytes));
  }
  const std::string_view shown = line.substr(first, last - first);
  if (!IsPrintable(shown)) return "";
  size_t end = span.end_line == span.line ? span.end_column - 1 : last;
  end = std::clamp(end, begin, last);
  const size_t width = std::max<size_t>(1, Blank(line.substr(begin, end - begin)).size());
  const std::string cut = first > 0 ? "... " : "";
  std::string out = "  " + cut;
  out.append(shown).append(last < line.size() ? " ...\n  " : "\n  ").append(Blank(cut));
  out.append(Blank(line.substr(first, begin - first))).append(width, '^').append("\n");
  return out;
}

}  // namespace

bool WantsColor(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(descriptor) != 0;
}

std::string RenderMessage(std::string_view severity, std::string_view message,
                          const SourceSpan& span, const SourceFile* file,
                          const DiagnosticStyle& style) {
  std::string where;
  if (file) where = Where(span, *file);
  const std::string out = RenderMessage(severity, message, where, style);
  return file ? out + Excerpt(span, *file) : out;
}

std::string RenderMessage(std::string_view severity, std::string_view message,
                          std::string_view where, const DiagnosticStyle& style) {
  std::string out = Colored(severity, style) + Place(where, style) + ": ";
  return out.append(message).append("\n");
}

std::string RenderMessage(std::string_view severity, std::string_view message,
                          const DiagnosticStyle& style) {
  return RenderMessage(severity, message, "", style);
}

std::string PendingMessage(const Vm::Pending& pending) {
  if (pending.kind != Vm::Pending::Kind::kRaise) return pending.message;
  const bool tagged = IsSymbol(pending.tag);
  return "Unhandled raise: " + (tagged ? SymbolName(pending.tag) : std::string("unknown-tag"));
}

SourceSpan PendingSpan(const Vm& vm, const Vm::Pending& pending) {
  for (const TraceFrame& frame : pending.trace) {
    const SourceFile* file = vm.File(frame.span);
    if (file && !file->is_library) return frame.span;
  }
  return pending.trace.empty() ? SourceSpan{} : pending.trace[0].span;
}

std::string RenderTrace(const Vm& vm, const Vm::Pending& pending) {
  std::vector<std::string> lines;
  for (const TraceFrame& frame : pending.trace) {
    const SourceFile* file = vm.File(frame.span);
    if (file) lines.push_back("  in " + frame.name + " (" + Where(frame.span, *file) + ")\n");
  }
  if (lines.size() < 2) return "";
  const bool is_cut = pending.trace.size() >= Interpreter::kTraceFrames;
  return Folded(lines) + (is_cut ? "  and further out\n" : "");
}

std::string RenderFailure(const Vm& vm, const DiagnosticStyle& style) {
  const Diagnostic& diagnostic = vm.diagnostic();
  if (!diagnostic.message.empty()) {
    const SourceFile* file = diagnostic.has_span ? vm.File(diagnostic.span) : nullptr;
    return RenderMessage("error", diagnostic.message, diagnostic.span, file, style);
  }
  const Vm::Pending& pending = vm.pending();
  if (pending.kind == Vm::Pending::Kind::kExit || pending.kind == Vm::Pending::Kind::kNone) {
    return "";
  }
  const SourceSpan span = PendingSpan(vm, pending);
  return RenderMessage("error", PendingMessage(pending), span, vm.File(span), style) +
         RenderTrace(vm, pending);
}

}  // namespace eta
