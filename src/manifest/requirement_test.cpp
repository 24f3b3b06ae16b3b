#include "manifest/requirement.hpp"

#include <doctest/doctest.h>

namespace whorl::manifest {
namespace {

TEST_CASE("versions that meet a requirement, and those that do not") {
  struct Case {
    const char* requirement;
    const char* version;
    bool meets;
  };
  const Case cases[] = {
      {"*", "4.1.0", true},
      {">=2.0", "4.1.0", true},
      {">=2.0, <5.0", "4.1.0", true},
      {">= 2.0 , < 4.1", "4.1.0", false},
      {">=1.0, <2.0", "4.1.0", false},
      {">4", "4.1.0", false},
      {">4.0", "4.1.0", true},
      {"<=4", "4.1.0", true},
      {"<4.1.0", "4.1.0", false},
      {"<=4.1.0", "4.1.0", true},
      {"=4", "4.1.0", true},
      {"=4.1.1", "4.1.0", false},
      {"4", "4.1.0", true},
      {"4.2", "4.1.0", false},
      {"^4.0.5", "4.1.0", true},
      {"3", "4.1.0", false},
      {"0.2.3", "0.2.9", true},
      {"0.2.3", "0.3.0", false},
      {"0.0.3", "0.0.4", false},
      {"0", "0.9.0", true},
      {"0.0", "0.0.7", true},
      {"~4.1.0", "4.1.7", true},
      {"~4.1", "4.2.0", false},
      {"~4", "4.9.0", true},
      {"4.*", "4.9.0", true},
      {"4.1.*", "4.2.0", false},
      {">=4.1.0-rc.1", "4.1.0", true},
      {">=4.1.0-rc.1", "4.1.0-rc.2", true},
      {">=4.1.0-rc.10", "4.1.0-rc.9", false},
      {">=4.1.0-rc.1", "4.1.0-beta", false},
      {">=4.0", "4.1.0-pre0", false},
      {">=4.1.0+x", "4.1.0", true},
  };
  for (const Case& each : cases) {
    CAPTURE(each.requirement);
    CAPTURE(each.version);
    const auto requirement = Requirement::parse(each.requirement);
    const auto version = parse_version(each.version);
    REQUIRE(requirement);
    REQUIRE(version);
    CHECK(requirement->matches(*version) == each.meets);
  }
}

TEST_CASE("what is no requirement") {
  for (const char* text :
       {"",
        "bogus",
        ">=",
        "1.2.3.4",
        "1..2",
        "01",
        "1,",
        "1.x.2",
        "1-rc",
        "1.2.3-",
        "99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(Requirement::parse(text));
  }
}

}  // namespace
}  // namespace whorl::manifest
