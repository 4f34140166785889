#include "tools/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <system_error>

#include "parallel/isolate/crew.h"
#include "tools/command_line.h"

namespace eta {
namespace {

constexpr int kMaxCount = parallel::Crew::kMaxSize;  // of replicas, and of their threads

// A checker for CLI11: what is wrong with the text, or "".
std::string CheckCount(const std::string& text) {
  int value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  const bool good = parsed.ec == std::errc() && parsed.ptr == end;
  if (good && value >= 1 && value <= kMaxCount) return "";
  return "expected a whole number from 1 to " + std::to_string(kMaxCount) + ", not '" + text + "'";
}

std::string CheckReplicas(const std::string& text) {
  const std::string wrong = text == "auto" ? "" : CheckCount(text);
  const std::string expected = "expected ";
  return wrong.empty() ? "" : expected + "auto or " + wrong.substr(expected.size());
}

std::string CheckDevices(const std::string& text) {
  const auto choice = parallel::ParseDeviceChoice(text);
  return choice ? "" : choice.error();
}

std::string CheckSeconds(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  const bool good = parsed.ec == std::errc() && parsed.ptr == end;
  if (good && value > 0 && std::isfinite(value)) return "";
  return "expected a positive number of seconds, not '" + text + "'";
}

auto OneOf(std::vector<std::string> choices) {
  return [choices = std::move(choices)](const std::string& text) -> std::string {
    std::string list;
    for (const std::string& choice : choices) {
      if (choice == text) return "";
      list += (list.empty() ? "" : " or ") + choice;
    }
    return "expected " + list + ", not '" + text + "'";
  };
}

// What CLI11 writes to; the texts are turned into Options afterwards.
struct Parser {
  Options options;
  bool help = false, version = false;
  std::string output = "first", on_nonfinite = "stop", on_failure = "stop", path, expression;
  std::string replicas = "1", devices = "auto", pin = "off";
  CLI::App app{
      "etai [OPTION...] FILE [ARGUMENT...]\n"
      "etai [OPTION...] -e TEXT [ARGUMENT...]\n"
      "Runs the program FILE: a text, or what etac made of it; - is standard input. What follows\n"
      "FILE is the program's, except --path.\n"};
  CLI::Option *path_option, *replicas_option, *devices_option, *nonfinite_option,
      *expression_option;

  Parser() {
    SetUpCommandLine(app);
    replicas_option =
        Add("--replicas", replicas, "N",
            "run the program on N replicas (default 1); auto: one for each GPU of --devices")
            ->check(CheckReplicas);
    devices_option =
        Add("--devices", devices, "LIST",
            "where replicas run: cpu, cuda:0,cuda:2 or auto (default), by which a single one is on "
            "a GPU if there is one and several are on the CPU")
            ->check(CheckDevices);
    Add("--pin", pin, "WHICH", "auto: bind each replica to cores of its own (default off)")
        ->check(OneOf({"off", "auto"}));
    Add("--threads", options.threads, "T", "threads of each replica (default: cores / replicas)")
        ->check(CheckCount);
    Add("--dtype", options.dtype, "D", "default type of tensors: float64 (default) or float32")
        ->check(OneOf({"float64", "float32"}));
    Add("--backend", options.backend, "B",
        "how replicas exchange data: auto (default), local (shared memory), mpi (where mpirun has "
        "started several processes), nccl, which is loaded from ETA_NCCL_PATH if that is set, or "
        "gpu-groups (replicas that share GPUs, NCCL between these)")
        ->check(OneOf({"auto", "local", "mpi", "nccl", "gpu-groups"}));
    Add("--output", output, "WHICH", "who prints: first (default) or all replicas")
        ->check(OneOf({"first", "all"}));
    app.add_flag("--split", options.split, "train-step! takes the replica's rows of each batch");
    Add("--stall-timeout", options.stall_timeout_s, "S",
        "seconds that a replica waits for the others (default 30)")
        ->check(CheckSeconds);
    nonfinite_option =
        Add("--on-nonfinite", on_nonfinite, "WHAT",
            "at a loss or gradient that is not finite: stop (default with --replicas) or skip the "
            "step")
            ->check(OneOf({"stop", "skip"}));
    Add("--on-failure", on_failure, "WHAT",
        "when a training step fails on some replicas: stop (default); heal: put these right and "
        "try the step again, then skip it; or shrink: skip it and go on without them")
        ->check(OneOf({"stop", "heal", "shrink"}));
    app.add_flag("--deterministic", options.deterministic,
                 "the same results, to the bit, on 1, 2, 4 and 8 replicas; one thread each unless "
                 "--threads says more");
    app.add_flag_callback(
        "--no-capture", [this] { options.capture = false; },
        "compute every training step anew, instead of replaying those that repeat");
    Add("--trace", options.trace, "FILE",
        "write what each replica did when, for Perfetto or chrome://tracing");
    app.add_flag("--stats", options.stats,
                 "show at the end what the time of each replica went into");
    path_option = Add("--path", path, "DIRS",
                      "where modules are looked for, with colons between; replaces "
                      "ETA_MODULE_PATH");
    app.add_flag("--strict-shadows", options.strict_shadows,
                 "refuse to import a module that is in more than one place");
    Add("--dump", options.dump, "STAGE",
        "print what reader, expander, analyzer or bytecode emitter make of the program instead of "
        "running it")
        ->check(OneOf({"reader", "expander", "analyzer", "bytecode"}));
    app.add_flag("--check", options.check,
                 "compile the program, report all errors that can be found, and do not run it");
    expression_option = Add("-e", expression, "TEXT", "run this text instead of a FILE");
    app.add_flag("--disasm", options.disassemble, "print the bytecode after the run");
    app.add_flag("--help,-h", help, "print this and exit");
    app.add_flag("--version", version, "print the version and exit");
  }

  template <class T>
  CLI::Option* Add(const char* name, T& target, const char* value, const char* text) {
    return app.add_option(name, target, text)
        ->type_name(value)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }
};

// Takes --path out of the words behind FILE, up to "--"; the others are the program's.
Expected<Ok, std::string> TakeProgramArguments(const Arguments& words, Parser* parser) {
  Options& options = parser->options;
  for (size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      options.arguments.insert(options.arguments.end(), words.begin() + i + 1, words.end());
      break;
    }
    if (word == "--path" || word.starts_with("--path=")) {
      if (word == "--path" && i + 1 == words.size()) {
        return Unexpected(std::string("--path needs a value"));
      }
      options.path = word == "--path" ? words[++i] : word.substr(7);
      continue;
    }
    const bool common = word == "--help" || word == "--version";  // programs have these as well
    if (!common && IsOptionOf(parser->app, word)) {
      options.warnings.push_back(word + " is passed to the program: etai's options come before " +
                                 options.file);
    }
    options.arguments.push_back(word);
  }
  return Ok{};
}

}  // namespace

Expected<Options, std::string> ParseEtaiOptions(const std::vector<std::string>& arguments) {
  Parser parser;
  auto words = ParseOptions(parser.app, arguments, OptionOrder::kFirst);
  if (!words) return Unexpected(std::move(words.error()));
  Options& options = parser.options;
  options.all_output = parser.output == "all";
  options.on_failure = *parallel::ParseOnFailure(parser.on_failure);
  options.skip_nonfinite = parser.on_nonfinite == "skip";
  options.replicas = parser.replicas == "auto" ? 0 : std::stoi(parser.replicas);
  options.replicas_given = parser.replicas_option->count() > 0;
  options.devices = *parallel::ParseDeviceChoice(parser.devices);
  options.devices_given = parser.devices_option->count() > 0;
  options.pin = parser.pin == "auto";
  options.heed_nonfinite = options.replicas_given || parser.nonfinite_option->count() > 0;
  if (parser.path_option->count() > 0) options.path = parser.path;
  if (parser.help || parser.version) {
    options.action = parser.help ? Options::Action::kHelp : Options::Action::kVersion;
    return options;
  }
  if (parser.expression_option->count() > 0) {
    options.expression = parser.expression;
    words->insert(words->begin(), "-e");  // stands for the file
  }
  if (words->empty()) return Unexpected(std::string("no input file specified"));
  options.file = words->front();
  std::error_code no_file;
  if (std::filesystem::equivalent(options.trace, options.file, no_file)) {
    return Unexpected("--trace would replace the program " + options.file);
  }
  if (auto taken = TakeProgramArguments(*words, &parser); !taken) {
    return Unexpected(std::move(taken.error()));
  }
  return options;
}

// Longer times would not fit; nobody waits so long.
std::chrono::nanoseconds Options::stall_timeout() const {
  constexpr double kLongest = 1e9;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::min(stall_timeout_s, kLongest)));
}

std::string EtaiHelp() { return Parser().app.help(); }

}  // namespace eta
