// Who we are to AWS, in which surroundings, and whom that is asked of.
#include "host/remote/aws_credentials.hpp"

#include "fs/file.hpp"
#include "host/main_caller.hpp"
#include "http/client_test_support.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

namespace whorl::host::remote {
namespace {

using http::test::Peer;
using http::test::Server;
using Variables = std::map<std::string, std::string, std::less<>>;

/// A file with some text, gone with this object.
class TextFile {
 public:
  explicit TextFile(std::string_view text) {
    const fs::Fd file(::mkstemp(path_));
    REQUIRE(file.is_open());
    REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;
  ~TextFile() { ::unlink(path_); }
  [[nodiscard]] std::string path() const { return path_; }

 private:
  char path_[32] = "/tmp/whorl-aws-XXXXXX";
};

TEST_CASE("profiles") {
  const std::string_view text =
      "# aws_access_key_id = no\n[default]\naws_access_key_id = A\naws_secret_access_key=S+/=\n"
      "[ other ]\r\naws_access_key_id=B\r\naws_secret_access_key=T\r\naws_session_token=U\r\n"
      "[half]\naws_access_key_id = C\n";
  const auto shown = [&](std::string_view profile) {
    const auto keys = parse_aws_profile(text, profile);
    return keys ? fmt::format("{} {} {}", keys->access_key, keys->secret_key, keys->session_token)
                : "none";
  };
  CHECK(shown("default") == "A S+/= ");
  CHECK(shown("other") == "B T U");
  CHECK(shown("half") == "none");
  CHECK(shown("nosuch") == "none");
}

TEST_CASE("times") {
  CHECK(parse_utc_time("1970-01-02T00:00:01Z") == 86401);
  CHECK(parse_utc_time("2015-08-30T12:36:00Z") == 1440938160);
  CHECK(parse_utc_time("2015-08-30T12:36:00.123Z") == 1440938160);
  for (const char* bad :
       {"",
        "2015-08-30",
        "2015-13-30T12:36:00Z",
        "2015-08-30T1x:36:00Z",
        "2015-08-30T12:36:00+01:00"}) {
    CAPTURE(bad);
    CHECK(parse_utc_time(bad) == std::nullopt);
  }
}

TEST_CASE("where a service is") {
  const auto origin = [](Variables variables, const char* region) {
    return aws_endpoint(Environment(std::move(variables)), "dynamodb", region)->origin();
  };
  CHECK(origin({}, "eu-west-1") == "https://dynamodb.eu-west-1.amazonaws.com");
  CHECK(origin({}, "cn-north-1") == "https://dynamodb.cn-north-1.amazonaws.com.cn");
  CHECK(origin({{"AWS_ENDPOINT_URL", "http://h:1"}}, "r") == "http://h:1");
  CHECK(
      origin({{"AWS_ENDPOINT_URL", "http://h"}, {"AWS_ENDPOINT_URL_DYNAMODB", "http://d"}}, "r") ==
      "http://d"
  );
  CHECK_FALSE(aws_endpoint(Environment(Variables{{"AWS_ENDPOINT_URL", "x"}}), "dynamodb", "r"));
}

/// Keys in surroundings where `%` stands for a stand-in that answers these in order.
/// @return keys and what was asked for, or why there are none
std::string ask(Variables variables, std::vector<std::string> answers) {
  std::string asked;
  std::vector<Server::Script> scripts;
  const auto script = [&](Peer& peer) {
    for (const std::string& answer : answers) {
      const std::string head = peer.read_head();
      asked += "\n" + head.substr(0, head.find(" HTTP/1.1"));
      for (const char* name : {"authorization", "x-aws-ec2-metadata-token"}) {
        const auto at = head.find(fmt::format("\r\n{}: ", name));
        asked += at == std::string::npos
                     ? ""
                     : " | " + head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
      }
      if (head.starts_with("POST")) {
        asked += " | " + peer.read_until("Token=jwt");
      }
      peer.send(
          fmt::format("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{}", answer.size(), answer)
      );
    }
  };
  if (!answers.empty()) {
    scripts.emplace_back(script);
  }
  Server server(std::move(scripts));
  for (auto& [name, value] : variables) {
    if (const auto at = value.find('%'); at != std::string::npos) {
      value.replace(at, 1, "http://" + server.authority());
    }
  }
  variables.try_emplace("AWS_EC2_METADATA_DISABLED", "true");
  MainCaller main;
  ServiceClient client;
  AwsCredentials credentials(std::nullopt, "r", client, Environment(std::move(variables)));
  std::string came;
  for (int i = 0; i < 2; ++i) {  // asked for once
    const auto keys = credentials.keys(main.caller());
    came = keys ? fmt::format(
                      "{} {} {}", (*keys)->access_key, (*keys)->secret_key, (*keys)->session_token
                  )
                : keys.error().message();
  }
  server.join();
  return came + asked;
}

TEST_CASE("surroundings") {
  const TextFile profile("[p]\naws_access_key_id=A\naws_secret_access_key=S\n");
  const TextFile token("jwt\n");
  const std::string json =
      R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2999-01-01T00:00:00Z"})";
  struct Case {
    const char* what;
    Variables variables;
    std::vector<std::string> answers;
    const char* came;
  };
  const Case cases[] = {
      {"the environment",
       {{"AWS_ACCESS_KEY_ID", "A"}, {"AWS_SECRET_ACCESS_KEY", "S"}, {"AWS_SESSION_TOKEN", "T"}},
       {},
       "A S T"},
      {"a profile",
       {{"AWS_SHARED_CREDENTIALS_FILE", profile.path()}, {"AWS_PROFILE", "p"}},
       {},
       "A S "},
      {"a web identity",
       {{"AWS_WEB_IDENTITY_TOKEN_FILE", token.path()},
        {"AWS_ROLE_ARN", "arn:r"},
        {"AWS_ENDPOINT_URL_STS", "%"}},
       {"<R><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>"
        "<SessionToken>\nT</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>"
        "</Credentials></R>"},
       "A S T\nPOST / | Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ar&"
       "RoleSessionName=whorl&WebIdentityToken=jwt"},
      {"a container",
       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "%/c?x=1"},
        {"AWS_CONTAINER_AUTHORIZATION_TOKEN", "auth"}},
       {json},
       "A S T\nGET /c?x=1 | authorization: auth"},
      {"the machine",
       {{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "%"}, {"AWS_EC2_METADATA_DISABLED", "no"}},
       {"tok", "my-role", json},
       "A S T\nPUT /latest/api/token\nGET /latest/meta-data/iam/security-credentials/ | "
       "x-aws-ec2-metadata-token: tok\nGET /latest/meta-data/iam/security-credentials/my-role | "
       "x-aws-ec2-metadata-token: tok"},
      {"nothing",
       {},
       {},
       "no AWS credentials: the environment has none, and the machine is not to be asked"},
      {"a container's service that is elsewhere",
       {{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/"}},
       {},
       "no AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this machine"
      },
  };
  for (const Case& item : cases) {
    CAPTURE(item.what);
    CHECK(ask(item.variables, item.answers) == item.came);
  }
}

}  // namespace
}  // namespace whorl::host::remote
