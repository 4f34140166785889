#include "tools/form_docs.h"

#include <gtest/gtest.h>

#include "tools/documentation.h"
#include "vm/macro_library.h"
#include "vm/special_forms.h"

namespace eta {
namespace {

TEST(FormDocsTest, EverySpecialFormIsDescribed) {
  for (const SpecialForm& form : SpecialForms()) {
    if (form.name.starts_with('%')) continue;
    const auto text = FormDocumentation(form.name);
    ASSERT_TRUE(text) << form.name;
    const bool quote = text->starts_with('\'') || text->starts_with('`') || text->starts_with(',');
    EXPECT_TRUE(quote || text->starts_with("(" + std::string(form.name))) << form.name;
  }
  EXPECT_FALSE(FormDocumentation("car"));
}

TEST(FormDocsTest, DocumentationIsFoundWhereverANameIsDefined) {
  Vm vm({});
  EXPECT_EQ(Documentation(vm, "car"), "(car pair): its first half");
  EXPECT_EQ(Documentation(vm, "if"), "(if test then [else]): one of the two; only #f is false");
  EXPECT_EQ(Documentation(vm, "while"),
            "(while test body ...): runs the body as long as the test holds");
  EXPECT_EQ(Documentation(vm, "last"),
            "(last xs): the last element of a list that is not empty\nin std.core");
  EXPECT_EQ(Documentation(vm, "hash-map->alist"),
            "(hash-map->alist m): a list of pairs (k . v); (alist->hash-map al): a map of them\nin "
            "std.hashmap");
  EXPECT_FALSE(Documentation(vm, "no-such-name"));
}

}  // namespace
}  // namespace eta
