#include "wasi/p2/http_fields.hpp"

#include "wasi/p2/http_test_support.hpp"

#include <doctest/doctest.h>

#include <string>

namespace whorl::wasi::p2 {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): a test

// --- fields --------------------------------------------------------------------------------------

TEST_CASE("fields tell a guest why a change was refused") {
  Service service;
  auto fields = service.fields();
  CHECK(refusal(fields->append(service.call, "bad name", {})) == HeaderTag::InvalidSyntax);
  CHECK(refusal(fields->append(service.call, "a", as_bytes("x\ny"))) == HeaderTag::InvalidSyntax);
  CHECK(refusal(fields->set(service.call, "Host", {})) == HeaderTag::Forbidden);
  CHECK(refusal(fields->delete_(service.call, "upgrade")) == HeaderTag::Forbidden);
  CHECK(refusal(fields->append(service.call, "a", as_bytes("1"))) == std::nullopt);
  CHECK(refusal(fields->set(service.call, "A", {as_bytes("2"), as_bytes("3")})) == std::nullopt);
  CHECK(text_of(*fields->entries(service.call)) == "a=2;a=3;");
  CHECK(fields->get(service.call, "a")->size() == 2);
  CHECK(*fields->has(service.call, "A"));
  CHECK_FALSE(*fields->has(service.call, "not a name"));
  CHECK(fields->get(service.call, "not a name")->empty());
  CHECK(refusal(fields->delete_(service.call, "a")) == std::nullopt);
  CHECK(fields->entries(service.call)->empty());
}

TEST_CASE("the fields of a message cannot be changed, clones can") {
  Service service;
  auto headers = service.fields();
  service.append(*headers, "a", "1");
  auto response = service.response(std::move(headers));
  auto view = *response->headers(service.call);
  CHECK(refusal(view->append(service.call, "b", as_bytes("2"))) == HeaderTag::Immutable);
  CHECK(refusal(view->set(service.call, "b", {})) == HeaderTag::Immutable);
  CHECK(refusal(view->delete_(service.call, "a")) == HeaderTag::Immutable);
  CHECK(refusal(view->append(service.call, "b b", {})) == HeaderTag::InvalidSyntax);
  CHECK(refusal(view->append(service.call, "b", as_bytes("\n"))) == HeaderTag::InvalidSyntax);
  CHECK(refusal(view->append(service.call, "host", {})) == HeaderTag::Forbidden);
  auto clone = *view->clone(service.call);
  service.append(*clone, "b", "2");
  CHECK(text_of(*clone->entries(service.call)) == "a=1;b=2;");
  CHECK(text_of(*view->entries(service.call)) == "a=1;");
  service.set(std::move(response));
  CHECK(text_of(*view->entries(service.call)) == "a=1;");
  CHECK(service.exchange->response().fields.size() == 1);
}

TEST_CASE("from-list takes all or nothing") {
  Service service;
  auto good = service.host.fields_from_list(
      service.call, {{"a", as_bytes("1")}, {"B", as_bytes("2")}, {"a", as_bytes("3")}}
  );
  REQUIRE(*good);
  CHECK(text_of(*(**good)->entries(service.call)) == "a=1;b=2;a=3;");
  auto bad = service.host.fields_from_list(
      service.call, {{"a", as_bytes("1")}, {"connection", as_bytes("close")}}
  );
  REQUIRE(bad);
  CHECK(bad->error().tag == HeaderTag::Forbidden);
  CHECK(service.memory.used() == 3 * (FieldMap::kLineCharge + 2));
}

TEST_CASE("fields beyond their bound end the guest") {
  Service service;
  auto fields = service.fields();
  const Bytes large(100'000, 'x');
  CHECK(refusal(fields->append(service.call, "a", large)) == std::nullopt);
  CHECK_FALSE(fields->append(service.call, "b", large));
  CHECK_FALSE(service.host.fields_from_list(service.call, {{"a", large}, {"b", large}}));
}

TEST_CASE("handles may not hold more of the host than their bound") {
  Service service;
  auto fields = service.fields();
  service.append(*fields, "a", std::string(120'000, 'x'));
  std::vector<Own<types::Fields>> kept;
  component::HostResult<Own<types::Fields>> last;
  while ((last = fields->clone(service.call))) {
    kept.push_back(std::move(*last));
  }
  CHECK(kept.size() < 600);
  auto first = service.response(service.fields());
  auto second = service.response(service.fields());
  static_cast<void>(first->body(service.call));
  CHECK_FALSE(second->body(service.call));  // what was left is less than two buffers
  CHECK_FALSE(kept.back()->append(service.call, "b", Bytes(100'000, 'x')));
  kept.clear();
  CHECK(*second->body(service.call));
}

}  // namespace
}  // namespace whorl::wasi::p2
