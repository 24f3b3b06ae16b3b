#include "host/remote/aws_credentials.hpp"

#include "fs/file.hpp"
#include "host/remote/answer_json.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

namespace whorl::host::remote {
namespace {

constexpr ServiceLimits kLimits{
    .connect = std::chrono::seconds(5),
    .silence = std::chrono::seconds(10),
    .whole = std::chrono::seconds(20),
    .answer_bytes = std::size_t{256} << 10,
};
/// The metadata service is a hop away, or not there at all.
constexpr ServiceLimits kNearby{
    .connect = std::chrono::seconds(1),
    .silence = std::chrono::seconds(2),
    .whole = std::chrono::seconds(5),
    .answer_bytes = std::size_t{256} << 10,
};
constexpr std::uint64_t kMaxFileBytes = std::uint64_t{1} << 20;
/// Keys without an end of their own are looked for again after this time: files change.
constexpr std::chrono::minutes kLookAgain{15};
constexpr std::int64_t kMaxLifetime = std::int64_t{7} * 24 * 3600;
/// How many profiles may stand behind one.
constexpr unsigned kMaxProfiles = 5;
constexpr const char* kSessionName = "whorl";
/// What in a profile tells who we are; one of those without any may be there for its region.
constexpr std::array kTelling{
    "aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url"
};

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Error none(std::string_view what) {
  return fail(ErrorKind::Unauthenticated, "no AWS credentials: {}", what);
}

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch()
  )
      .count();
}

async::Deadline expiry_of(std::optional<std::string_view> text) {
  const auto end = text ? parse_utc_time(*text) : std::nullopt;
  if (!end) {
    return async::Deadline::after(kLookAgain);
  }
  return async::Deadline::after(
      std::chrono::seconds(std::clamp<std::int64_t>(*end - now_seconds(), 0, kMaxLifetime))
  );
}

KeptToken<AwsKeys>::Fetched kept_for_a_while(AwsKeys keys) {
  return {
      .token = std::make_shared<const AwsKeys>(std::move(keys)),
      .expires = async::Deadline::after(kLookAgain),
  };
}

std::string read_small_file(const std::string& path) {
  const auto bytes = fs::read_file(path, kMaxFileBytes);
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

/// The text of the first element of that name; elements of these answers have no attributes.
std::optional<std::string_view> element(std::string_view xml, std::string_view name) {
  const std::string open = fmt::format("<{}>", name);
  const auto begin = xml.find(open);
  const auto end = xml.find(fmt::format("</{}>", name), begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    return std::nullopt;
  }
  return xml.substr(begin + open.size(), end - begin - open.size());
}

/// Credentials travel in clear to these only. @spec AWS SDKs reference, container credentials
bool is_local(const ServiceUrl& url) {
  const std::string host = url.host();
  return url.is_tls || host == "localhost" || host.starts_with("127.") || host == "::1" ||
         host == "169.254.170.2" || host == "169.254.170.23" || host == "fd00:ec2::23";
}

/// What both ways to take on a role have in common.
ServiceRequest role_request(
    const ServiceUrl& url, std::string_view action, std::string_view arn, std::string_view session
) {
  auto request = ServiceRequest::to(url, "/");
  request.fields.append("content-type", "application/x-www-form-urlencoded");
  request.body = encode_form({
      {"Action", action},
      {"Version", "2011-06-15"},
      {"RoleArn", arn},
      {"RoleSessionName", session},
  });
  return request;
}

}  // namespace

Result<ServiceUrl> aws_endpoint(
    const Environment& environment, std::string_view service, std::string_view region
) {
  std::string upper(service);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  for (const std::string& name : {"AWS_ENDPOINT_URL_" + upper, std::string("AWS_ENDPOINT_URL")}) {
    if (const auto url = environment.find(name)) {
      return parse_service_url(*url).context("{}", name);
    }
  }
  return parse_service_url(fmt::format(
      "https://{}.{}.amazonaws.com{}", service, region, region.starts_with("cn-") ? ".cn" : ""
  ));
}

std::optional<std::int64_t> parse_utc_time(std::string_view text) {
  // 0123456789012345678
  // 2026-11-21T03:00:00Z
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  bool is_good = true;
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = 0;
    for (const char c : text.substr(at, count)) {
      is_good = is_good && c >= '0' && c <= '9';
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const std::chrono::year_month_day date{
      std::chrono::year(number(0, 4)),
      std::chrono::month(static_cast<unsigned>(number(5, 2))),
      std::chrono::day(static_cast<unsigned>(number(8, 2)))
  };
  const int seconds = number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  if (!is_good || !date.ok()) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400} + seconds;
}

AwsCredentials::AwsCredentials(
    std::optional<AwsKeys> fixed, std::string region, ServiceClient& client, Environment environment
)
    : fixed_(fixed ? std::make_shared<const AwsKeys>(*std::move(fixed)) : nullptr),
      region_(std::move(region)),
      client_(client),
      environment_(std::move(environment)) {}

Result<std::shared_ptr<const AwsKeys>> AwsCredentials::keys(Caller caller) {
  if (fixed_ != nullptr) {
    return fixed_;
  }
  return kept_.get(caller, [this](Caller who) { return fetch(who); });
}

AwsCredentials::Fetched AwsCredentials::fetch(Caller caller) {
  if (auto keys = from_environment()) {
    return kept_for_a_while(*std::move(keys));
  }
  if (auto of_its_profile = from_profile(caller)) {
    return *std::move(of_its_profile);
  }
  if (const auto file = environment_.find("AWS_WEB_IDENTITY_TOKEN_FILE")) {
    const Role role{
        .arn = environment_.find("AWS_ROLE_ARN").value_or(""),
        .session = environment_.find("AWS_ROLE_SESSION_NAME").value_or(kSessionName),
    };
    return role.arn.empty() ? none("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN go together")
                            : by_web_identity(caller, *file, role);
  }
  if (environment_.find("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
      environment_.find("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
    return from_container(caller);
  }
  return from_machine(caller);
}

std::optional<AwsKeys> AwsCredentials::from_environment() const {
  auto access = environment_.find("AWS_ACCESS_KEY_ID");
  auto secret = environment_.find("AWS_SECRET_ACCESS_KEY");
  if (!access || !secret) {
    return std::nullopt;
  }
  return AwsKeys{
      .access_key = *std::move(access),
      .secret_key = *std::move(secret),
      .session_token = environment_.find("AWS_SESSION_TOKEN").value_or(""),
  };
}

std::optional<AwsCredentials::Fetched> AwsCredentials::from_profile(Caller caller) {
  AwsProfiles profiles;
  const auto home = environment_.find("HOME");
  const auto add = [&](std::string_view variable, std::string_view usual, AwsFile kind) {
    auto path = environment_.find(variable);
    if (!path && home) {
      path = fs::join(*home, usual);
    }
    if (path) {
      profiles.add(read_small_file(*path), kind);
    }
  };
  // Keys belong into the second, which therefore counts more.
  add("AWS_CONFIG_FILE", ".aws/config", AwsFile::Config);
  add("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", AwsFile::Credentials);
  const std::string name = environment_.find("AWS_PROFILE").value_or("default");
  const auto* profile = profiles.find(name);
  const bool tells = profile != nullptr && std::ranges::any_of(kTelling, [&](const char* setting) {
                       return find_setting(*profile, setting).has_value();
                     });
  return tells ? std::optional(of_profile(caller, profiles, name, 0)) : std::nullopt;
}

AwsCredentials::Fetched AwsCredentials::of_profile(
    Caller caller, const AwsProfiles& profiles, const std::string& name, unsigned depth
) {
  const auto* profile = profiles.find(name);
  if (profile == nullptr || depth > kMaxProfiles) {
    return none(
        profile == nullptr ? "a source_profile is missing" : "profiles name each other in a circle"
    );
  }
  const auto setting = [&](std::string_view its_name) { return find_setting(*profile, its_name); };
  auto access = setting("aws_access_key_id");
  auto secret = setting("aws_secret_access_key");
  const auto own_keys = [&] {
    return AwsKeys{
        *std::move(access), *std::move(secret), setting("aws_session_token").value_or("")
    };
  };
  const auto source = setting("source_profile");
  if (const auto arn = setting("role_arn"); arn) {
    const Role role{
        .arn = *arn,
        .session = setting("role_session_name").value_or(kSessionName),
        .external_id = setting("external_id").value_or(""),
    };
    if (const auto file = setting("web_identity_token_file")) {
      return by_web_identity(caller, *file, role);
    }
    if (source && *source == name && access && secret) {
      return by_role(caller, own_keys(), role);
    }
    const auto kind = setting("credential_source");
    if (!source && !kind) {
      return none("the profile has a role_arn, and nothing to assume the role with");
    }
    WHORL_TRY(
        const auto base,
        source ? of_profile(caller, profiles, *source, depth + 1) : of_source(caller, *kind)
    );
    return by_role(caller, *base.token, role);
  }
  if (access && secret) {
    return kept_for_a_while(own_keys());
  }
  return none(
      setting("credential_process")
          ? "the profile's are those of a program (credential_process), and none is run here"
          : "the profile has neither keys nor a role (what a person signs in for is not used here)"
  );
}

AwsCredentials::Fetched AwsCredentials::of_source(Caller caller, std::string_view source) {
  if (source == "Environment") {
    auto keys = from_environment();
    if (!keys) {
      return none("the profile's credential_source is Environment, which has none");
    }
    return kept_for_a_while(*std::move(keys));
  }
  if (source == "EcsContainer") {
    return from_container(caller);
  }
  return source == "Ec2InstanceMetadata" ? from_machine(caller)
                                         : none("the profile's credential_source is not known");
}

AwsCredentials::Fetched AwsCredentials::by_role(
    Caller caller, const AwsKeys& keys, const Role& role
) {
  WHORL_TRY(const auto url, aws_endpoint(environment_, "sts", region_));
  ServiceRequest request = role_request(url, "AssumeRole", role.arn, role.session);
  if (!role.external_id.empty()) {
    request.body += "&" + encode_form({{"ExternalId", role.external_id}});
  }
  sign_for_aws(request, keys, {.region = region_, .service = "sts"}, now_seconds());
  return ask_for_role(caller, std::move(request));
}

AwsCredentials::Fetched AwsCredentials::by_web_identity(
    Caller caller, const std::string& token_file, const Role& role
) {
  const std::string file = read_small_file(token_file);
  const std::string_view token = trim(file);
  if (token.empty()) {
    return none("the file of the web identity's token is not there, or empty");
  }
  WHORL_TRY(const auto url, aws_endpoint(environment_, "sts", region_));
  ServiceRequest request = role_request(url, "AssumeRoleWithWebIdentity", role.arn, role.session);
  request.body += "&" + encode_form({{"WebIdentityToken", token}});
  return ask_for_role(caller, std::move(request));
}

AwsCredentials::Fetched AwsCredentials::ask_for_role(Caller caller, ServiceRequest request) {
  WHORL_TRY(const auto answer, client_.send(caller, std::move(request), kLimits));
  const auto access = element(answer.body, "AccessKeyId");
  const auto secret = element(answer.body, "SecretAccessKey");
  const auto session = element(answer.body, "SessionToken");
  if (!answer.is_success() || !access || !secret || !session) {
    return none(fmt::format("the role could not be assumed (status {})", answer.status));
  }
  AwsKeys keys{std::string(*access), std::string(*secret), std::string(trim(*session))};
  return Kept::Fetched{
      .token = std::make_shared<const AwsKeys>(std::move(keys)),
      .expires = expiry_of(element(answer.body, "Expiration")),
  };
}

AwsCredentials::Fetched AwsCredentials::from_container(Caller caller) {
  const auto relative = environment_.find("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string text =
      relative ? "http://169.254.170.2" + *relative
               : environment_.find("AWS_CONTAINER_CREDENTIALS_FULL_URI").value_or("");
  auto url = parse_service_url(text.substr(0, text.find('?')));
  if (!url || !is_local(*url)) {
    return none("AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor of this machine");
  }
  const auto query = text.find('?');
  auto request = ServiceRequest::to(*url, query == std::string::npos ? "" : text.substr(query));
  request.method = "GET";
  auto token = environment_.find("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  if (const auto file = environment_.find("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    token = std::string(trim(read_small_file(*file)));
  }
  if (token && http::is_field_value(*token)) {
    request.fields.append("authorization", *std::move(token));
  }
  return ask_for_keys(caller, std::move(request));
}

AwsCredentials::Fetched AwsCredentials::from_machine(Caller caller) {
  if (environment_.find("AWS_EC2_METADATA_DISABLED") == "true") {
    return none("the environment has none, and the machine is not to be asked");
  }
  WHORL_TRY(
      const auto url,
      parse_service_url(environment_.find("AWS_EC2_METADATA_SERVICE_ENDPOINT")
                            .value_or(
                                environment_.find("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") ==
                                        "IPv6"
                                    ? "http://[fd00:ec2::254]"
                                    : "http://169.254.169.254"
                            ))
          .context("AWS_EC2_METADATA_SERVICE_ENDPOINT")
  );
  auto ask = ServiceRequest::to(url, "/latest/api/token");
  ask.method = "PUT";
  ask.fields.append("x-aws-ec2-metadata-token-ttl-seconds", "21600");
  const auto token = client_.send(caller, std::move(ask), kNearby);
  if (!token && token.error().kind() == ErrorKind::Cancelled) {
    return token.error().clone();
  }
  if (!token || !token->is_success() || !http::is_field_value(token->body)) {
    return none("neither the environment nor the machine has any");
  }
  const std::string_view path = "/latest/meta-data/iam/security-credentials/";
  const auto get = [&](std::string_view what) {
    auto request = ServiceRequest::to(url, what);
    request.method = "GET";
    request.fields.append("x-aws-ec2-metadata-token", token->body);
    return request;
  };
  WHORL_TRY(const auto role, client_.send(caller, get(path), kNearby));
  if (!role.is_success()) {
    return none("the machine has no role");
  }
  return ask_for_keys(
      caller,
      get(fmt::format("{}{}", path, percent_encode(trim(role.body.substr(0, role.body.find('\n')))))
      )
  );
}

AwsCredentials::Fetched AwsCredentials::ask_for_keys(Caller caller, ServiceRequest request) {
  WHORL_TRY(const auto answer, client_.send(caller, std::move(request), kLimits));
  const auto json = parse_answer_json(answer.body);
  const auto access = json ? find_text(*json, {"AccessKeyId"}) : std::nullopt;
  const auto secret = json ? find_text(*json, {"SecretAccessKey"}) : std::nullopt;
  if (!answer.is_success() || !access || !secret) {
    return none(fmt::format("the surroundings gave none (status {})", answer.status));
  }
  AwsKeys keys{std::string(*access), std::string(*secret), {}};
  keys.session_token = find_text(*json, {"Token"}).value_or("");
  return Kept::Fetched{
      .token = std::make_shared<const AwsKeys>(std::move(keys)),
      .expires = expiry_of(find_text(*json, {"Expiration"})),
  };
}

}  // namespace whorl::host::remote
