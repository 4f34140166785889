#include "tests/started_job.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace eta {
namespace {

constexpr std::chrono::seconds kPatience(30);

void Start(const std::string& command, const StartedJob::Variables& variables) {
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
  _exit(127);
}

}  // namespace

uint16_t FreePort() {
  sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof(address);
  auto* const bytes = reinterpret_cast<sockaddr*>(&address);
  const int file = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(bind(file, bytes, size), 0);
  EXPECT_EQ(getsockname(file, bytes, &size), 0);
  close(file);
  return ntohs(address.sin_port);
}

StartedJob::StartedJob(const std::vector<std::string>& arguments, const Variables& variables) {
  const std::string size = std::to_string(arguments.size());
  Variables common = {{"WORLD_SIZE", size},
                      {"LOCAL_WORLD_SIZE", size},
                      {"MASTER_ADDR", "127.0.0.1"},
                      {"MASTER_PORT", std::to_string(FreePort())},
                      {"ETA_NCCL_PATH", "tests/fakes/libnccl_fake.so"}};
  for (size_t p = 0; p < arguments.size(); ++p) {
    const std::string number = std::to_string(p);
    processes_.push_back({0, folder_.Path("out" + number), folder_.Path("err" + number)});
    if (arguments[p].empty()) continue;
    Variables own = variables;
    own.insert({{"RANK", number}, {"LOCAL_RANK", number}});
    own.insert(common.begin(), common.end());
    const Process& process = processes_.back();
    const std::string command =
        "exec ./etai " + arguments[p] + " >" + process.out + " 2>" + process.err + " </dev/null";
    const pid_t child = fork();
    if (child == 0) Start(command, own);
    processes_.back().pid = child;
  }
}

StartedJob::~StartedJob() {
  for (const Process& process : processes_) {
    if (process.pid == 0) continue;
    kill(process.pid, SIGKILL);
    waitpid(process.pid, nullptr, 0);
  }
}

bool StartedJob::AllSay(const std::string& text) const {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (const Process& process : processes_) {
    while (ReadWhole(process.err).find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  return true;
}

void StartedJob::Signal(size_t process, int signal) const { kill(processes_[process].pid, signal); }

Outcome StartedJob::Wait(size_t number) {
  Process& process = processes_[number];
  int status = 0;
  if (process.pid != 0) waitpid(process.pid, &status, 0);
  process.pid = 0;
  return {ReadWhole(process.out), WithoutPlacement(ReadWhole(process.err)),
          WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)};
}

std::vector<Outcome> StartedJob::WaitForAll() {
  std::vector<Outcome> outcomes;
  for (size_t p = 0; p < processes_.size(); ++p) outcomes.push_back(Wait(p));
  return outcomes;
}

}  // namespace eta
