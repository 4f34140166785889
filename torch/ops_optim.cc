// Optimizers.
#include <ATen/ops/mul.h>

#include <cmath>

#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/option_list.h"
#include "vm/list_walker.h"

namespace eta::tensor {
namespace {

using ModulePtr = std::shared_ptr<Module>;
using OptimizerPtr = std::shared_ptr<Optimizer>;

// A finite number that is not negative.
void CheckFactor(const char* what, double value) {
  TORCH_CHECK(value >= 0 && std::isfinite(value), "invalid ", what, " ", value);
}

// The options of an optimizer, in the ranges that its rule needs; or those of a group of
// parameters, which has the optimizer's where it has none of its own.
class Options {
 public:
  explicit Options(std::span<const Value> arguments, Options* optimizer = nullptr)
      : list_(arguments), optimizer_(optimizer) {}

  double Factor(std::string_view name, double otherwise = 0) {
    const double value = Take<double>(name).value_or(otherwise);
    if (!(value >= 0 && std::isfinite(value))) {
      list_.Reject(name, "finite number that is not negative required");
    }
    return value;
  }
  double Positive(std::string_view name, double otherwise) {
    const double value = Take<double>(name).value_or(otherwise);
    if (!(value > 0)) list_.Reject(name, "positive number required");
    return value;
  }
  // How much of an average stays in each step.
  double Share(std::string_view name, double otherwise) {
    const double value = Take<double>(name).value_or(otherwise);
    if (!(value >= 0 && value < 1)) list_.Reject(name, "number from [0, 1) required");
    return value;
  }
  bool Switch(std::string_view name, bool otherwise = false) {
    return Take<bool>(name).value_or(otherwise);
  }
  int64_t Count(std::string_view name) {
    const int64_t value = Take<int64_t>(name).value_or(1);
    if (value < 1) list_.Reject(name, "positive integer required");
    return value;
  }

  Clipping TakeClipping() {
    const Clipping clipping{.norm = Positive("clip-norm", Clipping::kNone),
                            .value = Positive("clip-value", Clipping::kNone)};
    if (clipping.by_norm() && clipping.value != Clipping::kNone) {
      list_.Reject("clip-norm", "not together with 'clip-value");
    }
    return clipping;
  }
  // Of the weights' average; nothing when none is kept.
  std::optional<double> TakeAverage() {
    const auto decay = Take<double>("average");
    if (decay && !(*decay >= 0 && *decay < 1)) {
      list_.Reject("average", "number from [0, 1) required");
    }
    return decay;
  }
  LossScale TakeLossScale() {
    const auto given = Take<Value>("loss-scale");
    if (!given) return {};
    if (IsSymbol(*given) && SymbolName(*given) == "dynamic") return LossScale::Dynamic();
    const double factor = IsNumber(*given) ? ToDouble(*given) : 0;
    if (!(factor > 0 && std::isfinite(factor))) {
      list_.Reject("loss-scale", "positive number or 'dynamic required");
    }
    return LossScale::Fixed(factor);
  }
  // Whether gradients travel in 16 bits.
  bool TakeCompression() {
    const auto given = Take<Value>("compress");
    const bool wanted = given && IsSymbol(*given) && SymbolName(*given) == "bfloat16";
    if (given && !wanted) list_.Reject("compress", "'bfloat16 required");
    return wanted;
  }
  // Lists of parameters, or a module, and options.
  std::vector<Value> TakeGroups() {
    auto groups = ListItems(Take<Value>("groups").value_or(Value::Nil()));
    if (!groups) list_.Reject("groups", "list of groups required");
    return std::move(groups).value_or(std::vector<Value>());
  }
  void Check() const { list_.Check(); }

 private:
  template <class T>
  std::optional<T> Take(std::string_view name) {
    const auto given = list_.Take<T>(name);
    return given || optimizer_ == nullptr ? given : optimizer_->Take<T>(name);
  }

  OptionList list_;
  Options* const optimizer_;
};

// The parameters that a group begins with.
std::vector<Tensor> ParametersOf(Value v) {
  Arg<std::vector<Tensor>> list;
  std::vector<Tensor> parameters;
  if (const auto* module = ModuleIn(v)) {
    for (const NamedParameter& parameter : (*module)->Parameters()) {
      parameters.push_back(parameter.tensor);
    }
    return parameters;
  }
  TORCH_CHECK(list.Read(v), "a group begins with a module or a list of parameters");
  return list.get();
}

template <class F>
std::shared_ptr<const UpdateRule> MakeRule(Options& options, std::optional<double> average,
                                           const F& make_rule) {
  std::unique_ptr<UpdateRule> rule = make_rule(options);
  return average ? MakeAveraging(std::move(rule), *average) : std::move(rule);
}

template <class F>
Optimizer::Group MakeGroup(Value list, Options& optimizer, std::optional<double> average,
                           const F& make_rule) {
  const auto items = ListItems(list);
  TORCH_CHECK(items && !items->empty(),
              "a group is a list: a module or a list of parameters, then options");
  Options options(std::span<const Value>(*items).subspan(1), &optimizer);
  Optimizer::Group group{ParametersOf(items->front()), MakeRule(options, average, make_rule),
                         options.Factor("rate-scale", 1)};
  options.Check();
  return group;
}

// `make_rule` takes the options of the rule.
template <class F>
OptimizerPtr Make(Call& call, const ModulePtr& module, double learning_rate,
                  const Rest<Value>& rest, const F& make_rule) {
  CheckFactor("learning rate", learning_rate);
  Options options(rest.items);
  const Optimizer::Settings settings{learning_rate,
                                     options.TakeClipping(),
                                     options.Count("accumulate"),
                                     options.TakeCompression(),
                                     options.Switch("capture", true),
                                     options.Switch("shard-optimizer")};
  const auto average = options.TakeAverage();
  const LossScale loss_scale = options.TakeLossScale();
  const auto lists = options.TakeGroups();
  auto rule = MakeRule(options, average, make_rule);
  options.Check();
  std::vector<Optimizer::Group> groups;
  for (Value list : lists) groups.push_back(MakeGroup(list, options, average, make_rule));
  auto optimizer = std::make_shared<Optimizer>(module, std::move(rule), call.context().arenas(),
                                               settings, std::move(groups));
  optimizer->loss_scale = loss_scale;
  return optimizer;
}

std::unique_ptr<UpdateRule> SgdRule(Options& options) {
  const SgdOptions sgd{.momentum = options.Factor("momentum"),
                       .weight_decay = options.Factor("weight-decay"),
                       .nesterov = options.Switch("nesterov")};
  TORCH_CHECK(!sgd.nesterov || sgd.momentum > 0, "'nesterov needs a positive 'momentum");
  return MakeSgd(sgd);
}

std::unique_ptr<UpdateRule> AdamRule(Options& options, double weight_decay, bool decoupled) {
  return MakeAdam({.beta1 = options.Share("beta1", 0.9),
                   .beta2 = options.Share("beta2", 0.999),
                   .epsilon = options.Positive("epsilon", 1e-8),
                   .weight_decay = options.Factor("weight-decay", weight_decay),
                   .decoupled = decoupled});
}

std::unique_ptr<UpdateRule> RmspropRule(Options& options) {
  return MakeRmsprop({.alpha = options.Share("alpha", 0.99),
                      .epsilon = options.Positive("epsilon", 1e-8),
                      .weight_decay = options.Factor("weight-decay"),
                      .momentum = options.Factor("momentum")});
}

std::unique_ptr<UpdateRule> AdagradRule(Options& options) {
  return MakeAdagrad({.rate_decay = options.Factor("rate-decay"),
                      .weight_decay = options.Factor("weight-decay"),
                      .initial = options.Factor("initial"),
                      .epsilon = options.Positive("epsilon", 1e-10)});
}

void Step(Call& call, Optimizer& optimizer) {
  if (const auto* guard = call.vm().Attachment<StepGuard>(kStepGuard)) {
    const auto reason = (*guard)(optimizer);
    TORCH_CHECK(!reason, *reason);
  }
  optimizer.Prepare();
  call.Commit();
  const auto& mask = optimizer.TakeGradients();
  if (optimizer.loss_scale.dynamic() && !std::isfinite(optimizer.SquaredGradients())) {
    return optimizer.loss_scale.BackOff();
  }
  optimizer.Update(mask);
  optimizer.loss_scale.Advance();
}

void ExchangeAverages(Optimizer& optimizer) {
  TORCH_CHECK(optimizer.has_average(), "the optimizer keeps no average: it needs 'average decay");
  TORCH_CHECK(!optimizer.state_is_sliced, "the average is spread over the replicas");
  optimizer.ExchangeAverages();
}

constexpr NativeDef kOps[] = {
    Op<"optim/sgd">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest, SgdRule);
        },
        "(sgd module rate ['momentum m] ['weight-decay w] ['nesterov #t] [common]): gradient "
        "descent. Common to all optimizers are 'clip-norm or 'clip-value and a limit, 'accumulate "
        "batches, 'average decay, 'loss-scale factor or 'dynamic, 'compress 'bfloat16, 'capture "
        "#f, 'shard-optimizer #t, 'groups and a list of lists "
        "(module-or-parameters option value ...)"),
    Op<"optim/adam">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest,
                      [](Options& options) { return AdamRule(options, 0, false); });
        },
        "(adam module rate ['beta1 b] ['beta2 b] ['epsilon e] ['weight-decay w] [common]): the "
        "Adam optimizer"),
    Op<"optim/adamw">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest,
                      [](Options& options) { return AdamRule(options, 0.01, true); });
        },
        "(adamw module rate [options of adam]): Adam with a weight decay, 0.01, that shrinks the "
        "parameters"),
    Op<"optim/rmsprop">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest, RmspropRule);
        },
        "(rmsprop module rate ['alpha a] ['epsilon e] ['weight-decay w] ['momentum m] [common]): "
        "gradients divided by the root of their average squares"),
    Op<"optim/adagrad">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest, AdagradRule);
        },
        "(adagrad module rate ['rate-decay d] ['weight-decay w] ['initial i] ['epsilon e] "
        "[common]): gradients divided by the root of the sum of their squares"),
    Op<"optim/learning-rate">(
        [](const OptimizerPtr& optimizer) { return optimizer->settings.learning_rate; },
        "(learning-rate optimizer): its learning rate"),
    Op<"optim/set-learning-rate!">(
        [](const OptimizerPtr& optimizer, double rate) {
          CheckFactor("learning rate", rate);
          optimizer->settings.learning_rate = rate;
        },
        "(set-learning-rate! optimizer rate): the rate of the next steps; replicas must agree"),
    Op<"optim/step!">([](Call& call, const OptimizerPtr& optimizer) { Step(call, *optimizer); },
                      "(step! optimizer): updates the parameters that have gradients"),
    Op<"optim/zero-grad!">(
        [](const OptimizerPtr& optimizer) {
          optimizer->ForgetAccumulated();
          optimizer->ZeroGradients();
        },
        "(optim-zero-grad! optimizer): clears the gradients"),
    Op<"optim/scale-loss">(
        [](const OptimizerPtr& optimizer, const Tensor& loss) {
          return at::mul(loss, optimizer->loss_scale.factor());
        },
        "(scale-loss optimizer loss): the loss times the optimizer's 'loss-scale, for backward in "
        "loops by hand"),
    Op<"optim/loss-scale">(
        [](const OptimizerPtr& optimizer) { return optimizer->loss_scale.factor(); },
        "(loss-scale optimizer): what losses are multiplied with at the moment"),
    Op<"optim/has-average?">(
        [](const OptimizerPtr& optimizer) { return optimizer->has_average(); },
        "(optim/has-average? optimizer): whether it keeps an average of the weights"),
    Op<"optim/exchange-averages!">(
        [](Call& call, const OptimizerPtr& optimizer) {
          call.Commit();
          ExchangeAverages(*optimizer);
        },
        "(optim/exchange-averages! optimizer): exchanges the weights with their averages; the "
        "second time, back"),
    Op<"optim/optimizer?">([](Value v) { return OptimizerIn(v) != nullptr; },
                           "(optimizer? v): whether v is an optimizer"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
