// Runs the ranks of a world as threads of the test; also those of several processes, which are
// threads too.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

#include "parallel/core/link/link.h"
#include "parallel/core/world.h"
#include "tests/fakes/loopback.h"

namespace eta::parallel {

// A world that fails fast instead of slowly, and fails the test where it would end the process.
inline WorldOptions TestWorld(int ranks) {
  WorldOptions options;
  options.devices.resize(static_cast<size_t>(ranks));
  options.stall_timeout = std::chrono::seconds(20);
  options.supervisor.tick = std::chrono::milliseconds(1);
  options.supervisor.warn = [](const std::string&) {};
  options.supervisor.unresponsive = [](const std::string& text) { ADD_FAILURE() << text; };
  return options;
}

using RankBody = std::function<void(Member&)>;

// Calls `body` for each rank here on a thread of its own once all have joined; a member that has
// not left afterwards returns. A rank that finds the world over when it joins does not call it.
inline World::Outcome RunRanks(const std::shared_ptr<World>& world, const RankBody& body) {
  std::latch joined(world->seats().here);
  std::vector<std::thread> threads;
  for (int rank = world->seats().first; rank < world->seats().end(); ++rank) {
    threads.emplace_back([&, rank] {
      auto member = World::Join(world, rank);
      joined.arrive_and_wait();
      if (!member) {
        EXPECT_EQ(member.error(), world->board().reason());
        return;
      }
      body(**member);
      if (!(*member)->left()) (*member)->Return();
    });
  }
  World::Outcome outcome = world->Wait();
  for (std::thread& thread : threads) thread.join();
  return outcome;
}

inline World::Outcome RunRanks(WorldOptions options, const RankBody& body) {
  auto world = World::Create(std::move(options));
  EXPECT_TRUE(world) << world.error().message;
  return RunRanks(*world, body);
}

// `processes`: how many ranks each has. The outcomes are by process.
inline std::vector<World::Outcome> RunJob(LoopbackJob& job, const std::vector<int>& processes,
                                          const WorldOptions& options, const RankBody& body) {
  std::vector<World::Outcome> outcomes(processes.size());
  std::vector<Link::Introduction> introductions;
  for (const int ranks : processes) introductions.push_back({.ranks = ranks});
  RunProcesses(job, introductions, [&](size_t p, const Result<std::shared_ptr<Link>>& link) {
    ASSERT_TRUE(link) << link.error().message;
    WorldOptions own = options;
    own.devices.resize(static_cast<size_t>(processes[p]));
    own.link = *link;
    outcomes[p] = RunRanks(std::move(own), body);
  });
  return outcomes;
}

}  // namespace eta::parallel
