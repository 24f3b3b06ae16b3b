#include "telemetry/kept_text.hpp"

#include "telemetry/text.hpp"

#include <doctest/doctest.h>

namespace whorl::telemetry {
namespace {

using Part = KeptText::Part;

TEST_CASE("texts are kept without queries and user information") {
  KeptText text;
  for (const bool with_referer : {true, false}) {
    text.keep(
        {.method = "GET",
         .target = "/a/b?password=hunter2",
         .protocol = "HTTP/1.1",
         .scheme = "https",
         .authority = "u:hunter2@example.com:1",
         .client = "192.0.2.7:4321",
         .user_agent = "curl/8",
         .referer = "https://me:hunter2@from.test/x?token=hunter2"},
        with_referer
    );
    CHECK(text.part(Part::Method) == "GET");
    CHECK(text.part(Part::Path) == "/a/b");
    CHECK(text.part(Part::Authority) == "example.com:1");
    CHECK(text.part(Part::Client) == "192.0.2.7:4321");
    CHECK(text.part(Part::UserAgent) == "curl/8");
    CHECK(text.part(Part::Referer) == (with_referer ? "https://from.test/x" : ""));
    CHECK(text.part(Part::Route).empty());
    CHECK(text.protocol() == "HTTP/1.1");
    CHECK(text.scheme() == "https");
    CHECK(text.all().find("hunter2") == std::string_view::npos);
    text.set_route("/a/...");
    text.set_route("/:b");
    CHECK(text.part(Part::Route) == "/:b");
    CHECK(text.part(Part::UserAgent) == "curl/8");
  }
}

TEST_CASE("routes of any length, behind texts of any length") {
  for (const std::size_t size : {0U, 1U, 200U, 240U, 250U, 251U, 252U, 253U, 254U, 255U, 1000U}) {
    for (const std::size_t route : {0U, 1U, 2U, 3U, 4U, 5U, 16U, 100U, 3000U}) {
      const std::string agent(size, 'a');
      KeptText text;
      text.keep({.method = "GET", .target = "/", .user_agent = agent}, true);
      text.set_route(std::string(route, 'r'));
      CHECK(text.part(Part::Method) == "GET");
      CHECK(text.part(Part::Path) == "/");
      CHECK(text.part(Part::UserAgent) == agent);
      CHECK(text.part(Part::Route) == std::string(route, 'r'));
      CHECK(text.all() == "GET/" + agent + std::string(route, 'r'));
    }
  }
}

TEST_CASE("what is too long is cut") {
  const std::string much(100'000, 'x');
  KeptText text;
  text.keep(
      {.method = much,
       .target = much,
       .authority = much,
       .client = much,
       .user_agent = much,
       .referer = much},
      true
  );
  CHECK(text.part(Part::Path).size() == kMaxText);
  CHECK(text.all().size() == 2 * kMaxText + 4 * 1024);
  text.set_route(much);
  CHECK(text.part(Part::Route) == much);
  CHECK(text.all().size() == 2 * kMaxText + 4 * 1024 + much.size());
}

}  // namespace
}  // namespace whorl::telemetry
