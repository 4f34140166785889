#include "parallel/core/link/letters.h"

#include <algorithm>

#include "parallel/core/link/sent_signature.h"
#include "parallel/core/plain_bytes.h"
#include "parallel/core/published.h"

namespace eta::parallel {
namespace {

enum class Kind : int64_t { kViews, kAbort, kAskPlace };

// A rank's view; the times that only the receiver knows are not in it.
struct SentView {
  int32_t rank;
  RankState state;
  bool acknowledged;
  int32_t exit_code;
  uint64_t sequence;
  uint64_t step;
  int64_t stall_timeout_ns;
  SentSignature signature;
  Text site, place;
};

constexpr size_t kViewsInLetter = 64;
constexpr size_t kMaxMessage = size_t{60} << 10;

SentView ToSent(int rank, const RankView& view) {
  return {.rank = rank,
          .state = view.state,
          .acknowledged = view.acknowledged,
          .exit_code = view.exit_code,
          .sequence = view.sequence,
          .step = view.step,
          .stall_timeout_ns = view.stall_timeout.count(),
          .signature = SentSignature(view.signature),
          .site = Text(view.site),
          .place = Text(view.place)};
}

RankView FromSent(const SentView& sent) {
  return {.state = sent.state,
          .acknowledged = sent.acknowledged,
          .exit_code = sent.exit_code,
          .sequence = sent.sequence,
          .step = sent.step,
          .stall_timeout = std::chrono::nanoseconds(sent.stall_timeout_ns),
          .signature = sent.signature.Get(),
          .site = sent.site.str(),
          .place = sent.place.str()};
}

}  // namespace

std::vector<std::string> WriteViews(int first, std::span<const RankView> views) {
  std::vector<std::string> letters;
  for (size_t at = 0; at < views.size(); at += kViewsInLetter) {
    PlainWriter writer;
    writer.Add(Kind::kViews);
    for (size_t i = at; i < std::min(views.size(), at + kViewsInLetter); ++i) {
      writer.Add(ToSent(first + static_cast<int>(i), views[i]));
    }
    letters.push_back(writer.bytes());
  }
  return letters;
}

std::string WriteAbort(const Status& reason) {
  PlainWriter writer;
  writer.Add(Kind::kAbort);
  writer.Add(reason.code);
  writer.Add(reason.rank);
  writer.AddText(reason.message.substr(0, kMaxMessage));
  return writer.bytes();
}

std::string WriteAskPlace(int rank) {
  PlainWriter writer;
  writer.Add(Kind::kAskPlace);
  writer.Add(rank);
  return writer.bytes();
}

void LetterReader::Read(std::string_view letter) const {
  PlainReader reader(letter);
  switch (reader.Get<Kind>()) {
    case Kind::kViews:
      while (!reader.empty()) {
        const auto sent = reader.Get<SentView>();
        view(sent.rank, FromSent(sent));
      }
      return;
    case Kind::kAbort: {
      const auto code = reader.Get<Code>();
      const auto rank = reader.Get<int>();
      return abort({code, std::string(reader.GetText()), rank});
    }
    case Kind::kAskPlace:
      return ask_place(reader.Get<int>());
  }
}

}  // namespace eta::parallel
