// Which folder may include what: dependencies point one way, and libtorch stays in two folders.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace eta {
namespace {

struct Layer {
  std::string_view folder;
  std::vector<std::string_view> quoted;   // prefixes of "..." includes
  std::vector<std::string_view> bracket;  // prefixes of <...> includes, of those in kGuarded
};

void PrintTo(const Layer& layer, std::ostream* out) { *out << layer.folder; }

// Libraries that only the layers which name them may include.
constexpr std::string_view kGuarded[] = {"torch/", "ATen/",   "c10/",   "caffe2/",
                                         "tbb/",   "oneapi/", "boost/", "nlohmann/"};

const std::vector<Layer>& Layers() {
  static const std::vector<Layer> layers = {
      {"base/", {"base/"}, {}},
      {"stdlib/", {"stdlib/"}, {}},
      {"vm/", {"vm/", "base/", "stdlib/embedded.h"}, {"boost/", "nlohmann/"}},
      {"torch/", {"torch/", "vm/", "base/"}, {"torch/", "ATen/", "c10/", "nlohmann/"}},
      {"parallel/core/", {"parallel/core/", "base/"}, {}},
      {"parallel/core/store/extension/",
       {"parallel/core/store/"},
       {"c10/", "torch/csrc/distributed/c10d/TCPStore.hpp"}},
      {"parallel/isolate/",
       {"parallel/isolate/", "parallel/core/", "vm/", "base/", "torch/bindings.h"},
       {"tbb/", "oneapi/"}},
      {"parallel/training/",
       {"parallel/training/", "parallel/isolate/", "parallel/core/", "torch/", "vm/", "base/"},
       {"torch/", "ATen/", "c10/"}},
  };
  return layers;
}

template <class Prefixes>
bool StartsWithAny(std::string_view text, const Prefixes& prefixes) {
  return std::any_of(std::begin(prefixes), std::end(prefixes),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

bool Allowed(const Layer& layer, bool quoted, std::string_view header) {
  if (header.starts_with("torch/csrc/distributed/")) {
    const auto& named = layer.bracket;
    return !quoted && std::find(named.begin(), named.end(), header) != named.end();
  }
  if (quoted) return StartsWithAny(header, layer.quoted);
  return !StartsWithAny(header, kGuarded) || StartsWithAny(header, layer.bracket);
}

// The includes in `text` that a file of `layer` may not have.
std::vector<std::string> Violations(const Layer& layer, const std::string& text) {
  static const std::regex include(R"re((?:^|\n)[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+))re");
  std::vector<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), include), end; it != end; ++it) {
    const std::string header = (*it)[2];
    if (!Allowed(layer, (*it)[1] == "\"", header)) found.push_back(header);
  }
  return found;
}

const Layer& LayerOf(std::string_view folder) {
  return *std::find_if(Layers().begin(), Layers().end(),
                       [&](const Layer& layer) { return layer.folder == folder; });
}

bool IsSource(const std::filesystem::path& path) {
  return path.extension() == ".cc" || path.extension() == ".h" || path.extension() == ".inc";
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The innermost one that the path is in.
bool IsOf(const Layer& layer, const std::string& path) {
  size_t longest = 0;
  for (const Layer& each : Layers()) {
    if (path.starts_with(each.folder)) longest = std::max(longest, each.folder.size());
  }
  return longest == layer.folder.size();
}

class LayeringTest : public testing::TestWithParam<Layer> {};

TEST_P(LayeringTest, IncludesPointDownwards) {
  ASSERT_TRUE(std::filesystem::is_directory(GetParam().folder)) << "not in this test's data";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(GetParam().folder)) {
    if (!IsSource(entry.path()) || !IsOf(GetParam(), entry.path().string())) continue;
    for (const std::string& header : Violations(GetParam(), ReadFile(entry.path()))) {
      ADD_FAILURE() << entry.path().string() << " may not include " << header;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tree, LayeringTest, testing::ValuesIn(Layers()), [](const auto& info) {
  std::string name(info.param.folder);
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
});

TEST(LayeringRulesTest, ReportWhatPointsUpwards) {
  using Headers = std::vector<std::string>;
  EXPECT_EQ(Violations(LayerOf("vm/"), "#include <ATen/Tensor.h>\n#include <vector>\n"),
            Headers{"ATen/Tensor.h"});
  EXPECT_EQ(Violations(LayerOf("vm/"), "int x;\n  # include \"torch/ops.h\"\n"),
            Headers{"torch/ops.h"});
  EXPECT_EQ(Violations(LayerOf("parallel/core/"), "#include <tbb/task_arena.h>"),
            Headers{"tbb/task_arena.h"});
  EXPECT_EQ(Violations(LayerOf("torch/"), "#include \"ATen/Tensor.h\""), Headers{"ATen/Tensor.h"});
}

// Its headers change from one libtorch to the next. Its store is the one exception.
TEST(LayeringRulesTest, NobodyIncludesTorchsOwnDistributedTraining) {
  using Headers = std::vector<std::string>;
  const std::string header = "torch/csrc/distributed/c10d/ProcessGroup.hpp";
  for (const char* folder : {"torch/", "parallel/training/", "parallel/core/"}) {
    EXPECT_EQ(Violations(LayerOf(folder), "#include <" + header + ">"), Headers{header});
  }
  const Layer& store = LayerOf("parallel/core/store/extension/");
  EXPECT_EQ(Violations(store, "#include <" + header + ">"), Headers{header});
  EXPECT_TRUE(Violations(store, "#include <torch/csrc/distributed/c10d/TCPStore.hpp>").empty());
}

TEST(LayeringRulesTest, AcceptWhatPointsDownwards) {
  EXPECT_TRUE(
      Violations(LayerOf("torch/"), "#include <ATen/Tensor.h>\n#include \"vm/value.h\"\n").empty());
  EXPECT_TRUE(
      Violations(LayerOf("vm/"), "// see torch/ops.h, not #include \"torch/ops.h\"").empty());
}

}  // namespace
}  // namespace eta
