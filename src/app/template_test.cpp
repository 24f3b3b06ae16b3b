#include "app/template.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace whorl::app {
namespace {

/// The parts in short: literals in brackets, names in angles.
std::string shape(std::string_view text) {
  auto parsed = Template::parse(text);
  if (!parsed) {
    return parsed.error().message();
  }
  std::string out;
  for (const Template::Part& part : parsed->parts()) {
    out += part.is_variable ? "<" + part.text + ">" : "[" + part.text + "]";
  }
  return out;
}

TEST_CASE("templates are split as Spin splits them") {
  struct Row {
    std::string_view text;
    std::string_view expected;
  };
  const Row rows[] = {
      {"", ""},
      {"plain", "[plain]"},
      {"{{a}}", "<a>"},
      {"{{ a }}", "<a>"},
      {"{{\ta\n}}", "<a>"},
      {"x{{a}}y{{ b}}z", "[x]<a>[y]<b>[z]"},
      {"{{a}}{{b}}", "<a><b>"},
      {"a{x}", "[a{x}]"},
      {"a}}b", "[a}}b]"},
      {"{{}}", "<>"},
      {"{{{x}}}", "<{x>[}]"},
      {"{{ {{x}} }}", "<{{x>[ }}]"},
      {"a{{x", "unmatched '{{' in template"},
      {"{{a}}{{", "unmatched '{{' in template"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(shape(row.text) == row.expected);
  }
}

TEST_CASE("resolving asks for every name in turn and stops at the first failure") {
  const auto parsed = Template::parse("https://{{ user }}@{{ host }}/{{ user }}");
  REQUIRE(parsed);
  CHECK_FALSE(parsed->is_literal());
  CHECK(parsed->variables() == std::vector<std::string_view>{"user", "host", "user"});
  std::vector<std::string> asked;
  const auto value_of = [&](std::string_view name) -> Result<std::string> {
    asked.emplace_back(name);
    if (name == "none") {
      return fail(ErrorKind::NotFound, "no {}", name);
    }
    return std::string(name == "user" ? "{{x}}" : "h");
  };
  // A value is not a template in its turn.
  CHECK(*parsed->resolve(value_of) == "https://{{x}}@h/{{x}}");
  CHECK(asked == std::vector<std::string>{"user", "host", "user"});

  asked.clear();
  const auto failing = Template::parse("{{ host }}{{ none }}{{ user }}")->resolve(value_of);
  REQUIRE_FALSE(failing);
  CHECK(failing.error().message() == "no none");
  CHECK(asked == std::vector<std::string>{"host", "none"});

  CHECK(Template::parse("as is")->is_literal());
  CHECK(*Template::parse("as is")->resolve(value_of) == "as is");
  CHECK(*Template().resolve(value_of) == "");
}

}  // namespace
}  // namespace whorl::app
