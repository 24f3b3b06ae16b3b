#include "doctor/edit.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::doctor {
namespace {

using Cure = Diagnosis::Cure;

std::string after(std::string_view text, Cure cure, std::string value = {}) {
  auto out = edited(text, {.cure = cure, .value = std::move(value)});
  return out ? *out : "error: " + out.error().message();
}

}  // namespace

TEST_CASE("edits change what they are for and nothing else") {
  struct Case {
    const char* before;
    Cure cure;
    const char* value;
    const char* after;
  };
  const Case cases[] = {
      {"", Cure::SetVersion, "2", "spin_manifest_version = 2\n"},
      {"# c\nname = \"x\"\n",
       Cure::SetVersion,
       "2",
       "spin_manifest_version = 2\n# c\nname = \"x\"\n"},
      {"# a\nspin_version = \"1\"  # old\n",
       Cure::SetVersion,
       "\"1\"",
       "# a\nspin_manifest_version = \"1\"  # old\n"},
      {"name=\"\xC3\xA9\"; spin_manifest_version = 1",
       Cure::SetVersion,
       "\"1\"",
       "error: TOML parse error at line 1, column 9\n"},
      {"\"spin_manifest_version\" = 1 # \xC3\xA9\nx = 1\n",
       Cure::SetVersion,
       "\"1\"",
       "\"spin_manifest_version\" = \"1\" # \xC3\xA9\nx = 1\n"},
      {"spin_manifest_version = { a = 1 }\n", Cure::SetVersion, "2", "spin_manifest_version = 2\n"},
      {"", Cure::AddTrigger, "", "trigger = { type = \"http\" }\n"},
      {"spin_manifest_version = \"1\"\nname = \"x\"\n# c\n[[component]]\nid = \"a\"\n",
       Cure::AddTrigger,
       "",
       "spin_manifest_version = \"1\"\nname = \"x\"\ntrigger = { type = \"http\" }\n# "
       "c\n[[component]]\nid = \"a\"\n"},
      {"authors = [\n  \"x\",\n]\n[variables]\na = { default = \"\" }",
       Cure::AddTrigger,
       "",
       "authors = [\n  \"x\",\n]\ntrigger = { type = \"http\" }\n[variables]\na = { default = \"\" "
       "}"},
      {"name = \"x\"", Cure::AddTrigger, "", "name = \"x\"\ntrigger = { type = \"http\" }\n"},
      {"[[component]]\nid = \"a\"",
       Cure::AddRoute,
       "",
       "[[component]]\nid = \"a\"\n\n[component.trigger]\nroute = \"/...\"\n"},
      {"[[component]]\nid = \"a\"\ntrigger = {}\n",
       Cure::AddRoute,
       "",
       "[[component]]\nid = \"a\"\ntrigger = { route = \"/...\" }\n"},
      {"[[component]]\ntrigger = { executor = { type = \"wagi\" } }\n",
       Cure::AddRoute,
       "",
       "[[component]]\ntrigger = { route = \"/...\",  executor = { type = \"wagi\" } }\n"},
      {"[[component]]\nid = \"a\"\n[component.trigger] # c\nx = 1\n",
       Cure::AddRoute,
       "",
       "[[component]]\nid = \"a\"\n[component.trigger] # c\nroute = \"/...\"\nx = 1\n"},
      {"[[component]]\n[[component]]\n",
       Cure::AddRoute,
       "",
       "error: can only set default trigger route if there is exactly one component"},
  };
  for (const Case& tried : cases) {
    CAPTURE(tried.before);
    const std::string got = after(tried.before, tried.cure, tried.value);
    if (std::string_view(tried.after).starts_with("error: TOML")) {
      CHECK(got.starts_with("error: TOML parse error"));
    } else {
      CHECK(got == tried.after);
    }
  }
}

}  // namespace whorl::doctor
