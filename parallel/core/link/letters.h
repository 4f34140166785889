// What processes write to each other outside of meetings. All run the same program on the same kind
// of machine, so letters are plain memory.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/core/board.h"
#include "parallel/core/status.h"

namespace eta::parallel {

// How some ranks of the sender are; `views` by rank from `first` on.
std::vector<std::string> WriteViews(int first, std::span<const RankView> views);
// The world is over.
std::string WriteAbort(const Status& reason);
// The sender would like to know where `rank` is in its script.
std::string WriteAskPlace(int rank);

struct LetterReader {
  std::function<void(int rank, const RankView& view)> view;
  std::function<void(const Status& reason)> abort;
  std::function<void(int rank)> ask_place;

  // Calls one of them, or several times the first.
  void Read(std::string_view letter) const;
};

}  // namespace eta::parallel
