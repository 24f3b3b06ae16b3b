#include "host/mqtt/mqtt_address.hpp"

#include "host/mqtt/mqtt_client.hpp"

#include <doctest/doctest.h>

namespace whorl::host::mqtt {
namespace {

TEST_CASE("addresses") {
  const auto parsed = [](std::string_view text) {
    const auto address = parse_mqtt_address(text);
    return address ? fmt::format(
                         "{} {} {}{}",
                         address->url.host,
                         address->url.port,
                         address->client_id,
                         address->is_tls ? " tls" : ""
                     )
                   : "no";
  };
  CHECK(parsed("mqtt://h?client_id=me") == "h 1883 me");
  CHECK(parsed("mqtt://h:7/?a=b&client_id=m%20e") == "h 7 m e");
  CHECK(parsed("h?client_id=me") == "h 1883 me");
  CHECK(parsed("mqtt://h") == "no");
  CHECK(parsed("mqtt://h?client_id=") == "no");
  CHECK(parsed("mqtt://h?client_id=%00") == "no");
  CHECK(parsed("tcp://h?client_id=me") == "h 1883 me");
  CHECK(parsed("mqtts://h?client_id=me") == "h 8883 me tls");
  CHECK(parsed("ssl://h:1883?client_id=me") == "h 1883 me tls");
  CHECK(parsed("ws://h:1883?client_id=me") == "no");
  CHECK_FALSE(
      *parse_mqtt_address("mqtt://h:1?client_id=x") ==
      *parse_mqtt_address("mqtts://h:1?client_id=x")
  );
  CHECK(parsed("mqtt://2130706433?client_id=me") == "no");
}

TEST_CASE("a client id is used by one connection at a time") {
  ClientIds ids;
  auto first = ids.take("b", "me");
  CHECK(first.text() == "me");
  {
    const auto second = ids.take("b", "me");
    CHECK(second.text() == "me-2");
    CHECK(ids.take("b", "me").text() == "me-3");
    CHECK(ids.take("other", "me").text() == "me");
  }
  CHECK(ids.take("b", "me").text() == "me-2");
  const auto moved = std::move(first);
  CHECK(ids.take("b", "me").text() == "me-2");
}

}  // namespace
}  // namespace whorl::host::mqtt
