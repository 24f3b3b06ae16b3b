// Tokens of Azure's identity service: who is asked in which surroundings, and what is sent.
#include "host/remote/azure_identity.hpp"

#include "fs/test_folder.hpp"
#include "host/main_caller.hpp"
#include "http/client_test_support.hpp"

#include <doctest/doctest.h>

#include <algorithm>

namespace whorl::host::remote {
namespace {

using http::test::Peer;
using http::test::Server;
using Variables = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kScope = "https://vault.azure.net/.default";

std::string json(std::string_view body, std::string_view status = "200 OK") {
  return fmt::format("HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n{}", status, body.size(), body);
}

/// The first line, the interesting fields, and the body of a request, which ends with `end`.
std::string digest(Peer& peer, std::string_view end) {
  const std::string head = peer.read_head();
  std::string out = head.substr(0, head.find(" HTTP/1.1"));
  for (const char* name : {"metadata", "x-identity-header"}) {
    if (const auto at = head.find(fmt::format("\r\n{}: ", name)); at != std::string::npos) {
      out += " | " + head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    }
  }
  return head.starts_with("POST") ? out + " | " + peer.read_until(end) : out;
}

struct Asked {
  std::string request;
  std::string came;  ///< the token, or kind and message
};

/// Asks once for a token in surroundings where `%` stands for the stand-in's origin.
Asked ask(Variables variables, std::string answer, bool has_principal = false) {
  Asked asked;
  const bool is_federated = std::ranges::any_of(variables, [](const auto& each) {
    return each.first.starts_with("AZURE_FEDERATED");
  });
  Server server({[&](Peer& peer) {
    asked.request = digest(peer, is_federated ? "client_credentials" : "s3cret%26");
    peer.send(answer);
  }});
  const std::string origin = "http://" + server.authority();
  for (auto& [name, value] : variables) {
    if (const auto at = value.find('%'); at != std::string::npos) {
      value.replace(at, 1, origin);
    }
  }
  std::optional<ServicePrincipal> principal;
  if (has_principal) {
    principal = ServicePrincipal{
        .tenant_id = "ten",
        .client_id = "cli",
        .client_secret = "s3cret&",
        .authority = *parse_service_url(origin)
    };
  }
  MainCaller main;
  ServiceClient client;
  AzureIdentity identity(std::move(principal), std::string(kScope), client, Environment(variables));
  const auto token = identity.token(main.caller());
  asked.came =
      token ? **token
            : fmt::format("{}: {}", to_string(token.error().kind()), token.error().to_line());
  return asked;
}

const std::string kGood = json(R"({"access_token":"T","expires_in":3600})");

TEST_CASE("a service principal") {
  const auto asked = ask({}, kGood, true);
  CHECK(
      asked.request ==
      "POST /ten/oauth2/v2.0/token | grant_type=client_credentials&scope=https%3A%2F%2F"
      "vault.azure.net%2F.default&client_id=cli&client_secret=s3cret%26"
  );
  CHECK(asked.came == "T");
}

TEST_CASE("what the surroundings have, in its order") {
  struct Case {
    const char* what;
    Variables variables;
    const char* request;
  };
  const Variables who{
      {"AZURE_TENANT_ID", "ten"},
      {"AZURE_CLIENT_ID", "cli"},
      {"AZURE_AUTHORITY_HOST", "%"},
      {"IDENTITY_ENDPOINT", "%/app"},
  };
  const auto with = [&](std::initializer_list<Variables::value_type> more) {
    Variables all = who;
    all.insert(more.begin(), more.end());
    return all;
  };
  const Case cases[] = {
      {"a federated token",
       with({{"AZURE_FEDERATED_TOKEN", "jwt"}, {"AZURE_CLIENT_SECRET", "s3cret&"}}),
       "POST /ten/oauth2/v2.0/token | client_id=cli&scope=https%3A%2F%2Fvault.azure.net%2F.default&"
       "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&"
       "client_assertion=jwt&grant_type=client_credentials"},
      {"a secret",
       with({{"AZURE_CLIENT_SECRET", "s3cret&"}}),
       "POST /ten/oauth2/v2.0/token | grant_type=client_credentials&scope=https%3A%2F%2F"
       "vault.azure.net%2F.default&client_id=cli&client_secret=s3cret%26"},
      {"the identity of an App Service, the principal being incomplete",
       with({{"IDENTITY_HEADER", "h3ader"}}),
       "GET /app?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net&client_id=cli | "
       "metadata: true | x-identity-header: h3ader"},
      {"the identity of the machine",
       {{"AZURE_POD_IDENTITY_AUTHORITY_HOST", "%"}},
       "GET /metadata/identity/oauth2/token?api-version=2019-08-01&resource=https%3A%2F%2F"
       "vault.azure.net | metadata: true"},
  };
  for (const Case& item : cases) {
    CAPTURE(item.what);
    const auto asked = ask(item.variables, kGood);
    CHECK(asked.request == item.request);
    CHECK(asked.came == "T");
  }
}

TEST_CASE("a federated token in a file, read anew each time") {
  const fs::test::TestFolder folder;
  const std::string path = folder.write("token", "fromfile");
  const auto asked =
      ask({{"AZURE_TENANT_ID", "ten"},
           {"AZURE_CLIENT_ID", "cli"},
           {"AZURE_AUTHORITY_HOST", "%"},
           {"AZURE_FEDERATED_TOKEN_FILE", path}},
          kGood);
  CHECK(asked.request.contains("client_assertion=fromfile&"));
}

TEST_CASE("answers without a token") {
  const char* const kRefused =
      "unauthenticated: Azure's identity service gave no token (status {})";
  for (const auto& [answer, status] : {
           std::pair{
               json(R"({"error":"invalid_client","error_description":"s3cret"})", "401 No"), 401
           },
           std::pair{json("{}"), 200},
           std::pair{json("<html>"), 200},
           std::pair{json(R"({"access_token":"a\nb","expires_in":9})"), 200},
           std::pair{json(R"({"access_token":"T","expires_in":0})"), 200},
           std::pair{json(R"({"access_token":"T","expires_on":"1"})"), 200},
       }) {
    CAPTURE(answer);
    CHECK(ask({}, answer, true).came == fmt::format(fmt::runtime(kRefused), status));
  }
  CHECK(ask({}, json(R"({"access_token":"T","expires_on":"99999999999"})"), true).came == "T");
  CHECK(
      ask({}, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", true).came ==
      "disconnected: asking Azure's identity service: the service's answer was cut"
  );
}

TEST_CASE("a token is kept until it is refused; a failure for a moment") {
  unsigned requests = 0;
  const auto serve = [&](std::string_view answer, Peer& peer) {
    peer.read_until("s3cret%26");
    ++requests;
    peer.send(answer);
  };
  Server server({[&](Peer& peer) {
    serve(json("{}"), peer);
    serve(kGood, peer);
    serve(json(R"({"access_token":"U","expires_in":3600})"), peer);
  }});
  MainCaller main;
  ServiceClient client;
  const auto make = [&] {
    return AzureIdentity(
        ServicePrincipal{
            "ten", "cli", "s3cret&", *parse_service_url("http://" + server.authority())
        },
        std::string(kScope),
        client,
        Environment(Variables())
    );
  };
  {
    AzureIdentity failing = make();
    CHECK_FALSE(failing.token(main.caller()));
    CHECK_FALSE(failing.token(main.caller()));
    CHECK(requests == 1);
  }
  AzureIdentity identity = make();
  CHECK(**identity.token(main.caller()) == "T");
  CHECK(**identity.token(main.caller()) == "T");
  CHECK(requests == 2);
  identity.forget(main.caller());
  CHECK(**identity.token(main.caller()) == "U");
  CHECK(requests == 3);
}

TEST_CASE("where tokens are had") {
  for (const auto& [name, url] : {
           std::pair{"AzurePublicCloud", "https://login.microsoftonline.com"},
           std::pair{"AzureChina", "https://login.chinacloudapi.cn"},
           std::pair{"AzureGermany", "https://login.microsoftonline.de"},
           std::pair{"AzureGovernment", "https://login.microsoftonline.us"},
           std::pair{"http://127.0.0.1:1/", "http://127.0.0.1:1"},
       }) {
    CHECK(azure_authority(name)->origin() == url);
  }
  CHECK_FALSE(azure_authority("Elsewhere"));
}

}  // namespace
}  // namespace whorl::host::remote
