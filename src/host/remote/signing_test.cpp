// Signatures against the examples that the services' makers publish.
#include "host/remote/signing.hpp"

#include "base/base64.hpp"

#include <doctest/doctest.h>

namespace whorl::host::remote {
namespace {

TEST_CASE("HMAC-SHA256, RFC 4231 §4.2, §4.3, §4.7") {
  CHECK(
      to_hex(hmac_sha256(Bytes(20, 0x0b), "Hi There")) ==
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
  );
  CHECK(
      to_hex(hmac_sha256(as_bytes("Jefe"), "what do ya want for nothing?")) ==
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
  );
  CHECK(
      to_hex(hmac_sha256(Bytes(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First")
      ) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
  );
  CHECK(
      to_hex(hmac_sha256({}, "")) ==
      "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
  );
}

TEST_CASE("Azure Cosmos") {
  const auto key = from_base64(
      "8F8xXXOptJxkblM1DBXW7a6NMI5oE8NnwPGYBmwxLCKfejOK7B7yhcCHMGvN3PBrlMLIOeol1Hv9RCdzAZR5sg=="
  );
  REQUIRE(key);
  CHECK(
      cosmos_key_authorization(
          *key,
          {.method = "GET", .type = "dbs", .link = "dbs/MyDatabase/colls/MyCollection"},
          "Mon, 01 Jan 1900 01:00:00 GMT"
      ) ==
      "type%3Dmaster%26ver%3D1.0%26sig%3DQkz%2Fr%2B1N2%2BPEnNijxGbGB%2FADvLsLBQmZ7uBBMuIwf4I%3D"
  );
  CHECK(cosmos_token_authorization("a.b") == "type%3Daad%26ver%3D1.0%26sig%3Da.b");
}

TEST_CASE("AWS, signature version 4") {
  const AwsKeys keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", {}};
  ServiceRequest request;
  request.authority = "example.amazonaws.com";
  constexpr std::int64_t kTime = 1440938160;  // 2015-08-30 12:36:00
  sign_for_aws(request, keys, {.region = "us-east-1", .service = "service"}, kTime);
  CHECK(request.fields.find("x-amz-date") == "20150830T123600Z");
  // "post-vanilla" of the published suite.
  CHECK(
      request.fields.find("authorization") ==
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
  );
  ServiceRequest more;
  more.authority = "h";
  more.fields.append("X-Amz-Target", "t");
  sign_for_aws(more, {"a", "s", "session"}, {.region = "r", .service = "s"}, kTime);
  CHECK(more.fields.find("x-amz-security-token") == "session");
  CHECK(more.fields.find("authorization")
            ->contains("SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target, "));
}

}  // namespace
}  // namespace whorl::host::remote
