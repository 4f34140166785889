#include "parallel/core/link/link.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "parallel/core/first_difference.h"
#include "parallel/core/plain_bytes.h"
#include "parallel/core/work.h"

namespace eta::parallel {
namespace {

std::string Write(const Link::Introduction& introduction) {
  PlainWriter writer;
  writer.Add(introduction.ranks);
  writer.Add(introduction.seed);
  writer.AddText(introduction.cores);
  writer.AddText(introduction.agreement);
  return writer.bytes();
}

Link::Introduction Read(const std::string& text) {
  PlainReader reader(text);
  Link::Introduction introduction;
  introduction.ranks = reader.Get<int>();
  introduction.seed = reader.Get<uint64_t>();
  introduction.cores = reader.GetText();
  introduction.agreement = reader.GetText();
  return introduction;
}

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
  const auto texts = GatherTexts(Write(own), over);
  if (!texts) return texts.error();
  std::vector<Introduction> all;
  for (const std::string& text : *texts) all.push_back(Read(text));
  ranks_on_cores_ = 0;
  for (int p = 0; p < processes(); ++p) {
    const Introduction& each = all[static_cast<size_t>(p)];
    ranks_.push_back(each.ranks);
    const bool shares_cores =
        each.cores == own.cores && transport_->host(p) == transport_->host(process());
    if (shares_cores) ranks_on_cores_ += each.ranks;
    several_machines_ |= transport_->host(p) != transport_->host(0);
  }
  seed_ = all[0].seed;
  seats_.size = std::accumulate(ranks_.begin(), ranks_.end(), 0);
  seats_.first = std::accumulate(ranks_.begin(), ranks_.begin() + process(), 0);
  seats_.here = own.ranks;
  return Agree(all);
}

Status Link::Agree(const std::vector<Introduction>& all) const {
  for (size_t p = 1; p < all.size(); ++p) {
    if (all[p].agreement == all[0].agreement) continue;
    const auto [first, other] = FirstDifference(all[0].agreement, all[p].agreement);
    return {Code::kDesync,
            "the processes were not started alike: " + Where(0) + " has " + first + ", " +
                Where(static_cast<int>(p)) + " has " + other,
            -1};
  }
  return {};
}

Result<std::vector<std::string>> Link::GatherTexts(const std::string& own,
                                                   const Transport::Over& over) {
  const auto count = static_cast<size_t>(processes());
  std::byte* memory = Memory(Use::kMeeting, count * sizeof(uint64_t));
  const uint64_t own_size = own.size();
  std::memcpy(memory + static_cast<size_t>(process()) * sizeof(own_size), &own_size,
              sizeof(own_size));
  const std::vector<size_t> eight(count, sizeof(uint64_t));
  if (Status s = transport_->AllGather(memory, eight, over); !s.ok()) return Unexpected(s);
  std::vector<uint64_t> read(count);
  std::memcpy(read.data(), memory, count * sizeof(uint64_t));
  const std::vector<size_t> sizes(read.begin(), read.end());

  memory = Memory(Use::kMeeting, std::accumulate(sizes.begin(), sizes.end(), size_t{0}));
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

std::byte* Link::Memory(Use use, size_t bytes) {
  std::vector<std::byte>& memory = memory_[static_cast<size_t>(use)];
  if (memory.size() < bytes) memory = std::vector<std::byte>(bytes);
  return memory.data();
}

}  // namespace eta::parallel
