#include "parallel/isolate/rank_console.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace eta::parallel {
namespace {

using namespace std::chrono_literals;

class RankConsoleTest : public testing::Test {
 protected:
  RankConsoleTest()
      : out_(open_memstream(&out_text_, &out_size_)),
        error_(open_memstream(&error_text_, &error_size_)) {
    EXPECT_EQ(pipe(pipe_), 0);
    streams_ = std::make_unique<SharedStreams>(out_, error_, pipe_[0]);
  }
  ~RankConsoleTest() override {
    std::fclose(out_);
    std::fclose(error_);
    std::free(out_text_);
    std::free(error_text_);
    close(pipe_[0]);
    if (pipe_[1] >= 0) close(pipe_[1]);
  }

  SharedStreams& streams() { return *streams_; }
  std::string Out() {
    std::fflush(out_);
    return {out_text_, out_size_};
  }
  std::string Error() {
    std::fflush(error_);
    return {error_text_, error_size_};
  }
  void Feed(const std::string& text) {
    EXPECT_EQ(write(pipe_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void EndInput() {
    close(pipe_[1]);
    pipe_[1] = -1;
  }

 private:
  int pipe_[2];
  char *out_text_ = nullptr, *error_text_ = nullptr;
  size_t out_size_ = 0, error_size_ = 0;
  FILE *const out_, *const error_;
  std::unique_ptr<SharedStreams> streams_;
};

TEST_F(RankConsoleTest, RankZeroAloneWritesOutput) {
  RankConsole zero(streams(), 0, OutputMode::kFirst), one(streams(), 1, OutputMode::kFirst);
  zero.WriteOut("from zero");
  one.WriteOut("from one\n");
  EXPECT_EQ(Out(), "from zero");
}

TEST_F(RankConsoleTest, WithAllOutputLinesBeginWithTheirRank) {
  {
    RankConsole zero(streams(), 0, OutputMode::kAll), one(streams(), 1, OutputMode::kAll);
    zero.WriteOut("a");
    one.WriteOut("x\ny\nz");
    zero.WriteOut("b\n\nc");
    EXPECT_EQ(Out(), "[1] x\n[1] y\n[0] ab\n[0] \n");
  }
  EXPECT_EQ(Out(), "[1] x\n[1] y\n[0] ab\n[0] \n[1] z\n[0] c\n");
}

TEST_F(RankConsoleTest, ErrorLinesOfDifferentRanksDoNotMix) {
  RankConsole zero(streams(), 0, OutputMode::kFirst), one(streams(), 1, OutputMode::kFirst);
  zero.WriteError("half a ");
  one.WriteError("whole line\n");
  zero.WriteError("line\n");
  EXPECT_EQ(Error(), "whole line\nhalf a line\n");
}

TEST_F(RankConsoleTest, LinesFromManyThreadsStayWhole) {
  constexpr int kRanks = 4, kLines = 200;
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < kRanks; ++rank) {
    ranks.emplace_back([this, rank] {
      RankConsole console(streams(), rank, OutputMode::kAll);
      for (int i = 0; i < kLines; ++i) {
        console.WriteOut("abc");
        console.WriteOut("def\n");
      }
    });
  }
  for (std::thread& rank : ranks) rank.join();
  const std::string out = Out();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), kRanks * kLines);
  EXPECT_EQ(out.size(), std::string("[0] abcdef\n").size() * kRanks * kLines);
  for (size_t at = 0; at < out.size(); at += 11) ASSERT_EQ(out.substr(at + 3, 8), " abcdef\n");
}

TEST_F(RankConsoleTest, LinesWithoutAnEndAreWrittenBeforeAForcedEnd) {
  RankConsole zero(streams(), 0, OutputMode::kAll), one(streams(), 1, OutputMode::kAll);
  zero.WriteOut("partial of 0");
  one.WriteOut("partial of 1");
  one.WriteError("half an error");
  { RankConsole(streams(), 2, OutputMode::kAll).WriteOut("of one that has ended"); }
  streams().FlushAll(10s);
  EXPECT_EQ(Out(), "[2] of one that has ended\n[0] partial of 0\n[1] partial of 1\n");
  EXPECT_EQ(Error(), "half an error\n");
}

TEST_F(RankConsoleTest, RanksMayPrintWhileLinesAreCompleted) {
  constexpr int kRanks = 4, kTexts = 200;
  std::vector<std::thread> ranks;
  for (int rank = 0; rank < kRanks; ++rank) {
    ranks.emplace_back([this, rank] {
      RankConsole console(streams(), rank, OutputMode::kAll);
      for (int i = 0; i < kTexts; ++i) console.WriteOut("x");
    });
  }
  for (int i = 0; i < 20; ++i) streams().FlushAll(10s);
  for (std::thread& rank : ranks) rank.join();
  const std::string out = Out();
  EXPECT_EQ(std::count(out.begin(), out.end(), 'x'), kRanks * kTexts);
}

TEST_F(RankConsoleTest, EveryRankReadsTheWholeInput) {
  RankConsole zero(streams(), 0, OutputMode::kFirst), one(streams(), 1, OutputMode::kFirst);
  Feed("first\nsec");
  EXPECT_EQ(zero.ReadLine(), "first\n");
  Feed("ond\nlast");
  EndInput();
  EXPECT_EQ(zero.ReadLine(), "second\n");
  EXPECT_EQ(zero.ReadLine(), "last");
  EXPECT_EQ(zero.ReadLine(), "");
  for (const char* line : {"first\n", "second\n", "last", ""}) EXPECT_EQ(one.ReadLine(), line);
}

TEST_F(RankConsoleTest, ARankWaitsForInputThatAnotherReads) {
  std::vector<std::thread> ranks;
  std::vector<std::string> lines(3);
  for (int rank = 0; rank < 3; ++rank) {
    ranks.emplace_back([this, rank, &lines] {
      lines[rank] = RankConsole(streams(), rank, OutputMode::kFirst).ReadLine();
    });
  }
  Feed("for ");
  Feed("all\n");
  for (std::thread& rank : ranks) rank.join();
  EXPECT_EQ(lines, std::vector<std::string>(3, "for all\n"));
}

TEST_F(RankConsoleTest, OtherRanksFilesAreDiscardedAndThatIsSaidOnce) {
  RankConsole zero(streams(), 0, OutputMode::kFirst), one(streams(), 1, OutputMode::kFirst),
      two(streams(), 2, OutputMode::kFirst), all(streams(), 1, OutputMode::kAll);
  EXPECT_TRUE(zero.WritesFile("a.txt"));
  EXPECT_TRUE(all.WritesFile("a.txt"));
  EXPECT_EQ(Error(), "");
  EXPECT_FALSE(two.WritesFile("a.txt"));
  EXPECT_FALSE(one.WritesFile("a.txt"));
  EXPECT_FALSE(one.WritesFile("b.txt"));
  EXPECT_EQ(Error(),
            "note: rank 0 alone changes files, such as 'a.txt'; with --output all every rank "
            "does\n");
}

}  // namespace
}  // namespace eta::parallel
