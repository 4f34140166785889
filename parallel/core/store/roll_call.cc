#include "parallel/core/store/roll_call.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "parallel/core/plain_bytes.h"

namespace eta::parallel {
namespace {

using std::chrono::milliseconds;

// What a process says of itself.
struct Entry {
  int processes = 0;
  std::string host;
};

std::string Write(const Entry& entry) {
  PlainWriter writer;
  writer.Add(entry.processes);
  writer.AddText(entry.host);
  return writer.bytes();
}

Entry Read(const std::string& text) {
  PlainReader reader(text);
  Entry entry;
  entry.processes = reader.Get<int>();
  entry.host = reader.GetText();
  return entry;
}

std::string OwnHost() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "an unknown machine";
}

milliseconds Until(Deadline deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  return std::max(left, milliseconds(1));
}

// "process 1", "processes 0, 2 and 5"
std::string List(const std::vector<int>& processes) {
  std::string text = processes.size() == 1 ? "process " : "processes ";
  for (size_t i = 0; i < processes.size(); ++i) {
    if (i > 0) text += i + 1 == processes.size() ? " and " : ", ";
    text += std::to_string(processes[i]);
  }
  return text;
}

class Roll {
 public:
  Roll(Store& store, const TorchrunJob& job, const std::string& prefix)
      : store_(store), job_(job), prefix_(prefix) {}

  Status Register() {
    const std::string number = std::to_string(job_.process);
    const auto count = store_.Add(prefix_ + "taken/" + number, 1);
    if (!count) return count.error();
    if (*count == 1) return store_.Set(KeyOf(job_.process), Write({job_.processes, OwnHost()}));
    return Invalid("there is another process with RANK " + number + " at " + job_.address + ":" +
                   std::to_string(job_.port) + "; two jobs need two ports");
  }

  Result<Entry> Get(int process, milliseconds time) {
    const auto text = store_.Get({KeyOf(process)}, time);
    if (!text) return Unexpected(text.error());
    return Read((*text)[0]);
  }

  Status CompareSizes(int process, const Entry& entry) const {
    if (entry.processes == job_.processes) return {};
    const auto told = [](int number, int processes) {
      return "process " + std::to_string(number) + " has WORLD_SIZE " + std::to_string(processes);
    };
    return {Code::kDesync,
            "the processes were not started alike: " + told(job_.process, job_.processes) + ", " +
                told(process, entry.processes) + " on " + entry.host,
            -1};
  }

  // Who is missing when the time is up.
  Status Missing() {
    std::vector<int> missing;
    std::set<std::string> hosts;
    for (int p = 0; p < job_.processes; ++p) {
      const Result<Entry> entry = Get(p, milliseconds(1));
      if (entry) {
        hosts.insert(entry->host);
      } else {
        missing.push_back(p);
      }
    }
    std::string text = List(missing) + " of " + std::to_string(job_.processes) +
                       (missing.size() == 1 ? " has" : " have") +
                       " not come to the start of the run; the others are on";
    for (const std::string& host : hosts) text += ' ' + host;
    return {Code::kStalled, text, -1};
  }

 private:
  std::string KeyOf(int process) const { return prefix_ + "host/" + std::to_string(process); }

  Store& store_;
  const TorchrunJob& job_;
  const std::string& prefix_;
};

}  // namespace

Result<std::vector<std::string>> CallRoll(Store& store, const TorchrunJob& job,
                                          const std::string& prefix, Deadline deadline) {
  Roll roll(store, job, prefix);
  if (Status s = roll.Register(); !s.ok()) return Unexpected(std::move(s));
  std::vector<std::string> hosts;
  for (int p = 0; p < job.processes; ++p) {
    const Result<Entry> entry = roll.Get(p, Until(deadline));
    if (!entry && entry.error().code == Code::kStalled) return Unexpected(roll.Missing());
    if (!entry) return Unexpected(entry.error());
    if (Status s = roll.CompareSizes(p, *entry); !s.ok()) return Unexpected(std::move(s));
    hosts.push_back(entry->host);
  }
  return hosts;
}

}  // namespace eta::parallel
