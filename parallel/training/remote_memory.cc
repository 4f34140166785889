#include "parallel/training/remote_memory.h"

#include <algorithm>
#include <utility>

#include "parallel/core/gather_texts.h"
#include "parallel/core/plain_bytes.h"
#include "parallel/training/hash.h"

namespace eta::parallel {
namespace {

void AddShown(const StepMemory& memory, PlainWriter* writer) {
  writer->AddAll(memory.shards);
  writer->AddAll(memory.mask);
  // Member by member: the bytes between them are arbitrary.
  writer->Add(memory.nonfinite.found);
  writer->Add(memory.nonfinite.segment);
  writer->Add(memory.nonfinite.element);
  writer->Add(memory.nonfinite.rank);
  writer->AddAll(memory.ready);
  writer->AddAll(memory.sliced);
}

std::string Write(const StepMemory& memory) {
  PlainWriter writer;
  AddShown(memory, &writer);
  writer.AddText(memory.site);
  writer.AddText(memory.failure);
  writer.AddText(StructureAndSettings(memory));
  writer.AddText(memory.values);
  return writer.bytes();
}

StepMemory Read(std::string_view bytes) {
  PlainReader reader(bytes);
  StepMemory memory;
  memory.shards = reader.GetAll<tensor::LossSums>();
  memory.mask = reader.GetAll<uint8_t>();
  memory.nonfinite.found = reader.Get<bool>();
  memory.nonfinite.segment = reader.Get<size_t>();
  memory.nonfinite.element = reader.Get<size_t>();
  memory.nonfinite.rank = reader.Get<int>();
  memory.ready = reader.GetAll<uint32_t>();
  memory.sliced = reader.GetAll<uint32_t>();
  memory.site = std::string(reader.GetText());
  memory.failure = std::string(reader.GetText());
  memory.structure = std::string(reader.GetText());
  memory.values = std::string(reader.GetText());
  return memory;
}

// Whether the ranks have more to tell each other than is in the records. The same on all ranks.
bool Differ(std::span<const StepRecord> records) {
  return FirstFailed(records) >= 0 || !Agree(records) ||
         std::any_of(records.begin(), records.end(),
                     [&](const StepRecord& record) { return record.shown != records[0].shown; });
}

}  // namespace

uint64_t RemoteMemory::HashOfShown(const StepMemory& own) {
  PlainWriter writer;
  AddShown(own, &writer);
  return HashOf(writer.bytes());
}

Status RemoteMemory::Fetch(Member& member, const StepMemory& own, std::span<StepRecord> records,
                           Site site) {
  if (Differ(records)) return Exchange(member, own, records, site);
  for (int rank = 0; rank < member.size(); ++rank) {
    if (!member.world().seats().Has(rank)) records[static_cast<size_t>(rank)].memory = &own;
  }
  return {};
}

Status RemoteMemory::Exchange(Member& member, const StepMemory& own, std::span<StepRecord> records,
                              Site site) {
  const auto texts = GatherTexts(member, "reports of the ranks", Write(own), site);
  if (!texts) return texts.error();
  copies_.resize(records.size());
  for (int rank = 0; rank < member.size(); ++rank) {
    if (member.world().seats().Has(rank)) continue;
    auto& copy = copies_[static_cast<size_t>(rank)];
    copy = Read((*texts)[static_cast<size_t>(rank)]);
    records[static_cast<size_t>(rank)].memory = &copy;
  }
  return {};
}

}  // namespace eta::parallel
