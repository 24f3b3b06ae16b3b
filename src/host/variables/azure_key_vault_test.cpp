#include "host/variables/azure_key_vault_provider.hpp"
#include "http/client_test_support.hpp"

#include <doctest/doctest.h>

namespace whorl::host::variables {
namespace {

using http::test::Peer;
using http::test::Server;

std::string json(std::string_view body, std::string_view status = "200 OK") {
  return fmt::format("HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n{}", status, body.size(), body);
}

TEST_CASE("what a vault's token is for") {
  for (const auto& [url, scope] : {
           std::pair{"https://mine.vault.azure.net/", "https://vault.azure.net/.default"},
           std::pair{"https://mine.vault.azure.cn", "https://vault.azure.cn/.default"},
           std::pair{"http://localhost:1", "http://localhost/.default"},
       }) {
    CHECK(azure_vault_scope(*remote::parse_service_url(url)) == scope);
  }
}

TEST_CASE("secrets") {
  std::vector<std::string> heads;
  const auto token = [](std::string_view text) {
    return json(fmt::format(R"({{"access_token":"{}","expires_in":3600}})", text));
  };
  Server server({[&](Peer& peer) {
    for (const std::string& answer : {
             token("T"),
             json(R"({"value":"v1","id":"x"})"),
             json("", "404 No"),
             json("", "401 No"),
             token("U"),
             json(R"({"value":"v2"})"),
             json("{}"),
             json("", "403 No"),
         }) {
      heads.push_back(peer.read_head());
      if (heads.back().starts_with("POST")) {
        peer.read_until("client_secret=s");
      }
      peer.send(answer);
    }
  }});
  const auto url = remote::parse_service_url("http://" + server.authority());
  const AzureKeyVaultProvider provider(
      {.vault = *url, .principal = remote::ServicePrincipal{"t", "c", "s", *url}},
      remote::Environment(std::map<std::string, std::string, std::less<>>())
  );
  CHECK(provider.is_remote());
  CHECK(**provider.find("db_password") == "v1");
  CHECK(*provider.find("other") == std::nullopt);
  CHECK(**provider.find("again") == "v2");
  for (int i = 0; i < 2; ++i) {
    CHECK(provider.find("broken").error().message() == "the variables provider could not be asked");
  }
  server.join();
  REQUIRE(heads.size() == 8);
  CHECK(heads[1].starts_with("GET /secrets/db-password?api-version=7.4 HTTP/1.1\r\n"));
  CHECK(heads[1].contains("\r\nauthorization: Bearer T\r\n"));
  CHECK(heads[5].contains("\r\nauthorization: Bearer U\r\n"));
}

}  // namespace
}  // namespace whorl::host::variables
