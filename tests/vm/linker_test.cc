#include "vm/linker.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "vm/expander.h"
#include "vm/reader.h"

namespace eta {
namespace {

class LinkerTest : public testing::Test {
 protected:
  // Links a file and keeps its modules for later ones. The error, or "".
  std::string LinkText(std::string_view text) {
    DatumArena arena;
    auto data = Read(text, 1, names_, arena);
    if (!data) return data.error().message;
    auto file = Expander(names_, arena).ExpandFile(*data, "script");
    if (!file) return file.error().message;
    auto linked = Link(
        *file, names_, [this](Name name) { return Find(name); },
        [this](Name) { return std::optional<GlobalSlot>(slots_++); });
    if (!linked) {
      const Diagnostic& d = linked.error();
      return std::to_string(d.span.line) + ":" + std::to_string(d.span.column) + ": " + d.message;
    }
    for (auto& module : *linked) modules_[module->name] = std::move(module);
    return "";
  }

  const Module* Find(Name name) {
    const auto found = modules_.find(name);
    return found == modules_.end() ? nullptr : found->second.get();
  }

  // What `name` is in a module: "own 3", "import 0", or "-".
  std::string Meaning(std::string_view module, std::string_view name) {
    const Module* found = Find(names_.Intern(module));
    if (!found) return "no module";
    const auto it = found->environment.find(names_.Intern(name));
    if (it == found->environment.end()) return "-";
    const bool own = it->second.kind == Binding::Kind::kOwn;
    return (own ? "own " : "import ") + std::to_string(it->second.slot);
  }

  SymbolTable names_;
  std::map<Name, std::unique_ptr<Module>> modules_;
  GlobalSlot slots_ = 0;
};

constexpr std::string_view kLibrary =
    "(module lib (export a b) (define a 1) (define b 2) (define c 3))";

TEST_F(LinkerTest, BindsWholeModules) {
  ASSERT_EQ(LinkText(kLibrary), "");
  ASSERT_EQ(LinkText("(module m (import lib) (define x a))"), "");
  EXPECT_EQ(Meaning("m", "a"), "import 0");
  EXPECT_EQ(Meaning("m", "b"), "import 1");
  EXPECT_EQ(Meaning("m", "c"), "-");
  EXPECT_EQ(Meaning("m", "x"), "own 3");
}

TEST_F(LinkerTest, Modifiers) {
  ASSERT_EQ(LinkText(kLibrary), "");
  ASSERT_EQ(LinkText("(module only (import (only lib a)))"
                     "(module except (import (except lib a)))"
                     "(module rename (import (rename lib (a z))))"
                     "(module prefix (import (prefix lib l:)))"),
            "");
  EXPECT_EQ(Meaning("only", "a") + Meaning("only", "b"), "import 0-");
  EXPECT_EQ(Meaning("except", "a") + Meaning("except", "b"), "-import 1");
  EXPECT_EQ(Meaning("rename", "a") + Meaning("rename", "z") + Meaning("rename", "b"),
            "-import 0import 1");
  EXPECT_EQ(Meaning("prefix", "a") + Meaning("prefix", "l:a"), "-import 0");
}

TEST_F(LinkerTest, SeveralSpecsAndRepeatedImports) {
  ASSERT_EQ(LinkText(kLibrary), "");
  ASSERT_EQ(LinkText("(module re (import lib) (export a own) (define own 1))"), "");
  ASSERT_EQ(LinkText("(module m (import lib (only lib a) re) (import (prefix re r.)))"), "");
  EXPECT_EQ(Meaning("m", "a"), "import 0");
  EXPECT_EQ(Meaning("m", "r.a"), "import 0");
  EXPECT_EQ(Meaning("m", "own"), "import 3");
}

TEST_F(LinkerTest, ModulesOfOneFileMayComeInAnyOrder) {
  ASSERT_EQ(LinkText("(module m (import later)) (module later (export x) (define x 1))"), "");
  EXPECT_EQ(Meaning("m", "x"), "import 0");
}

TEST_F(LinkerTest, UnknownModule) {
  EXPECT_EQ(LinkText("(module m\n (import (only nowhere a)))"),
            "2:16: unknown module in import: nowhere");
}

TEST_F(LinkerTest, NamesThatAreNotExported) {
  ASSERT_EQ(LinkText("(module lib (export alpha) (define alpha 1) (define hidden 1))"), "");
  EXPECT_EQ(LinkText("(module m (import (only lib alhpa)))"),
            "1:29: name 'alhpa' is not exported by module 'lib' (did you mean 'alpha'?)");
  EXPECT_EQ(LinkText("(module m (import (rename lib (hidden x))))"),
            "1:32: name 'hidden' is not exported by module 'lib'");
  EXPECT_EQ(LinkText("(module m (import (except lib alhpa)))"),
            "1:31: name 'alhpa' is not exported by module 'lib' (did you mean 'alpha'?)");
}

TEST_F(LinkerTest, Conflicts) {
  ASSERT_EQ(LinkText(kLibrary), "");
  ASSERT_EQ(LinkText("(module other (export b) (define b 1))"), "");
  EXPECT_EQ(LinkText("(module m (import lib) (define b 1))"),
            "1:19: imported name 'b' conflicts with local define in module 'm'");
  EXPECT_EQ(LinkText("(module m (import lib other))"),
            "1:23: conflicting imports for 'b' from 'lib' and 'other'");
}

TEST_F(LinkerTest, ExportOfUnknownName) {
  EXPECT_EQ(LinkText("(module m (export lenght) (define length 1))"),
            "1:19: export of unknown name 'lenght' in module m (did you mean 'length'?)");
}

TEST_F(LinkerTest, DuplicateModules) {
  EXPECT_EQ(LinkText("(module m) (module m)"), "1:20: duplicate module: m");
  ASSERT_EQ(LinkText("(module n)"), "");
  EXPECT_EQ(LinkText("(module n)"), "1:9: duplicate module: n");
}

TEST_F(LinkerTest, FormsOutsideModulesNeverClash) {
  ASSERT_EQ(LinkText("(module script (export x) (define x 1)) (import script) (f x)"), "");
}

TEST_F(LinkerTest, CircularImports) {
  EXPECT_EQ(LinkText("(module a (import b)) (module b (import c)) (module c (import a))"),
            "1:63: circular module import detected: a -> b -> c -> a");
  EXPECT_EQ(LinkText("(module a (import a))"), "1:19: circular module import detected: a -> a");
}

}  // namespace
}  // namespace eta
