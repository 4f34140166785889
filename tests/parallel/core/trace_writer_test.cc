#include "parallel/core/trace_writer.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

namespace eta::parallel {
namespace {

namespace fs = std::filesystem;

class TraceWriterTest : public testing::Test {
 protected:
  TraceWriterTest() : folder_(fs::path(testing::TempDir()) / "traces") {
    fs::create_directories(folder_);
  }
  ~TraceWriterTest() override { fs::remove_all(folder_); }

  std::unique_ptr<TraceWriter> Create(const std::string& title = "a.eta") {
    auto writer = TraceWriter::Create(path(), journal_, title);
    EXPECT_TRUE(writer) << writer.error();
    return writer ? std::move(*writer) : nullptr;
  }
  std::string path() const { return (folder_ / "run.json").string(); }
  std::vector<std::string> Lines() const {
    std::vector<std::string> lines;
    std::ifstream in(path());
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  bool Has(const std::string& line) const {
    const std::vector<std::string> lines = Lines();
    return std::find(lines.begin(), lines.end(), line) != lines.end();
  }

  const fs::path folder_;
  const std::shared_ptr<Journal> journal_ = std::make_shared<Journal>(2, 4);
};

TEST_F(TraceWriterTest, WritesThePhasesOfEachRank) {
  auto writer = Create("say \"a\\b\".eta");
  PhaseLog& log = journal_->log(1);
  log.SetStep(7);
  { const PhaseScope scope(&log, Phase::kForward); }
  const int64_t begin = journal_->log(0).start_ns() + 1'234'567;
  log.Add({.phase = Phase::kReduce,
           .part = 3,
           .step = 7,
           .bytes = 800,
           .begin_ns = begin,
           .end_ns = begin + 2'000'089});
  ASSERT_TRUE(writer->Finish());
  EXPECT_TRUE(Has(
      R"({"name":"process_name","ph":"M","pid":1,"tid":0,"args":{"name":"say \"a\\b\".eta"}},)"));
  EXPECT_TRUE(Has(R"({"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"rank 1"}},)"));
  EXPECT_TRUE(Has(
      R"({"name":"reduce","ph":"X","pid":1,"tid":3,"ts":1234.567,"dur":2000.089,"args":{"step":7,"part":3,"bytes":800}},)"));
  const std::vector<std::string> lines = Lines();
  EXPECT_EQ(lines.front(), "{\"traceEvents\":[");
  EXPECT_EQ(lines.back(), "]}");
  EXPECT_TRUE(lines[lines.size() - 2].ends_with("\"count\":0}}"));
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](auto& line) { return line.find("\"forward\"") != line.npos; }),
            1);
}

TEST_F(TraceWriterTest, TheFileIsThereWhenItIsComplete) {
  auto writer = Create();
  EXPECT_FALSE(fs::exists(path()));
  EXPECT_FALSE(fs::is_empty(folder_));
  writer.reset();
  EXPECT_TRUE(fs::exists(path()));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(TraceWriterTest, WritesWhatASymbolicLinkLeadsTo) {
  fs::create_directories(folder_ / "elsewhere");
  const fs::path target = folder_ / "elsewhere" / "target.json";
  fs::create_symlink("elsewhere/link.json", path());
  fs::create_symlink("target.json", folder_ / "elsewhere" / "link.json");
  for (const std::string title : {"first", "second"}) {  // before there is a target, and after it
    ASSERT_TRUE(Create(title)->Finish());
    EXPECT_TRUE(fs::is_symlink(path()));
    EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(target)));
    EXPECT_TRUE(Lines()[1].ends_with("{\"name\":\"" + title + "\"}},")) << Lines()[1];
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(target.parent_path()), {}), 2);
}

TEST_F(TraceWriterTest, WritesToAPipe) {
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  auto lines = std::async(std::launch::async, [this] { return Lines(); });
  ASSERT_TRUE(Create()->Finish());
  EXPECT_TRUE(fs::is_fifo(path()));
  EXPECT_EQ(lines.get().back(), "]}");
}

TEST_F(TraceWriterTest, CountsWhatItWasTooSlowFor) {
  auto writer = Create();
  for (int i = 0; i < 1000; ++i) journal_->log(0).Add({.phase = Phase::kWait});
  ASSERT_TRUE(writer->Finish());
  const std::vector<std::string> lines = Lines();
  const auto written = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("\"wait\"") != std::string::npos;
  });
  EXPECT_GE(written, 4);
  const std::string lost = "\"count\":" + std::to_string(1000 - written) + "}}";
  EXPECT_TRUE(lines[lines.size() - 2].ends_with(lost)) << lines[lines.size() - 2];
}

TEST_F(TraceWriterTest, SaysWhyItCannotWrite) {
  auto writer = TraceWriter::Create("/no/such/folder/run.json", journal_, "a.eta");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error(),
            "cannot write the trace /no/such/folder/run.json: No such file or directory");
  writer = TraceWriter::Create(folder_, journal_, "a.eta");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error(), "cannot write the trace " + folder_.string() + ": Is a directory");
}

TEST(JsonStringTest, EscapesWhatJsonDoesNotTake) {
  EXPECT_EQ(JsonString("a\"b\\c\nd\x01 \xc3\xa4"), R"("a\"b\\c\u000ad\u0001 )"
                                                   "\xc3\xa4\"");
}

}  // namespace
}  // namespace eta::parallel
