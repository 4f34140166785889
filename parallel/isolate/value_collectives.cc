#include "parallel/isolate/value_collectives.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "parallel/core/gather_texts.h"
#include "parallel/core/plain_bytes.h"
#include "parallel/core/report.h"
#include "parallel/isolate/place.h"
#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/status_error.h"

namespace eta::parallel {
namespace {

constexpr const char* kBroadcast = "broadcast-value";
constexpr const char* kAllGather = "all-gather-value";

// What a rank shows to the others, between their meeting and its end.
struct Offer {
  std::shared_ptr<const Parcel> parcel;  // null: nothing, or it failed
  std::string failure;
  std::string place;
  int root = 0;
};

// For ranks of other processes. A parcel that cannot go there has failed.
std::string Encode(const Offer& offer) {
  Offer sent = offer;
  std::string parcel;
  if (offer.parcel) {
    auto bytes = EncodeParcel(*offer.parcel);
    if (bytes) parcel = std::move(*bytes);
    if (!bytes) sent.failure = "cannot send " + bytes.error() + " to another process";
  }
  PlainWriter writer;
  writer.AddText(parcel);
  writer.AddText(sent.failure);
  writer.AddText(sent.place);
  writer.Add(sent.root);
  return writer.bytes();
}

Offer Decode(const std::string& bytes) {
  PlainReader reader(bytes);
  const std::string_view parcel = reader.GetText();
  Offer offer;
  if (!parcel.empty()) offer.parcel = DecodeParcel(parcel);
  offer.failure = reader.GetText();
  offer.place = reader.GetText();
  offer.root = reader.Get<int>();
  return offer;
}

// One collective. Thread safety: the isolate's thread.
class Exchange {
 public:
  Exchange(Vm& vm, const char* name) : vm_(vm), name_(name), context_(RankContext::Of(vm)) {}

  int rank() const { return context_ ? context_->member.rank() : 0; }
  int size() const { return context_ ? context_->member.size() : 1; }

  // The ranks' parcels, null where the rank has sent none; nothing if an error was started. A rank
  // whose value cannot be sent comes all the same, so that nobody waits for it.
  std::optional<std::vector<std::shared_ptr<const Parcel>>> Run(std::optional<Value> value,
                                                                int root) {
    Offer mine{.parcel = nullptr, .failure = {}, .place = PlaceText(vm_), .root = root};
    if (value) {
      auto packed = Pack(vm_, *value);
      if (packed) mine.parcel = std::move(*packed);
      if (!packed) mine.failure = "cannot send " + packed.error();
    }
    if (context_ == nullptr) offers_ = {mine};
    const bool met = context_ == nullptr || Meet(std::move(mine));
    if (!met || Failed()) return std::nullopt;
    std::vector<std::shared_ptr<const Parcel>> parcels;
    for (Offer& offer : offers_) parcels.push_back(std::move(offer.parcel));
    return parcels;
  }

 private:
  // False: an error was started.
  bool Meet(Offer mine) {
    Member& member = context_->member;
    const bool all_here = member.world().seats().all_here();
    const Status met = all_here ? MeetHere(mine) : MeetElsewhere(mine);
    if (!met.ok()) return !FailWith(vm_, name_, met).IsFailure();
    const Status agreed = SameRoots();
    if (!agreed.ok()) member.world().Abort(agreed);
    if (all_here) member.EndExchange();
    return agreed.ok() || !FailWith(vm_, name_, member.Poll()).IsFailure();
  }

  Status MeetHere(const Offer& mine) {
    std::vector<const Offer*> all(static_cast<size_t>(size()));
    Status met = context_->member.Exchange(name_, &mine, std::span(all), mine.place);
    if (met.ok()) {
      for (const Offer* offer : all) offers_.push_back(*offer);
    }
    return met;
  }

  Status MeetElsewhere(const Offer& mine) {
    const auto texts = GatherTexts(context_->member, name_, Encode(mine), mine.place);
    if (!texts) return texts.error();
    for (const std::string& text : *texts) offers_.push_back(Decode(text));
    return {};
  }

  Status SameRoots() const {
    for (size_t r = 1; r < offers_.size(); ++r) {
      if (offers_[r].root == offers_[0].root) continue;
      return {Code::kDesync,
              "rank 0 broadcasts from rank " + std::to_string(offers_[0].root) + " at " +
                  offers_[0].place + ", rank " + std::to_string(r) + " from rank " +
                  std::to_string(offers_[r].root) + " at " + offers_[r].place,
              static_cast<int>(r)};
    }
    return {};
  }

  // Starts an error if a rank has failed: on that rank its own.
  bool Failed() {
    const std::string& own = offers_[static_cast<size_t>(rank())].failure;
    if (!own.empty()) return vm_.TypeError(std::string(name_) + ": " + own).IsFailure();
    const auto failed = std::find_if(offers_.begin(), offers_.end(),
                                     [](const Offer& offer) { return !offer.failure.empty(); });
    if (failed == offers_.end()) return false;
    const auto culprit = static_cast<int>(failed - offers_.begin());
    return FailWith(vm_, name_, FailureStatus(culprit, failed->place, failed->failure)).IsFailure();
  }

  Vm& vm_;
  const char* const name_;
  RankContext* const context_;
  std::vector<Offer> offers_;  // by rank
};

Value Broadcast(Vm& vm, Args args) {
  Exchange exchange(vm, kBroadcast);
  const Value root = args.size() > 1 ? args[1] : Value::Int(0);
  if (!root.IsInt() || root.AsInt() < 0 || root.AsInt() >= exchange.size()) {
    return vm.TypeError(std::string(kBroadcast) + ": the root must be a rank, from 0 to " +
                        std::to_string(exchange.size() - 1));
  }
  const auto from = static_cast<int>(root.AsInt());
  const auto own = exchange.rank() == from ? std::optional(args[0]) : std::nullopt;
  const auto parcels = exchange.Run(own, from);
  if (!parcels) return Value::Failure();
  return UnpackFor(vm, kBroadcast, *(*parcels)[static_cast<size_t>(from)]);
}

Value AllGather(Vm& vm, Args args) {
  const auto parcels = Exchange(vm, kAllGather).Run(args[0], 0);
  if (!parcels) return Value::Failure();
  return UnpackAllFor(vm, kAllGather, *parcels);
}

constexpr NativeDef kNatives[] = {
    {"parallel/broadcast-value", Broadcast, 1, 2,
     "(broadcast-value v [root]): a copy of replica root's value, by default replica 0's"},
    {"parallel/all-gather-value", AllGather, 1, 1,
     "(all-gather-value v): copies of the replicas' values, a list in rank order"},
};

}  // namespace

void InstallValueCollectives(Vm& vm) { vm.DefineNatives(kNatives); }

std::shared_ptr<const Parcel> PackFor(Vm& vm, const std::string& name, Value value) {
  auto parcel = Pack(vm, value);
  if (parcel) return std::move(*parcel);
  (void)vm.TypeError(name + ": cannot send " + parcel.error());
  return nullptr;
}

Value UnpackFor(Vm& vm, const std::string& name, const Parcel& parcel) {
  const auto value = Unpack(parcel, vm);
  return value ? *value : vm.TypeError(name + ": cannot receive: " + value.error());
}

Value UnpackAllFor(Vm& vm, const std::string& name,
                   std::span<const std::shared_ptr<const Parcel>> parcels) {
  RootVector values(vm.heap());
  for (const auto& parcel : parcels) {
    values.push_back(UnpackFor(vm, name, *parcel));
    if (values.span().back().IsFailure()) return Value::Failure();
  }
  return vm.heap().List(values.span());
}

}  // namespace eta::parallel
