// docs/ops.md is made from the tables of operations. After a change write it anew:
//
//   bazel run //tests/torch:ops_page_test -- "$PWD/docs/ops.md"
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "torch/op_table.h"

namespace eta::tensor {
namespace {

struct Section {
  std::string_view prefix;
  std::string_view title;
};
constexpr Section kSections[] = {{"torch/", "Tensors"},
                                 {"nn/", "Modules and losses"},
                                 {"optim/", "Optimizers"},
                                 {"data/", "Data sets"}};

// A cell of a table may not end early.
std::string Cell(std::string_view text) {
  std::string cell;
  for (char c : text) cell += c == '|' ? "\\|" : std::string(1, c);
  return cell;
}

std::string Page() {
  std::map<std::string_view, std::string_view> docs;  // by name, sorted
  for (auto* table = OpTable::First(); table; table = table->next()) {
    for (const NativeDef& op : table->ops()) docs[op.name] = op.doc;
  }
  std::string page =
      "# Operations\n\n"
      "The builtins of the tensor extension and how a program calls them, by the names that the\n"
      "modules `std.torch`, `std.tensor`, `std.nn`, `std.optim` and `std.data` export. This page "
      "is\n"
      "made from the tables in `torch/`.\n";
  for (const Section& section : kSections) {
    page += "\n## " + std::string(section.title) + "\n\n| builtin | call | |\n|---|---|---|\n";
    for (const auto& [name, doc] : docs) {
      if (!name.starts_with(section.prefix)) continue;
      const size_t end = doc.find("): ") + 1;
      page += "| `" + std::string(name) + "` | `" + Cell(doc.substr(0, end)) + "` | " +
              Cell(doc.substr(end + 2)) + " |\n";
    }
  }
  return page;
}

TEST(OpsPageTest, IsCurrent) {
  std::ifstream file("docs/ops.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(text == Page()) << "docs/ops.md is out of date: see the top of ops_page_test.cc";
}

}  // namespace
}  // namespace eta::tensor

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc == 2) {
    std::ofstream(argv[1]) << eta::tensor::Page();
    return 0;
  }
  return RUN_ALL_TESTS();
}
