#include "host/remote/aws_credentials.hpp"

#include "fs/file.hpp"
#include "host/remote/answer_json.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
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

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Error none(std::string_view what) {
  return fail(ErrorKind::Unauthenticated, "no AWS credentials: {}", what);
}

async::Deadline expiry_of(std::optional<std::string_view> text) {
  const auto end = text ? parse_utc_time(*text) : std::nullopt;
  if (!end) {
    return async::Deadline::after(kLookAgain);
  }
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch()
  )
                       .count();
  return async::Deadline::after(
      std::chrono::seconds(std::clamp<std::int64_t>(*end - now, 0, kMaxLifetime))
  );
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

std::optional<AwsKeys> parse_aws_profile(std::string_view text, std::string_view profile) {
  AwsKeys keys;
  bool is_in_profile = false;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with('[') && line.ends_with(']')) {
      is_in_profile = trim(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const auto equals = line.find('=');
    if (!is_in_profile || line.starts_with('#') || equals == std::string_view::npos) {
      continue;
    }
    const std::string_view name = trim(line.substr(0, equals));
    const std::string_view value = trim(line.substr(equals + 1));
    if (name == "aws_access_key_id") {
      keys.access_key = value;
    } else if (name == "aws_secret_access_key") {
      keys.secret_key = value;
    } else if (name == "aws_session_token") {
      keys.session_token = value;
    }
  }
  return keys.access_key.empty() || keys.secret_key.empty() ? std::nullopt : std::optional(keys);
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
  for (auto keys : {from_environment(), from_profile()}) {
    if (keys) {
      return Kept::Fetched{
          .token = std::make_shared<const AwsKeys>(*std::move(keys)),
          .expires = async::Deadline::after(kLookAgain),
      };
    }
  }
  if (const auto file = environment_.find("AWS_WEB_IDENTITY_TOKEN_FILE")) {
    return by_web_identity(caller, *file);
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

std::optional<AwsKeys> AwsCredentials::from_profile() const {
  auto path = environment_.find("AWS_SHARED_CREDENTIALS_FILE");
  if (const auto home = environment_.find("HOME"); !path && home) {
    path = fs::join(*home, ".aws/credentials");
  }
  if (!path) {
    return std::nullopt;
  }
  return parse_aws_profile(
      read_small_file(*path), environment_.find("AWS_PROFILE").value_or("default")
  );
}

AwsCredentials::Fetched AwsCredentials::by_web_identity(
    Caller caller, const std::string& token_file
) {
  const auto role = environment_.find("AWS_ROLE_ARN");
  const std::string file = read_small_file(token_file);
  const std::string_view token = trim(file);
  if (!role || token.empty()) {
    return none("AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN go together");
  }
  WHORL_TRY(const auto url, aws_endpoint(environment_, "sts", region_));
  auto request = ServiceRequest::to(url, "/");
  request.fields.append("content-type", "application/x-www-form-urlencoded");
  request.body = encode_form({
      {"Action", "AssumeRoleWithWebIdentity"},
      {"Version", "2011-06-15"},
      {"RoleArn", *role},
      {"RoleSessionName", environment_.find("AWS_ROLE_SESSION_NAME").value_or("whorl")},
      {"WebIdentityToken", token},
  });
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
      parse_service_url(
          environment_.find("AWS_EC2_METADATA_SERVICE_ENDPOINT").value_or("http://169.254.169.254")
      )
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
