#include "parallel/core/job/torchrun.h"

#include <charconv>
#include <string_view>

namespace eta::parallel {
namespace {

// So many ranks can be told apart; more is a slip of the pen.
constexpr int kMaxProcesses = 1 << 20;

class Reader {
 public:
  explicit Reader(const Environment& environment) : environment_(environment) {}

  std::string Text(const char* name, const char* otherwise = nullptr) {
    const char* const text = environment_(name);
    if (text != nullptr && *text != '\0') return text;
    if (otherwise == nullptr) Refuse(std::string(name) + " is not set");
    return otherwise == nullptr ? "" : otherwise;
  }

  int Number(const char* name, int least, int most) {
    const std::string text = Text(name);
    int number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec == std::errc() && read.ptr == end && number >= least && number <= most) {
      return number;
    }
    Refuse(std::string(name) + " is '" + text + "'; it must be a whole number from " +
           std::to_string(least) + " to " + std::to_string(most));
    return least;
  }

  // The first thing that was wrong.
  const Status& status() const { return status_; }

 private:
  void Refuse(const std::string& why) {
    if (!status_.ok()) return;
    status_ = Invalid(why +
                      "; torchrun sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT, and with "
                      "ETA_LAUNCHER=off this process runs on its own");
  }

  const Environment& environment_;
  Status status_;
};

}  // namespace

Result<TorchrunJob> ReadTorchrunJob(const Environment& environment) {
  Reader read(environment);
  TorchrunJob job;
  job.processes = read.Number("WORLD_SIZE", 1, kMaxProcesses);
  job.process = read.Number("RANK", 0, job.processes - 1);
  if (read.status().ok() && job.processes > 1) {
    job.address = read.Text("MASTER_ADDR");
    job.port = static_cast<uint16_t>(read.Number("MASTER_PORT", 1, 65535));
    job.launcher_keeps_store = read.Text("TORCHELASTIC_USE_AGENT_STORE", "") == "True";
    job.run = read.Text("TORCHELASTIC_RUN_ID", "none") + '/' +
              read.Text("TORCHELASTIC_RESTART_COUNT", "0");
  }
  if (!read.status().ok()) return Unexpected(read.status());
  return job;
}

}  // namespace eta::parallel
