#include "base/base64.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"

#include <doctest/doctest.h>

namespace whorl {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) {
    return fail(ErrorKind::InvalidInput, "{} is odd", n);
  }
  return n / 2;
}
Result<int> quarter(int n) {
  WHORL_TRY(auto h, half(n));
  WHORL_TRY(auto q, half(h).context("halving {}", h));
  return q;
}

TEST_CASE("a Result carries a value or an error with its chain") {
  CHECK(quarter(12).value() == 3);
  auto failed = quarter(6);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind() == ErrorKind::InvalidInput);
  CHECK(failed.error().message() == "3 is odd");
  CHECK(failed.error().to_line() == "halving 3: 3 is odd");
  CHECK(std::string_view(failed.error().where().file_name()).ends_with("base_test.cpp"));
}

TEST_CASE("an Error is as wide as a pointer and copies only on request") {
  CHECK(sizeof(Error) == sizeof(void*));
  Error first = fail(ErrorKind::NotFound, "no {}", "app").context("loading").with_help("try -f");
  Error second = first.clone();
  CHECK(second.to_line() == "loading: no app");
  CHECK(second.help() == "try -f");
}

TEST_CASE("every kind has its name") {
  CHECK(to_string(ErrorKind::InvalidInput) == "invalid-input");
  CHECK(to_string(ErrorKind::Internal) == "internal");
}

TEST_CASE("SHA-256 of the standard's test vectors") {
  CHECK(
      to_hex(sha256(as_bytes("abc"))) ==
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
  );
  CHECK(
      to_hex(Sha256().update(as_bytes("a")).update(as_bytes("bc")).finish()) ==
      to_hex(sha256(as_bytes("abc")))
  );
  CHECK(to_hex(sha256({})) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("base64") {
  struct Row {
    std::string_view bytes;
    std::string_view text;
  };
  // RFC 4648 §10.
  const Row rows[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xFF\xEF\xBE", "/+++"},
  };
  for (const Row& row : rows) {
    CHECK(to_base64(as_bytes(row.bytes)) == row.text);
    const auto back = from_base64(row.text);
    REQUIRE(back);
    CHECK(as_text(*back) == row.bytes);
  }
  for (const std::string_view wrong :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm9v\n", "Zm-v", "Zg=v"}) {
    CAPTURE(wrong);
    CHECK_FALSE(from_base64(wrong));
  }
}

}  // namespace
}  // namespace whorl
