// docs/library.md is made from the sources. After a change write it anew:
//
//   bazel run //tests/tools:library_page_test -- "$PWD/docs/library.md"
#include "tools/library_page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace eta {
namespace {

std::string Page() {
  Vm vm({});
  return MakeLibraryPage(vm).text;
}

TEST(LibraryPageTest, IsCurrent) {
  std::ifstream file("docs/library.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(text == Page())
      << "docs/library.md is out of date: see the top of library_page_test.cc";
}

TEST(LibraryPageTest, EverythingIsDescribed) {
  Vm vm({});
  for (const std::string& name : MakeLibraryPage(vm).undescribed) ADD_FAILURE() << name;
}

}  // namespace
}  // namespace eta

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc == 2) {
    std::ofstream(argv[1]) << eta::Page();
    return 0;
  }
  return RUN_ALL_TESTS();
}
