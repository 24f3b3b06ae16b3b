// Who we are to AWS, in which surroundings, and whom that is asked of.
#include "host/remote/aws_credentials.hpp"

#include "fs/test_folder.hpp"
#include "host/main_caller.hpp"
#include "http/client_test_support.hpp"

#include <doctest/doctest.h>

namespace whorl::host::remote {
namespace {

using http::test::Peer;
using http::test::Server;
using Variables = std::map<std::string, std::string, std::less<>>;

/// A file with some text, gone with this object.
class TextFile {
 public:
  explicit TextFile(std::string_view text) : path_(folder_.write("file", text)) {}
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  fs::test::TestFolder folder_;
  std::string path_;
};

TEST_CASE("profiles") {
  AwsProfiles profiles;
  profiles.add(
      "# aws_access_key_id = no\n[default]\naws_access_key_id = of the config\nregion = r ; here\n"
      "[profile  other ]\r\nrole_arn=arn:x#1\r\n s3 =\n  nested = 1\n[sso-session no]\nregion = "
      "no\n"
      "[profile \"two words\"]\nregion=w\n[profilex]\nregion=no\n[credentials only]\nregion=no\n",
      AwsFile::Config
  );
  profiles.add(
      "; a remark\n[default]\naws_access_key_id = A\naws_secret_access_key=S+/=\n[other]\n"
      "aws_access_key_id=B\naws_secret_access_key=\nno setting\n[",
      AwsFile::Credentials
  );
  const auto shown = [&](std::string_view name) {
    const auto* profile = profiles.find(name);
    std::string out = profile == nullptr ? "none" : "";
    for (const auto& [setting, value] : profile == nullptr ? AwsProfiles::Profile() : *profile) {
      out += fmt::format("{}={}|", setting, value);
    }
    return out;
  };
  CHECK(shown("default") == "aws_access_key_id=A|aws_secret_access_key=S+/=|region=r|");
  CHECK(shown("other") == "aws_access_key_id=B|aws_secret_access_key=|role_arn=arn:x#1|");
  CHECK(shown("two words") == "region=w|");
  CHECK(shown("no") == "none");
  CHECK(shown("x") == "none");
  CHECK(shown("only") == "none");
  CHECK(find_setting(*profiles.find("other"), "aws_secret_access_key") == std::nullopt);
  CHECK(find_setting(*profiles.find("default"), "region") == "r");
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
        // Of a signature how far it is the same each time.
        const std::string line =
            at == std::string::npos ? "" : head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        asked += line.empty() ? "" : " | " + line.substr(0, line.find("/20"));
      }
      if (head.starts_with("POST")) {
        // The last setting that is sent.
        const bool is_signed = head.contains("\r\nauthorization: ");
        asked += " | " + peer.read_until(is_signed ? "ExternalId=ext" : "Token=jwt");
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
  const TextFile token("jwt\n");
  const TextFile profile("[p]\naws_access_key_id=A\naws_secret_access_key=S\n");
  const TextFile roles(fmt::format(
      "[profile role]\nrole_arn=arn:r\nsource_profile=p\nexternal_id=ext\nrole_session_name=me\n"
      "[profile web]\nrole_arn=arn:r\nweb_identity_token_file={}\n"
      "[profile environment]\nrole_arn=arn:r\ncredential_source=Environment\nexternal_id=ext\n"
      "[profile container]\nrole_arn=arn:r\ncredential_source=EcsContainer\nexternal_id=ext\n"
      "[profile itself]\nrole_arn=arn:r\nsource_profile=itself\nexternal_id=ext\n"
      "aws_access_key_id=A\naws_secret_access_key=S\n"
      "[profile circle]\nrole_arn=arn:r\nsource_profile=circle\n"
      "[profile nowhere]\nrole_arn=arn:r\nsource_profile=nosuch\n"
      "[profile alone]\nrole_arn=arn:r\n"
      "[profile odd]\nrole_arn=arn:r\ncredential_source=Odd\n"
      "[profile program]\ncredential_process=/bin/echo s3cret\n"
      "[profile person]\nsso_session=s\n"
      "[profile region]\nregion=r\n",
      token.path()
  ));
  const std::string json =
      R"({"AccessKeyId":"A","SecretAccessKey":"S","Token":"T","Expiration":"2999-01-01T00:00:00Z"})";
  const std::string assumed =
      "<R><Credentials><AccessKeyId>B</AccessKeyId><SecretAccessKey>U</SecretAccessKey>"
      "<SessionToken>V</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration>"
      "</Credentials></R>";
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
      {"a role, with another profile's keys",
       {{"AWS_SHARED_CREDENTIALS_FILE", profile.path()},
        {"AWS_CONFIG_FILE", roles.path()},
        {"AWS_PROFILE", "role"},
        {"AWS_ENDPOINT_URL_STS", "%"}},
       {assumed},
       "B U V\nPOST / | authorization: AWS4-HMAC-SHA256 Credential=A | Action=AssumeRole&"
       "Version=2011-06-15&RoleArn=arn%3Ar&RoleSessionName=me&ExternalId=ext"},
      {"a role, with the profile's own keys",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "itself"}, {"AWS_ENDPOINT_URL_STS", "%"}
       },
       {assumed},
       "B U V\nPOST / | authorization: AWS4-HMAC-SHA256 Credential=A | Action=AssumeRole&"
       "Version=2011-06-15&RoleArn=arn%3Ar&RoleSessionName=whorl&ExternalId=ext"},
      {"a role, with a container's keys",
       {{"AWS_CONFIG_FILE", roles.path()},
        {"AWS_PROFILE", "container"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "%/c"},
        {"AWS_ENDPOINT_URL_STS", "%"}},
       {json, assumed},
       "B U V\nGET /c\nPOST / | authorization: AWS4-HMAC-SHA256 Credential=A | Action=AssumeRole&"
       "Version=2011-06-15&RoleArn=arn%3Ar&RoleSessionName=whorl&ExternalId=ext"},
      {"a profile's web identity",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "web"}, {"AWS_ENDPOINT_URL_STS", "%"}},
       {assumed},
       "B U V\nPOST / | Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ar&"
       "RoleSessionName=whorl&WebIdentityToken=jwt"},
      {"profiles in a circle",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "circle"}},
       {},
       "no AWS credentials: profiles name each other in a circle"},
      {"a role whose source is missing",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "nowhere"}},
       {},
       "no AWS credentials: a source_profile is missing"},
      {"a role with nothing to assume it with",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "alone"}},
       {},
       "no AWS credentials: the profile has a role_arn, and nothing to assume the role with"},
      {"a role with a source that is not known",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "odd"}},
       {},
       "no AWS credentials: the profile's credential_source is not known"},
      {"a role, with an environment that has no keys",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "environment"}},
       {},
       "no AWS credentials: the profile's credential_source is Environment, which has none"},
      {"a program",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "program"}},
       {},
       "no AWS credentials: the profile's are those of a program (credential_process), and none is "
       "run here"},
      {"a person who signs in",
       {{"AWS_CONFIG_FILE", roles.path()}, {"AWS_PROFILE", "person"}},
       {},
       "no AWS credentials: the profile has neither keys nor a role (what a person signs in for is "
       "not used here)"},
      {"a profile that says the region only",
       {{"AWS_CONFIG_FILE", roles.path()},
        {"AWS_PROFILE", "region"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "%/c"}},
       {json},
       "A S T\nGET /c"},
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
