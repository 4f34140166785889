#include "parallel/core/link/link.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "parallel/core/work.h"

namespace eta::parallel {
namespace {

// The part of an introduction that has a fixed size.
struct Numbers {
  int64_t ranks;
  uint64_t seed;
};

// The first line of `text` that is not the same in `other`; empty if there is none.
std::string FirstOwnLine(std::string_view text, std::string_view other) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const size_t other_end = std::min(other.find('\n'), other.size());
    if (text.substr(0, end) != other.substr(0, other_end)) return std::string(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    other.remove_prefix(std::min(other_end + 1, other.size()));
  }
  return "";
}

std::string OrNothing(const std::string& line) { return line.empty() ? "nothing" : line; }

}  // namespace

Result<std::shared_ptr<Link>> Link::Connect(std::unique_ptr<Transport> transport,
                                            const Introduction& own,
                                            std::chrono::nanoseconds patience) {
  std::shared_ptr<Link> link(new Link(std::move(transport)));
  const Deadline deadline = Clock::now() + patience;
  Status status = link->Introduce(own, [deadline] { return Clock::now() >= deadline; });
  if (status.code == Code::kAborted) {
    status = {Code::kStalled,
              "not all of the " + std::to_string(link->processes()) +
                  " processes have come to the start of the run",
              -1};
  }
  if (!status.ok()) return Unexpected(std::move(status));
  return link;
}

Status Link::Introduce(const Introduction& own, const Transport::Over& over) {
  const auto count = static_cast<size_t>(processes());
  std::vector<Numbers> numbers(count);
  numbers[static_cast<size_t>(process())] = {own.ranks, own.seed};
  const std::vector<size_t> sizes(count, sizeof(Numbers));
  // As all transfers, it is given memory that stays.
  std::byte* const memory = Memory(0, count * sizeof(Numbers));
  std::memcpy(memory, numbers.data(), count * sizeof(Numbers));
  if (Status s = transport_->AllGather(memory, sizes, over); !s.ok()) return s;
  std::memcpy(numbers.data(), memory, count * sizeof(Numbers));
  for (const Numbers& each : numbers) ranks_.push_back(static_cast<int>(each.ranks));
  seed_ = numbers[0].seed;
  seats_.size = std::accumulate(ranks_.begin(), ranks_.end(), 0);
  seats_.first = std::accumulate(ranks_.begin(), ranks_.begin() + process(), 0);
  seats_.here = own.ranks;

  const auto agreements = GatherTexts(own.agreement, over);
  if (!agreements) return agreements.error();
  if (Status s = Agree(*agreements); !s.ok()) return s;
  const auto places = GatherTexts(transport_->host(process()) + ' ' + own.cores, over);
  if (!places) return places.error();
  ranks_on_cores_ = 0;
  for (size_t p = 0; p < count; ++p) {
    if ((*places)[p] == (*places)[static_cast<size_t>(process())]) ranks_on_cores_ += ranks_[p];
  }
  return {};
}

Status Link::Agree(const std::vector<std::string>& agreements) const {
  for (size_t p = 1; p < agreements.size(); ++p) {
    if (agreements[p] == agreements[0]) continue;
    return {Code::kDesync,
            "the processes were not started alike: " + Where(0) + " has " +
                OrNothing(FirstOwnLine(agreements[0], agreements[p])) + ", " +
                Where(static_cast<int>(p)) + " has " +
                OrNothing(FirstOwnLine(agreements[p], agreements[0])),
            -1};
  }
  return {};
}

Result<std::vector<std::string>> Link::GatherTexts(const std::string& own,
                                                   const Transport::Over& over) {
  const auto count = static_cast<size_t>(processes());
  std::byte* memory = Memory(0, count * sizeof(uint64_t));
  const uint64_t own_size = own.size();
  std::memcpy(memory + static_cast<size_t>(process()) * sizeof(own_size), &own_size,
              sizeof(own_size));
  const std::vector<size_t> eight(count, sizeof(uint64_t));
  if (Status s = transport_->AllGather(memory, eight, over); !s.ok()) return Unexpected(s);
  std::vector<uint64_t> read(count);
  std::memcpy(read.data(), memory, count * sizeof(uint64_t));
  const std::vector<size_t> sizes(read.begin(), read.end());

  memory = Memory(0, std::accumulate(sizes.begin(), sizes.end(), size_t{0}));
  const auto mine = sizes.begin() + process();
  std::memcpy(memory + std::accumulate(sizes.begin(), mine, size_t{0}), own.data(), own.size());
  if (Status s = transport_->AllGather(memory, sizes, over); !s.ok()) return Unexpected(s);
  std::vector<std::string> texts;
  for (const size_t size : sizes) {
    texts.emplace_back(reinterpret_cast<const char*>(memory), size);
    memory += size;
  }
  return texts;
}

int Link::ProcessOf(int rank) const {
  int process = 0;
  for (int end = ranks_[0]; rank >= end; end += ranks_[static_cast<size_t>(process)]) ++process;
  return process;
}

std::string Link::Where(int process) const {
  return "process " + std::to_string(process) + " on " + transport_->host(process);
}

Status Link::Exchange(std::byte* blocks, size_t bytes, const Transport::Over& over) {
  block_bytes_.clear();
  for (const int ranks : ranks_) block_bytes_.push_back(static_cast<size_t>(ranks) * bytes);
  return transport_->AllGather(blocks, block_bytes_, over);
}

std::byte* Link::Memory(int index, size_t bytes) {
  if (memory_[index].size() < bytes) memory_[index] = std::vector<std::byte>(bytes);
  return memory_[index].data();
}

}  // namespace eta::parallel
