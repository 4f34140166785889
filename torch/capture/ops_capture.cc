// What became of training steps; models captured for inference.
#include "torch/capture/captured_forward.h"
#include "torch/capture/captured_steps.h"
#include "torch/op.h"
#include "torch/op_table.h"

namespace eta::tensor {
namespace {

struct Line {
  const char* state;
  std::vector<int64_t> input, target;
  int64_t eager, replayed;
  std::string note;
};

Line LineOf(const StepKind& kind) {
  Line line{
      "watched",   kind.key.input().sizes(), kind.key.target().sizes(), kind.eager, kind.replayed,
      kind.problem};
  if (!kind.problem.empty()) line.state = "eager";
  if (kind.problem.empty() && !kind.change.empty()) line.note = kind.change + " has changed";
  if (kind.plan == nullptr) return line;
  line.state = "replayed";
  const Plan& plan = kind.plan->plan();
  line.note = std::to_string(plan.steps()) + " operations in " +
              std::to_string(plan.block_bytes()) + " bytes";
  if (plan.graphs() != nullptr && !plan.graphs()->problem().empty()) {
    line.note += ", not as graphs: " + plan.graphs()->problem();
  } else if (plan.graphs() != nullptr && plan.graphs()->count() > 0) {
    line.note += " as " + std::to_string(plan.graphs()->count()) + " graphs";
  }
  if (plan.rounding_steps() > 0) {
    line.note += ", " + std::to_string(plan.rounding_steps()) + " round otherwise";
  }
  return line;
}

std::vector<Line> LinesOf(const Optimizer& optimizer) {
  std::vector<Line> lines;
  if (optimizer.captured == nullptr) return lines;
  for (const auto& kind : optimizer.captured->kinds()) lines.push_back(LineOf(*kind));
  const CapturedSteps& steps = *optimizer.captured;
  if (steps.others() > 0) {
    lines.push_back({"eager", {}, {}, steps.others(), 0, steps.objection()});
  }
  return lines;
}

Value ToList(Vm& vm, const Line& line) {
  RootVector items(vm.heap());
  items.push_back(vm.Symbol(line.state));
  items.push_back(ToValue(vm, at::IntArrayRef(line.input)));
  items.push_back(ToValue(vm, at::IntArrayRef(line.target)));
  items.push_back(ToValue(vm, line.eager));
  items.push_back(ToValue(vm, line.replayed));
  items.push_back(ToValue(vm, line.note));
  return vm.heap().List(items.span());
}

Value Status(Call& call, const Optimizer& optimizer) {
  RootVector lists(call.vm().heap());
  for (const Line& line : LinesOf(optimizer)) lists.push_back(ToList(call.vm(), line));
  return call.vm().heap().List(lists.span());
}

using ForwardPtr = std::shared_ptr<CapturedForward>;

const ForeignType kForwardType = {
    .name = "captured-forward",
    .trace = [](void* data, Marker& marker) { (*static_cast<ForwardPtr*>(data))->Trace(marker); },
    .finalize = [](void* data) { delete static_cast<ForwardPtr*>(data); },
};

// What is thrown in a replay counts as thrown by the operation that it comes from.
Value RunForward(Call& call, Value captured, const Tensor& input) {
  const auto* known = static_cast<const ForwardPtr*>(ForeignData(captured, &kForwardType));
  if (known == nullptr) return call.Fail("captured model required");
  const ForwardPtr forward = *known;
  std::string_view culprit;
  try {
    const Tensor output = forward->Run(call.context(), input, &culprit);
    return output.defined() ? WrapTensor(call.vm(), output) : Value::Failure();
  } catch (const std::exception&) {
    if (culprit.empty()) throw;
    return RunOperation(call.vm(), {culprit, ""}, {}, [](Call&) -> Value { throw; });
  }
}

Value CaptureForward(Call& call, const std::shared_ptr<Module>& model, const Tensor& example) {
  const auto forward = std::make_shared<CapturedForward>(model);
  const Root captured(call.vm().heap(),
                      call.vm().heap().Foreign(&kForwardType, new ForwardPtr(forward)));
  std::string_view culprit;
  return forward->Run(call.context(), example, &culprit).defined() ? captured : Value::Failure();
}

constexpr NativeDef kOps[] = {
    Op<"optim/capture-status">(
        [](Call& call, const std::shared_ptr<Optimizer>& optimizer) {
          return Status(call, *optimizer);
        },
        "(capture-status optimizer): a list (state input-shape target-shape eager replayed note) "
        "for each kind of its training steps: 'replayed, 'watched or 'eager, how many steps were "
        "computed in each way, and why"),
    Op<"nn/capture-forward">(
        [](Call& call, const std::shared_ptr<Module>& model, const Tensor& example) {
          return CaptureForward(call, model, example);
        },
        "(nn/capture-forward model example): the model made ready for inputs like the example"),
    Op<"nn/run-captured">(
        [](Call& call, Value captured, const Tensor& x) { return RunForward(call, captured, x); },
        "(nn/run-captured captured x): what the captured model computes for x, without gradients"),
};

const OpTable table(kOps);

}  // namespace
}  // namespace eta::tensor
