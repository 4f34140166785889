// Core sets: the processor cores of each replica, for --pin. Neighbouring cores of one memory node
// go to one replica where that is possible.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace eta::parallel {

using CoreSet = std::vector<int>;  // ascending numbers, as the kernel counts

// A list as the kernel writes it: "0-3,8" is 0, 1, 2, 3, 8. What is no number is left out.
CoreSet ParseCores(const std::string& text);

// The cores that this thread may use, by memory node; those of no known node are the last set.
// `nodes` is the kernel's folder of memory nodes.
std::vector<CoreSet> UsableCoresByNode(
    const std::filesystem::path& nodes = "/sys/devices/system/node");

// Shares them out: each replica gets as many as the others, or one more. Empty: there are fewer
// cores than replicas.
std::vector<CoreSet> ShareCores(std::span<const CoreSet> nodes, int replicas);

// Binds the calling thread, and those that it starts from now on. False: the kernel refused.
bool PinThread(const CoreSet& cores);

}  // namespace eta::parallel
