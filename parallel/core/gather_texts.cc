#include "parallel/core/gather_texts.h"

#include <cstdint>

#include "parallel/core/slice.h"

namespace eta::parallel {

Result<std::vector<std::string>> GatherTexts(Member& member, const char* name,
                                             std::string_view mine, Site site) {
  const auto size = static_cast<size_t>(member.size());
  std::vector<uint64_t> sizes(size);
  Status status = member.Exchange(name, uint64_t{mine.size()}, std::span(sizes), site);
  if (!status.ok()) return Unexpected(std::move(status));
  const std::vector<size_t> counts(sizes.begin(), sizes.end());
  std::string all(PartOf(counts, member.size() - 1).end, '\0');
  // An input is only read.
  const Buffer own{const_cast<char*>(mine.data()), mine.size(), DType::kUInt8};
  status = member.host_communicator()
               .AllGather(own, {all.data(), all.size(), DType::kUInt8}, counts, site)
               .status();
  if (!status.ok()) return Unexpected(std::move(status));
  std::vector<std::string> texts;
  for (int rank = 0; rank < member.size(); ++rank) {
    const Slice part = PartOf(counts, rank);
    texts.push_back(all.substr(part.begin, part.count()));
  }
  return texts;
}

}  // namespace eta::parallel
