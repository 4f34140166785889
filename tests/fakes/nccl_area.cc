#include "tests/fakes/nccl_area.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <mutex>
#include <thread>

namespace eta::fake_nccl {
namespace {

// The files of the areas that this process made; an area lives in no directory, and so leaves
// nothing behind however its processes end.
std::mutex mu;
std::map<std::string, int> files;

}  // namespace

std::string Area::Make() {
  const int file = memfd_create("fake nccl", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, kBytes) != 0) return "";
  const std::string name = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file);
  std::lock_guard lock(mu);
  files[name] = file;
  return name;
}

std::unique_ptr<Area> Area::Open(const std::string& name, int rank, int size) {
  if (size > kMaxRanks) return nullptr;
  const int file = open(name.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return memory == MAP_FAILED ? nullptr : std::unique_ptr<Area>(new Area(memory, rank, size));
}

void Area::Forget(const std::string& name) {
  std::lock_guard lock(mu);
  const auto found = files.find(name);
  if (found == files.end()) return;
  close(found->second);
  files.erase(found);
}

Area::~Area() { munmap(memory_, kBytes); }

bool Area::Meet(const std::function<bool()>& over) {
  const uint64_t mine = lines()[rank_].arrived.fetch_add(1) + 1;
  for (int r = 0; r < size_; ++r) {
    for (int i = 0; lines()[r].arrived.load() < mine; ++i) {
      if (over()) return false;
      if (i < 200) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
      }
    }
  }
  return true;
}

}  // namespace eta::fake_nccl
