#include "app/route.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace whorl::app {
namespace {

HttpTrigger trigger_for(std::string id, std::string route) {
  HttpTrigger trigger;
  trigger.id = id + "-trigger";
  trigger.component = std::move(id);
  trigger.route = std::move(route);
  return trigger;
}

/// Triggers whose components are called c0, c1, …
std::vector<HttpTrigger> triggers_for(const std::vector<std::string>& routes) {
  std::vector<HttpTrigger> out;
  for (const std::string& route : routes) {
    out.push_back(trigger_for("c" + std::to_string(out.size()), route));
  }
  return out;
}

RouteTable table_for(const std::vector<std::string>& routes) {
  auto table = RouteTable::build(triggers_for(routes));
  REQUIRE(table);
  return *std::move(table);
}

/// "c2 /rest id=1", or "none".
std::string matched(const RouteTable& table, std::string_view path) {
  const RouteMatch match = table.match(path);
  if (match.route == nullptr) {
    return "none";
  }
  std::string out = "c" + std::to_string(match.route->trigger);
  if (!match.path_info.empty()) {
    out += " " + std::string(match.path_info);
  }
  for (std::size_t i = 0; i < match.values.size(); ++i) {
    out += " " + match.route->path_match_headers[i] + "=" + std::string(match.values[i]);
  }
  return out;
}

TEST_CASE("matching: what each path gets") {
  const RouteTable table = table_for(
      {"/...",
       "/test/...",
       "/users/:userid/...",
       "/u/:id/:other",
       "/x/*",
       "d/",
       "/a:b/c",
       "/q/:a_B/:c/...",
       "/u/:id/lit"}
  );
  struct Row {
    std::string_view path;
    std::string_view expected;
  };
  static constexpr Row kRows[] = {
      {"/", "c0 /"},
      {"/test", "c1"},
      {"/test/", "c1 /"},
      {"/test//", "c1 /"},
      {"/test/x/y/", "c1 /x/y/"},
      {"/test/x//", "c1 /x/"},
      {"/test//x", "c1 //x"},
      {"/testy", "c0 /testy"},
      {"/TEST", "c0 /TEST"},
      {"/users/42", "c2 spin-path-match-userid=42"},
      {"/users/42/", "c2 / spin-path-match-userid=42"},
      {"/users/42/hello/", "c2 /hello/ spin-path-match-userid=42"},
      {"/users/", "c0 /users/"},
      {"/users//", "c0 /users/"},
      {"/users", "c0 /users"},
      {"/u//x", "c3 spin-path-match-id= spin-path-match-other=x"},
      {"/u//x/", "c3 spin-path-match-id= spin-path-match-other=x"},
      {"/u//", "c0 /u/"},
      {"/u/1/2/", "c3 spin-path-match-id=1 spin-path-match-other=2"},
      {"/u/1/2//", "c3 spin-path-match-id=1 spin-path-match-other=2"},
      {"/u/1/lit", "c8 spin-path-match-id=1"},
      {"/u/1/lit/x", "c0 /u/1/lit/x"},
      {"/x", "c4"},
      {"/x/y/", "c4 /y/"},
      {"/d", "c5"},
      {"/d/", "c5"},
      {"/d//", "c5"},
      {"//d", "c5"},
      {"/D", "c0 /D"},
      {"/a:b/c", "c6"},
      {"//a//b", "c0 /a//b"},
      {"/q/1/2/3", "c7 /3 spin-path-match-a-b=1 spin-path-match-c=2"},
      {"/q/1/2", "c7 spin-path-match-a-b=1 spin-path-match-c=2"},
      {"/q/1", "c0 /q/1"},
      {"/q//", "c0 /q/"},
      {"/q//2/", "c7 / spin-path-match-a-b= spin-path-match-c=2"},
      {"/A%20b", "c0 /A%20b"},
      {"/%74est", "c0 /%74est"},
      {"/test/../d", "c1 /../d"},
      {"*", "c0 /*"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(matched(table, row.path) == row.expected);
  }
}

TEST_CASE("matching: names beside dots, and marks that are plain text") {
  const RouteTable table = table_for(
      {"/", "/f/:n.json", "/h.:x", "/v/:a.:b/z", "/i/...x", "/a/*/b", "/i/.hidden", "/g/a.txt"}
  );
  struct Row {
    std::string_view path;
    std::string_view expected;
  };
  static constexpr Row kRows[] = {
      {"/", "c0"},
      {"//", "c0"},
      {"", "c0"},
      {"/f/q.json", "c1 spin-path-match-n=q"},
      {"/f/q.json/", "c1 spin-path-match-n=q"},
      {"/f/.json", "c1 spin-path-match-n="},
      {"/f/q.r.json", "none"},
      {"/f/q", "none"},
      {"/f/q/r.json", "none"},
      {"/h.9", "c2 spin-path-match-x=9"},
      {"/h.9.8", "c2 spin-path-match-x=9.8"},
      {"/h./", "none"},
      {"/v/1.2/z", "c3 spin-path-match-a=1 spin-path-match-b=2"},
      {"/i/...x", "c4"},
      {"/i/x", "none"},
      {"/a/*/b", "c5"},
      {"/a/1/b", "none"},
      {"/i/.hidden", "c6"},
      {"/g/a.txt", "c7"},
      {"/g/a-txt", "none"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.path);
    CHECK(matched(table, row.path) == row.expected);
  }
}

TEST_CASE("precedence: the order of listing") {
  struct Row {
    std::vector<std::string> routes;
    std::string order;
  };
  const Row rows[] = {
      {{"/...",
        "/test/...",
        "/users/:userid/...",
        "/u/:id/:other",
        "/x/*",
        "d/",
        "/a:b/c",
        "/q/:a_B/:c/...",
        "/u/:id/lit"},
       "5 6 8 3 7 2 1 4 0"},
      {{"/", "/foo", "/bar", "/whee/..."}, "0 1 2 3"},
      {{"/one/...", "/one/two/...", "/one/two/three/..."}, "2 1 0"},
      {{"/...", "/api/:id/...", "/robots.txt"}, "2 1 0"},
      {{"/:a/b", "/a/:b", "/a/b"}, "2 1 0"},
      {{"/w/...", "/w", "/:x"}, "1 0 2"},
  };
  for (const Row& row : rows) {
    std::string order;
    const RouteTable table = table_for(row.routes);
    for (const Route& route : table.routes()) {
      order += (order.empty() ? "" : " ") + std::to_string(route.trigger);
    }
    CHECK(order == row.order);
  }
}

TEST_CASE("longest prefix and literal over name over wildcard") {
  const RouteTable table =
      table_for({"/one/...", "/one/two/...", "/:x/two/three", "/one/:y/three", "/one/two"});
  CHECK(matched(table, "/one/two/three") == "c1 /three");
  CHECK(matched(table, "/one/2/three") == "c3 spin-path-match-y=2");
  CHECK(matched(table, "/one/two/four") == "c1 /four");
  CHECK(matched(table, "/one/2/four") == "c0 /2/four");
  CHECK(matched(table, "/2/two/three") == "c2 spin-path-match-x=2");
  CHECK(matched(table, "/one/two") == "c4");
  CHECK(matched(table, "/2/two/four") == "none");
}

TEST_CASE("the same text twice: the last declared serves, at the first one's place") {
  const std::vector<HttpTrigger> triggers = {
      trigger_for("a", "/d"),
      trigger_for("x", "/x"),
      trigger_for("b", "/d"),
      trigger_for("c", "/"),
      trigger_for("e", "/")
  };
  auto table = RouteTable::build(triggers);
  REQUIRE(table);
  REQUIRE(table->routes().size() == 3);
  CHECK(table->routes()[0].trigger == 4);
  CHECK(table->routes()[1].trigger == 2);
  CHECK(table->match("/d").route->trigger == 2);
  REQUIRE(table->duplicates().size() == 2);
  CHECK(table->duplicates()[0].loser == "a");
  CHECK(table->duplicates()[0].route == "/d");
  CHECK(table->duplicates()[0].winner == "b");
  CHECK(table->duplicates()[1].route == "/");
}

TEST_CASE("different texts of one meaning: the first declared serves, both are listed") {
  struct Row {
    std::vector<std::string> routes;
    std::string_view path;
  };
  const Row rows[] = {
      {{"/d", "/d/"}, "/d"},
      {{"d", "/d"}, "/d"},
      {{"/w/...", "/w/*"}, "/w/x"},
      {{"/x/:a", "/x/:b"}, "/x/1"},
  };
  for (const Row& row : rows) {
    const RouteTable table = table_for(row.routes);
    CHECK(table.routes().size() == 2);
    CHECK(table.duplicates().empty());
    CHECK(table.match(row.path).route->trigger == 0);
  }
}

TEST_CASE("private triggers are no routes") {
  std::vector<HttpTrigger> triggers = triggers_for({"/a", "", "/b"});
  triggers[1].visibility = HttpTrigger::Visibility::Private;
  auto table = RouteTable::build(triggers);
  REQUIRE(table);
  CHECK(table->routes().size() == 2);
  CHECK(table->match("/").route == nullptr);
  CHECK(table->match("/b").route->trigger == 2);
}

TEST_CASE("malformed patterns are named") {
  auto unnamed = RouteTable::build(triggers_for({"/a/:/b"}));
  REQUIRE_FALSE(unnamed);
  CHECK(
      unnamed.error().message() ==
      "Error parsing route /a/:/b associated with component c0: params must be named"
  );
  auto starred = RouteTable::build(triggers_for({"b/*x/"}));
  REQUIRE_FALSE(starred);
  CHECK(
      starred.error().message() ==
      "Error parsing route /b/*x associated with component c0: a wildcard has no name: write `*` "
      "instead of `*x`"
  );
}

TEST_CASE("a pattern's length is bounded") {
  CHECK(RoutePattern::parse("/" + std::string(8191, 'a')));
  auto longer = RoutePattern::parse("/" + std::string(8192, 'a'));
  REQUIRE_FALSE(longer);
  CHECK(longer.error().kind() == ErrorKind::ResourceLimit);
}

TEST_CASE("reserved routes") {
  const RouteTable table =
      table_for({"/.well-known/spin/x", "/.well-known/spindle", "/.well-known/spin"});
  int reserved = 0;
  for (const Route& route : table.routes()) {
    reserved += is_reserved(route) ? 1 : 0;
  }
  CHECK(reserved == 1);
}

using Headers = std::vector<std::pair<std::string, std::string>>;

Headers headers_for(std::string route, std::string_view path, RequestFacts facts) {
  const RouteTable table = table_for({std::move(route)});
  const RouteMatch match = table.match(path);
  REQUIRE(match.route != nullptr);
  Headers out;
  for_each_spin_header(match, facts, [&](std::string_view name, std::string_view value) {
    out.emplace_back(name, value);
  });
  return out;
}

TEST_CASE("what a guest is told") {
  CHECK(
      headers_for(
          "/api/:user_Id/...",
          "/api/7/x/",
          {.scheme = "https",
           .host = "h:1",
           .path_and_query = "/api/7/x/?q=1",
           .client_address = "127.0.0.1:9"}
      ) ==
      Headers{
          {"spin-path-info", "/x/"},
          {"spin-full-url", "https://h:1/api/7/x/?q=1"},
          {"spin-matched-route", "/api/:user_Id/..."},
          {"spin-base-path", "/"},
          {"spin-raw-component-route", "/api/:user_Id/..."},
          {"spin-component-route", "/api/:user_Id"},
          {"spin-client-addr", "127.0.0.1:9"},
          {"spin-path-match-user-id", "7"},
      }
  );
  struct Row {
    std::string route;
    std::string_view path;
    std::string matched;
    std::string component_route;
  };
  const Row rows[] = {
      {"/...", "/x", "/...", ""},
      {"/", "/", "", "/"},
      {"d/", "/d", "/d", "d/"},
      {"/x/*", "/x/y", "/x/*", "/x/*"},
      {"", "/", "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.route);
    const Headers headers = headers_for(
        row.route,
        row.path,
        {.scheme = "http", .host = "", .path_and_query = row.path, .client_address = ""}
    );
    CHECK(headers[1].second == "http://localhost" + std::string(row.path));
    CHECK(headers[2].second == row.matched);
    CHECK(headers[4].second == row.route);
    CHECK(headers[5].second == row.component_route);
  }
}

TEST_CASE("of two names with the same text the last is reported; what is no field name is not") {
  const RouteTable table = table_for({"/x/:a/:a/:b c"});
  const RouteMatch match = table.match("/x/1/2/3");
  REQUIRE(match.route != nullptr);
  CHECK(match.route->path_match_headers == std::vector<std::string>{"", "spin-path-match-a", ""});
  CHECK(match.values.size() == 3);
}

}  // namespace
}  // namespace whorl::app
