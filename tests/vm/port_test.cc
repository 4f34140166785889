#include "vm/port.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/vm/test_vm.h"

namespace eta {
namespace {

class PortTest : public testing::Test {
 protected:
  static InputPort& In(const std::unique_ptr<Port>& port) { return static_cast<InputPort&>(*port); }
  static OutputPort& Out(const std::unique_ptr<Port>& port) {
    return static_cast<OutputPort&>(*port);
  }
  static std::string ReadWhole(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  const std::string path_ =
      testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(PortTest, ReadsCharactersAcrossFills) {
  Streams streams{.input = "a\n\u03BB\n"};
  TestConsole console(&streams);
  const auto port = OpenConsoleInput(console);
  EXPECT_EQ(In(port).ReadChar(), 'a');
  EXPECT_EQ(In(port).ReadChar(), '\n');
  EXPECT_EQ(In(port).ReadChar(), 0x3BBu);
  EXPECT_EQ(In(port).ReadChar(), '\n');
  EXPECT_EQ(In(port).ReadChar(), std::nullopt);
}

TEST_F(PortTest, ReplacesWhatIsNotUtf8) {
  const auto port = OpenStringInput("\xFF\xCEz\xCE");
  EXPECT_EQ(In(port).ReadChar(), 0xFFFDu);
  EXPECT_EQ(In(port).ReadChar(), 0xFFFDu);
  EXPECT_EQ(In(port).ReadChar(), 'z');
  EXPECT_EQ(In(port).ReadChar(), 0xFFFDu);
  EXPECT_EQ(In(port).ReadChar(), std::nullopt);
}

TEST_F(PortTest, ReadsLines) {
  const auto port = OpenStringInput("one\n\nlast");
  EXPECT_EQ(In(port).ReadLine(), "one");
  EXPECT_EQ(In(port).ReadChar(), '\n');
  EXPECT_EQ(In(port).ReadLine(), "last");
  EXPECT_EQ(In(port).ReadLine(), std::nullopt);
}

TEST_F(PortTest, ReadsALineLongerThanABuffer) {
  const std::string line(200'000, 'x');
  { std::ofstream(path_) << line << "\nnext\n"; }
  const auto port = OpenFileInput(path_);
  EXPECT_EQ(In(port).ReadLine(), line);
  EXPECT_EQ(In(port).ReadLine(), "next");
  EXPECT_EQ(In(port).ReadLine(), std::nullopt);
}

TEST_F(PortTest, WritesFilesWhenClosed) {
  const auto port = OpenFileOutput(path_);
  EXPECT_TRUE(Out(port).Write("text"));
  EXPECT_TRUE(port->Close());
  EXPECT_FALSE(port->is_open());
  EXPECT_TRUE(port->Close());
  EXPECT_EQ(ReadWhole(path_), "text");
}

TEST_F(PortTest, ReportsAFullDisk) {
  const auto port = OpenFileOutput("/dev/full");
  ASSERT_NE(port, nullptr);
  Out(port).Write("text");
  EXPECT_FALSE(port->Close());
}

TEST_F(PortTest, RefusesPathsThatCannotBeOpened) {
  EXPECT_EQ(OpenFileInput(path_ + "/missing"), nullptr);
  EXPECT_EQ(OpenFileOutput(path_ + "/missing"), nullptr);
}

TEST_F(PortTest, DroppedPortsWriteWhatTheyHave) {
  TestVm vm;
  EXPECT_EQ(vm.Run("(write-string \"kept\" (open-output-file \"" + path_ + "\"))"), "");
  vm.heap().Collect();
  vm.heap().Collect();
  EXPECT_EQ(ReadWhole(path_), "kept");
}

TEST_F(PortTest, StandardStreamsGoThroughTheConsole) {
  TestVm vm;
  vm.streams().input = "first\nsecond";
  EXPECT_EQ(vm.Run("(import std.io) (println (read-line)) (println (read-line))"
                   "(println (read-line)) (eprintln \"oops\")"),
            "first\nsecond\n#f\n");
  EXPECT_EQ(vm.streams().errors, "oops\n");
}

TEST_F(PortTest, OtherReplicasLeaveFilesAlone) {
  TestVm vm;
  vm.streams().writes_files = false;
  EXPECT_EQ(vm.Run("(define out (open-output-file \"" + path_ +
                   "\")) (write 1 out)"
                   "(close-port out) (open-output-file \"other\") (delete-file \"missing\")"),
            "");
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_EQ(vm.streams().errors, path_ + "\nother\nmissing\n");
}

}  // namespace
}  // namespace eta
