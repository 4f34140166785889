// tensor-save and tensor-load.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "tests/torch/script.h"

namespace eta::tensor {
namespace {

class FilesTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  std::string Quoted(const std::string& name) const { return '"' + Path(name) + '"'; }
  auto CountFiles() const {
    return std::distance(std::filesystem::directory_iterator(folder_.path()), {});
  }

  const TemporaryFolder folder_;
  Script script_;
};

TEST_F(FilesTest, ATensorSurvivesTheRoundTrip) {
  const std::string path = Quoted("t.pt");
  EXPECT_EQ(script_.Eval("(torch/save (torch/tensor '((1 2) (3 4.5))) " + path + ")"), "()");
  EXPECT_EQ(script_.Eval("(torch/to-list (torch/load " + path + "))"), "(1.0 2.0 3.0 4.5)");
  EXPECT_EQ(script_.Eval("(torch/shape (torch/load " + path + "))"), "(2 2)");
}

TEST_F(FilesTest, DtypesSurvive) {
  for (const char* dtype : {"float32", "float64", "int64", "bool", "bfloat16"}) {
    const std::string path = Quoted(dtype);
    script_.Eval("(torch/save (torch/ones '(2) '" + std::string(dtype) + ") " + path + ")");
    EXPECT_EQ(script_.Eval("(torch/dtype (torch/load " + path + "))"), dtype);
  }
}

TEST_F(FilesTest, ATransposedViewIsSavedAsItLooks) {
  const std::string path = Quoted("t.pt");
  script_.Eval("(torch/save (torch/transpose (torch/tensor '((1 2) (3 4))) 0 1) " + path + ")");
  EXPECT_EQ(script_.Eval("(torch/to-list (torch/load " + path + "))"), "(1.0 3.0 2.0 4.0)");
}

TEST_F(FilesTest, NothingIsLeftBesideTheFile) {
  script_.Eval("(torch/save (torch/ones '(2)) " + Quoted("t.pt") + ")");
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(FilesTest, SeveralMaySaveToOnePathAtOnce) {
  const std::string save = "(torch/save (torch/ones '(1000)) " + Quoted("t.pt") + ")";
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&save] {
      Script script;
      for (int k = 0; k < 100; ++k) EXPECT_EQ(script.Eval(save), "()");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(script_.Eval("(torch/item (torch/sum (torch/load " + Quoted("t.pt") + ")))"), "1000.0");
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(FilesTest, WhatIsNoFileIsNotReplacedByOne) {
  const std::string pipe = Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(script_.Eval("(torch/save (torch/ones '(2)) \"" + pipe + "\")"),
            "error: torch/save: cannot write '" + pipe + "': it is not a regular file");
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(CountFiles(), 1);
}

TEST_F(FilesTest, ALinkStaysOne) {
  script_.Eval("(torch/save (torch/ones '(2)) " + Quoted("t.pt") + ")");
  std::filesystem::create_symlink(Path("t.pt"), Path("link"));
  script_.Eval("(torch/save (torch/ones '(3)) " + Quoted("link") + ")");
  EXPECT_TRUE(std::filesystem::is_symlink(Path("link")));
  EXPECT_EQ(script_.Eval("(torch/shape (torch/load " + Quoted("t.pt") + "))"), "(3)");
}

TEST_F(FilesTest, WhatIsNoTensorIsRefused) {
  std::ofstream(Path("text")) << "not a tensor\n";
  std::ofstream(Path("empty"));
  for (const char* name : {"text", "empty"}) {
    EXPECT_EQ(script_.Eval("(torch/load " + Quoted(name) + ")"),
              "error: torch/load: '" + Path(name) + "' is not a saved tensor, or it is damaged");
  }
  EXPECT_EQ(script_.Eval("(torch/load \"" + folder_.path().string() + "\")"),
            "error: torch/load: cannot read '" + folder_.path().string() + "': Is a directory");
}

TEST_F(FilesTest, ATruncatedFileIsRefused) {
  script_.Eval("(torch/save (torch/ones '(1000)) " + Quoted("t.pt") + ")");
  std::filesystem::resize_file(Path("t.pt"), 1000);
  EXPECT_EQ(script_.Eval("(torch/load " + Quoted("t.pt") + ")"),
            "error: torch/load: '" + Path("t.pt") + "' is not a saved tensor, or it is damaged");
}

TEST_F(FilesTest, AFlippedBitIsFound) {
  const std::string path = Path("t.pt");
  script_.Eval("(torch/save (torch/arange 0 50) " + Quoted("t.pt") + ")");
  std::ifstream file(path, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const std::string expected = script_.Eval("(torch/to-list (torch/load " + Quoted("t.pt") + "))");
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string flipped = whole;
    flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
    std::ofstream(path, std::ios::binary) << flipped;
    const std::string loaded = script_.Eval("(torch/to-list (torch/load " + Quoted("t.pt") + "))");
    // What is between the entries does not matter.
    EXPECT_TRUE(loaded == expected || loaded.starts_with("error: torch/load: '")) << i << loaded;
  }
}

}  // namespace
}  // namespace eta::tensor
