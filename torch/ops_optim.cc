// Optimizers.
#include <cmath>

#include "torch/op.h"
#include "torch/op_table.h"
#include "torch/option_list.h"

namespace eta::tensor {
namespace {

using ModulePtr = std::shared_ptr<Module>;
using OptimizerPtr = std::shared_ptr<Optimizer>;

// A finite number that is not negative.
void CheckFactor(const char* what, double value) {
  TORCH_CHECK(value >= 0 && std::isfinite(value), "invalid ", what, " ", value);
}

// The options of an optimizer, in the ranges that its rule needs.
class Options {
 public:
  explicit Options(const Rest<Value>& rest) : list_(rest.items) {}

  double Factor(std::string_view name, double otherwise = 0) {
    const double value = list_.Take<double>(name).value_or(otherwise);
    if (!(value >= 0 && std::isfinite(value))) {
      list_.Reject(name, "finite number that is not negative required");
    }
    return value;
  }
  double Positive(std::string_view name, double otherwise) {
    const double value = list_.Take<double>(name).value_or(otherwise);
    if (!(value > 0)) list_.Reject(name, "positive number required");
    return value;
  }
  // How much of an average stays in each step.
  double Share(std::string_view name, double otherwise) {
    const double value = list_.Take<double>(name).value_or(otherwise);
    if (!(value >= 0 && value < 1)) list_.Reject(name, "number from [0, 1) required");
    return value;
  }
  bool Switch(std::string_view name) { return list_.Take<bool>(name).value_or(false); }

  Clipping TakeClipping() {
    const Clipping clipping{.norm = Positive("clip-norm", Clipping::kNone),
                            .value = Positive("clip-value", Clipping::kNone)};
    if (clipping.by_norm() && clipping.value != Clipping::kNone) {
      list_.Reject("clip-norm", "not together with 'clip-value");
    }
    return clipping;
  }
  void Check() const { list_.Check(); }

 private:
  OptionList list_;
};

// `make_rule` takes the options of the rule.
template <class F>
OptimizerPtr Make(Call& call, const ModulePtr& module, double learning_rate,
                  const Rest<Value>& rest, const F& make_rule) {
  CheckFactor("learning rate", learning_rate);
  Options options(rest);
  auto rule = make_rule(options);
  const Clipping clipping = options.TakeClipping();
  options.Check();
  return std::make_shared<Optimizer>(module, std::move(rule), call.context().arenas(),
                                     Optimizer::Settings{learning_rate, clipping});
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
  optimizer.Update(optimizer.TakeGradients());
}

constexpr NativeDef kOps[] = {
    Op<"optim/sgd">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest, SgdRule);
        },
        "(sgd module rate ['momentum m] ['weight-decay w] ['nesterov #t] [clipping]): gradient "
        "descent. Clipping is 'clip-norm or 'clip-value and a limit"),
    Op<"optim/adam">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest,
                      [](Options& options) { return AdamRule(options, 0, false); });
        },
        "(adam module rate ['beta1 b] ['beta2 b] ['epsilon e] ['weight-decay w] [clipping]): the "
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
        "(rmsprop module rate ['alpha a] ['epsilon e] ['weight-decay w] ['momentum m] [clipping]): "
        "gradients divided by the root of their average squares"),
    Op<"optim/adagrad">(
        [](Call& call, const ModulePtr& module, double learning_rate, const Rest<Value>& rest) {
          return Make(call, module, learning_rate, rest, AdagradRule);
        },
        "(adagrad module rate ['rate-decay d] ['weight-decay w] ['initial i] ['epsilon e] "
        "[clipping]): gradients divided by the root of the sum of their squares"),
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
    Op<"optim/zero-grad!">([](const OptimizerPtr& optimizer) { optimizer->ZeroGradients(); },
                           "(optim-zero-grad! optimizer): clears the gradients"),
    Op<"optim/optimizer?">([](Value v) { return OptimizerIn(v) != nullptr; },
                           "(optimizer? v): whether v is an optimizer"),
};

const OpTable table(kOps);

}  // namespace

}  // namespace eta::tensor
