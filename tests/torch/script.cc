#include "tests/torch/script.h"

#include <cmath>
#include <cstdlib>
#include <regex>
#include <utility>

#include "torch/extension.h"

namespace eta::tensor {
namespace {

class Capture final : public Console {
 public:
  explicit Capture(std::string* output) : output_(output) {}
  void WriteOut(std::string_view bytes) override { output_->append(bytes); }
  void WriteError(std::string_view bytes) override { output_->append(bytes); }
  void Flush() override {}
  std::string ReadLine() override { return ""; }

 private:
  std::string* output_;
};

std::string Describe(const Vm::Pending& pending) {
  const std::string tag = IsSymbol(pending.tag) ? SymbolName(pending.tag) : "";
  return "error: " + (tag == kTypeError ? "" : tag + ": ") + pending.message;
}

// What std.optim exports of parallel/training, which these tests do without.
Value NoTrainStep(Vm& vm, Args) { return vm.Fail(kTypeError, "no training steps in this test"); }
constexpr NativeDef kNotHere[] = {{"optim/train-step-lazy!", NoTrainStep, 5, 5, ""}};

}  // namespace

Script::Script(TensorSettings settings, Heap::Options heap) {
  Vm::Options options;
  options.heap = std::move(heap);
  options.console = std::make_unique<Capture>(&output_);
  vm_ = std::make_unique<Vm>(std::move(options));
  vm_->Attach(kTensorSettings, std::make_shared<TensorSettings>(std::move(settings)));
  InstallTensors(*vm_);
  vm_->DefineNatives(kNotHere);
}

std::string Script::Run(const std::string& text) {
  output_.clear();
  const bool ran = vm_->RunText(text, "test.eta");
  if (ran) return output_;
  const Vm::Pending pending = vm_->TakePending();
  if (!vm_->diagnostic().message.empty()) return "error: " + vm_->diagnostic().message;
  return Describe(pending);
}

bool SameText(const std::string& expected, const std::string& actual) {
  static const std::regex kToken("[^\\s()]+|[()]");
  using Tokens = std::sregex_iterator;
  Tokens a(expected.begin(), expected.end(), kToken), b(actual.begin(), actual.end(), kToken);
  for (; a != Tokens() && b != Tokens(); ++a, ++b) {
    if (a->str() == b->str()) continue;
    char* a_end;
    char* b_end;
    const std::string a_text = a->str(), b_text = b->str();
    const double x = std::strtod(a_text.c_str(), &a_end);
    const double y = std::strtod(b_text.c_str(), &b_end);
    if (*a_end != '\0' || *b_end != '\0') return false;
    // An int is not a float, however close.
    if ((a_text.find_first_of(".en") == a_text.npos) !=
        (b_text.find_first_of(".en") == b_text.npos)) {
      return false;
    }
    if (!(std::abs(x - y) <= 1e-9 * std::max(std::abs(x), 1e-3))) return false;
  }
  return a == Tokens() && b == Tokens();
}

}  // namespace eta::tensor
