#include "parallel/training/collective.h"

#include <algorithm>

#include "parallel/isolate/rank_context.h"
#include "parallel/isolate/status_error.h"
#include "parallel/training/dtypes.h"

namespace eta::parallel {
namespace {

constexpr const char* kAlone = "parallel.alone";

// The seat of a program that runs alone, in a world of its own.
Member& MemberOf(Vm& vm) {
  if (RankContext* rank = RankContext::Of(vm)) return rank->member;
  if (auto* alone = vm.Attachment<Member>(kAlone)) return *alone;
  auto world = World::Create({});
  ETA_CHECK(world);
  auto member = World::Join(*world, 0);
  ETA_CHECK(member);
  Member& seat = **member;
  vm.Attach(kAlone, std::shared_ptr<Member>(std::move(*member)));
  return seat;
}

bool SameShape(const ShapeRecord& a, const ShapeRecord& b, int first) {
  return a.axes == b.axes && a.dtype == b.dtype &&
         (a.axes <= first || std::equal(a.sizes + first, a.sizes + a.axes, b.sizes + first));
}

}  // namespace

Collective::Collective(tensor::Call& call, const char* name)
    : call_(call), name_(name), member_(MemberOf(call.vm())), place_(ExchangePlace::Of(call.vm())) {
  site_.Update(call.vm());
}

bool Collective::ExchangeShapes(const at::Tensor& tensor, std::vector<ShapeRecord>* all) {
  TORCH_CHECK(tensor.dim() <= ShapeRecord::kMaxAxes, "a tensor of ", tensor.dim(),
              " axes does not travel between replicas");
  ShapeRecord mine{};
  mine.axes = static_cast<int32_t>(tensor.dim());
  mine.dtype = tensor.scalar_type();
  std::copy(tensor.sizes().begin(), tensor.sizes().end(), mine.sizes);
  return Exchange(mine, all);
}

bool Collective::RequireSameShapes(const std::vector<ShapeRecord>& all, int first) {
  const auto other = std::find_if(all.begin(), all.end(), [&](const ShapeRecord& shape) {
    return !SameShape(shape, all[0], first);
  });
  if (other == all.end()) return true;
  const auto rank = other - all.begin();
  member_.world().Abort({Code::kDesync,
                         "rank 0 brings " + Describe(all[0]) + ", rank " + std::to_string(rank) +
                             " " + Describe(*other) + " at " + site(),
                         static_cast<int>(rank)});
  return Passed(member_.Poll());
}

bool Collective::Passed(const Status& status) {
  if (!status.ok()) (void)FailWith(call_.vm(), call_.name(), status);
  return status.ok();
}

std::string Describe(const ShapeRecord& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.axes; ++i) {
    if (i > 0) text += ' ';
    text += std::to_string(shape.sizes[i]);
  }
  return text + ") " + NameOf(DTypeOf(shape.dtype));
}

}  // namespace eta::parallel
