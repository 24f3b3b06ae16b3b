#include "trigger/http/wagi.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace whorl::trigger {
namespace {

struct Told {
  const char* name;
  const char* value;
};

std::map<std::string, std::string> environment_of(
    const std::string& pattern, const http::Request& request, std::size_t body_bytes = 0
) {
  std::vector<app::HttpTrigger> triggers(1);
  triggers[0].id = triggers[0].component = "c";
  triggers[0].route = pattern;
  const auto routes = app::RouteTable::build(triggers);
  REQUIRE(routes);
  const std::string_view target = request.path_and_query;
  const auto match = routes->match(target.substr(0, target.find('?')));
  REQUIRE(match.route != nullptr);
  const app::RequestFacts facts{
      .scheme = "http",
      .host = request.authority,
      .path_and_query = target,
      .client_address = request.client_address,
  };
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : wagi_environment({}, request, match, facts, body_bytes)) {
    out[name] = value;
  }
  return out;
}

TEST_CASE("what a command is told of a request") {
  http::Request request;
  request.method = "PUT";
  request.authority = "example.com:8080";
  request.path_and_query = "/base/x%20y/z?a=b&c";
  request.client_address = "1.2.3.4:56";
  request.fields.append("Host", "example.com:8080");
  request.fields.append("Content-Type", "text/plain");
  request.fields.append("authorization", "secret");
  request.fields.append("X-Two", "1");
  request.fields.append("x-two", "2");
  request.fields.append("x-odd", "\xc3\xa9");
  request.fields.append("spin-path-info", "/spoofed");
  const auto told = environment_of("/base/...", request, 7);
  const std::vector<Told> expected = {
      {"AUTH_TYPE", ""},
      {"CONTENT_LENGTH", "7"},
      {"CONTENT_TYPE", ""},
      {"GATEWAY_INTERFACE", "CGI/1.1"},
      {"HTTP_CONTENT_TYPE", "text/plain"},
      {"HTTP_HOST", "example.com:8080"},
      {"HTTP_SPIN_PATH_INFO", "/spoofed"},
      {"HTTP_X_ODD", "CORRUPT VALUE"},
      {"HTTP_X_TWO", "2"},
      {"PATH_INFO", "/x%20y/z"},
      {"PATH_TRANSLATED", "/x y/z"},
      {"QUERY_STRING", "a=b&c"},
      {"REMOTE_ADDR", "1.2.3.4"},
      {"REMOTE_HOST", "1.2.3.4"},
      {"REMOTE_USER", ""},
      {"REQUEST_METHOD", "PUT"},
      {"SCRIPT_NAME", "/base"},
      {"SERVER_NAME", "example.com"},
      {"SERVER_PORT", "8080"},
      {"SERVER_PROTOCOL", "HTTP/1.1"},
      {"SERVER_SOFTWARE", "WAGI/1"},
      {"X_BASE_PATH", "/"},
      {"X_CLIENT_ADDR", "1.2.3.4:56"},
      {"X_COMPONENT_ROUTE", "/base"},
      {"X_FULL_URL", "http://example.com:8080/base/x%20y/z?a=b&c"},
      {"X_MATCHED_ROUTE", "/base/..."},
      {"X_RAW_COMPONENT_ROUTE", "/base/..."},
      {"X_RAW_PATH_INFO", "/x%20y/z"},
  };
  CHECK(told.size() == expected.size());
  for (const Told& each : expected) {
    CAPTURE(each.name);
    REQUIRE(told.contains(each.name));
    CHECK(told.at(each.name) == each.value);
  }
}

TEST_CASE("named segments, no host, no port") {
  http::Request request;
  request.path_and_query = "/z/v";
  auto told = environment_of("/z/:some_name", request);
  CHECK(told.at("SCRIPT_NAME") == "/z/:some_name");
  CHECK(told.at("X_PATH_MATCH_SOME_NAME") == "v");
  CHECK(told.at("SERVER_NAME") == "localhost");
  CHECK(told.at("SERVER_PORT") == "80");
  CHECK(told.at("QUERY_STRING").empty());
  request.authority = "[::1]:81";
  told = environment_of("/...", request);
  CHECK(told.at("SERVER_NAME") == "[::1]");
  CHECK(told.at("SERVER_PORT") == "81");
  CHECK(told.at("SCRIPT_NAME").empty());
}

TEST_CASE("a component's own variables come first and are not merged") {
  const std::vector<EnvironmentEntry> own{{"PATH_INFO", "mine"}};
  app::Route route;
  const app::RouteMatch match{.route = &route, .path_info = "/x", .values = {}};
  const auto all = wagi_environment(own, http::Request{}, match, {}, 0);
  CHECK(all[0] == own[0]);
  CHECK(std::ranges::count(all, "PATH_INFO", &EnvironmentEntry::first) == 2);
}

TEST_CASE("arguments") {
  using List = std::vector<std::string>;
  constexpr std::string_view kDefault = "${SCRIPT_NAME} ${ARGS}";
  CHECK(wagi_arguments(kDefault, "/p?x=y") == List{"/p", "x=y"});
  CHECK(wagi_arguments(kDefault, "/p?x=y&z&&%20") == List{"/p", "x=y", "z", "", "%20"});
  CHECK(wagi_arguments(kDefault, "/p") == List{"/p", ""});
  CHECK(wagi_arguments("a  ${ARGS}b ${OTHER}", "/p?1&2") == List{"a", "", "1", "2b", "${OTHER}"});
  CHECK(wagi_arguments("", "/p") == List{""});
  CHECK(wagi_arguments("${ARGS}", "/p?${SCRIPT_NAME}") == List{"${SCRIPT_NAME}"});
}

struct OutputCase {
  const char* what;
  std::string output;
  int status;
  std::string fields;
  std::string body;
  bool problem = false;
};

TEST_CASE("output becomes a response") {
  const std::string no_type = "Exactly one of 'location' or 'content-type' must be specified";
  const std::vector<OutputCase> cases = {
      {"plain", "Content-Type: text/plain\n\nhello\n", 200, "Content-Type=text/plain;", "hello\n"},
      {"CRLF", "content-type: a\r\nx: y\r\n\r\nb\r\n", 200, "content-type=a;x=y;", "b\r\n"},
      {"status", "Status: 404 Not here\n\n", 404, "", ""},
      {"bare status", "status:201\n\nx", 201, "", "x"},
      {"bad status", "status: abc\nx: y\n\nbody", 502, "x=y;", "body"},
      {"status out of range", "status: 99\n\n", 502, "", ""},
      {"location", "Location: /x\n\n", 302, "Location=/x;", ""},
      {"location and status", "location: /x\nstatus: 301\n\n", 301, "location=/x;", ""},
      {"repeated", "content-type: a\ncontent-type: b\n\n", 200, "content-type=b;", ""},
      {"no colon", "content-type: a\nnonsense\n\n", 200, "content-type=a;", ""},
      {"bad name", "content-type: a\nb c: d\n\n", 200, "content-type=a;", "", true},
      {"no type", "x: y\n\nbody", 500, "", no_type, true},
      {"no empty line", "content-type: a\nhello", 500, "", no_type, true},
      {"body only", "\nhello", 500, "", no_type, true},
      {"not UTF-8", "content-type: \xff\n\n", 500, "", "", true},
      {"nothing", "", 500, "", "", true},
      {"body is bytes", std::string("status: 200\n\n\0\xff", 15), 200, "", std::string("\0\xff", 2)
      },
  };
  for (const OutputCase& c : cases) {
    CAPTURE(c.what);
    const WagiResponse response = parse_wagi_output(as_bytes(c.output), "c");
    std::string fields;
    for (const http::Field& field : response.fields.lines()) {
      fields += field.name + "=" + field.value + ";";
    }
    CHECK(response.status == c.status);
    CHECK(fields == c.fields);
    CHECK(response.body == c.body);
    CHECK(response.problem.empty() != c.problem);
  }
}

}  // namespace
}  // namespace whorl::trigger
