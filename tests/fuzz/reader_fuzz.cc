// Any bytes: the reader reports an error or reads data, which survive being written and formatted.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "tools/formatter.h"
#include "vm/dump.h"
#include "vm/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  (void)eta::IsIncomplete(text);
  eta::SymbolTable names;
  eta::DatumArena arena;
  const auto data = eta::Read(text, 1, names, arena);
  if (!data) return 0;
  const std::string written = eta::DumpData(*data);
  const auto again = eta::Read(written, 1, names, arena);
  ETA_CHECK(again && eta::DumpData(*again) == written);
  const auto formatted = eta::FormatSource(text);
  ETA_CHECK(formatted && *eta::FormatSource(*formatted) == *formatted);
  return 0;
}
