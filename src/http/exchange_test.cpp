#include "http/exchange.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace whorl::http {
namespace {

TEST_CASE("fields that are added late are there for who looks at the request, once") {
  Request sent;
  sent.fields.append("host", "a");
  Exchange exchange(std::move(sent));
  int calls = 0;
  const auto kept = std::make_shared<int>(0);
  exchange.set_more_fields([&calls, kept](FieldSink& sink) {
    ++calls;
    sink.add("spin-path-info", "/");
  });
  CHECK(exchange.request_so_far().fields.size() == 1);
  CHECK(calls == 0);
  CHECK(exchange.request().fields.find("spin-path-info") == "/");
  CHECK(exchange.request().fields.size() == 2);
  CHECK(calls == 1);
  CHECK(kept.use_count() == 1);
}

TEST_CASE("field lines become fields when somebody looks, before what is added") {
  Exchange exchange;
  exchange.set_field_lines("Host: a\r\nB:  c d \r\nE:\r\n");
  exchange.set_more_fields([](FieldSink& sink) { sink.add("more", "x"); });
  CHECK(exchange.request_so_far().fields.empty());
  const std::vector<Field> expected{{"Host", "a"}, {"B", "c d"}, {"E", ""}, {"more", "x"}};
  CHECK(exchange.request().fields.lines() == expected);
  CHECK(exchange.request().fields.lines() == expected);

  Exchange bare;
  bare.set_field_lines("");
  CHECK(bare.request().fields.empty());
}

TEST_CASE("fields that nobody looks at are never added") {
  bool added = false;
  {
    Exchange exchange;
    exchange.set_more_fields([&added](FieldSink&) { added = true; });
    exchange.abort(404);
  }
  CHECK_FALSE(added);
}

TEST_CASE("fields are passed on in order, once, unless some are in the request already") {
  class Kept final : public FieldSink {
   public:
    void add(std::string_view name, std::string_view value) override {
      lines.emplace_back(std::string(name), std::string(value));
    }
    std::vector<Field> lines;
  };
  Exchange exchange;
  exchange.set_field_lines("Host: a\r\nB:  c d \r\nE:\r\n");
  exchange.set_more_fields([](FieldSink& sink) { sink.add("more", "x"); });
  Kept kept;
  CHECK(exchange.pass_fields(kept));
  CHECK(kept.lines == std::vector<Field>{{"Host", "a"}, {"B", "c d"}, {"E", ""}, {"more", "x"}});
  CHECK_FALSE(exchange.pass_fields(kept));
  CHECK(exchange.request().fields.empty());
  CHECK(kept.lines.size() == 4);

  Request sent;
  sent.fields.append("host", "a");
  Exchange made(std::move(sent));
  made.set_more_fields([](FieldSink& sink) { sink.add("more", "x"); });
  Kept none;
  CHECK_FALSE(made.pass_fields(none));
  CHECK(none.lines.empty());
  CHECK(made.request().fields.lines() == std::vector<Field>{{"host", "a"}, {"more", "x"}});
}

TEST_CASE("a body is cut, and known to be, after its response was taken out") {
  for (const bool is_client_gone : {false, true}) {
    Exchange exchange;
    exchange.respond({.status = 200, .fields = {}, .body = make_local<BodyPipe>(10)});
    const Response taken = exchange.take_response();
    CHECK(taken.status == 200);
    CHECK(exchange.has_response());
    CHECK(exchange.response().body == taken.body);
    is_client_gone ? exchange.set_client_gone() : exchange.abort(500);
    CHECK(
        taken.body->failure() ==
        (is_client_gone ? std::nullopt : std::optional(ErrorKind::Internal))
    );
    CHECK(taken.body->reader_gone() == is_client_gone);
  }
}

}  // namespace
}  // namespace whorl::http
