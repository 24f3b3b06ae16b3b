#include "host/remote/azure_identity.hpp"

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
    .silence = std::chrono::seconds(5),
    .whole = std::chrono::seconds(5),
    .answer_bytes = std::size_t{256} << 10,
};
constexpr std::uint64_t kMaxTokenFileBytes = std::uint64_t{256} << 10;
constexpr std::int64_t kMaxLifetime = std::int64_t{7} * 24 * 3600;
constexpr std::string_view kMetadataService = "http://169.254.169.254";
constexpr std::string_view kMetadataPath = "/metadata/identity/oauth2/token";
constexpr std::string_view kApiVersion = "2019-08-01";

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch()
  )
      .count();
}

ServiceRequest form_to(const ServiceUrl& authority, std::string_view tenant, std::string form) {
  auto request =
      ServiceRequest::to(authority, fmt::format("/{}/oauth2/v2.0/token", percent_encode(tenant)));
  request.fields.append("content-type", "application/x-www-form-urlencoded");
  request.fields.append("accept", "application/json");
  request.body = std::move(form);
  return request;
}

/// Seconds that a token of an answer is good for: `expires_in`, or `expires_on` as a time of day.
std::int64_t lifetime_of(const boost::json::value& json) {
  if (const auto left = find_integer(json, {"expires_in"})) {
    return *left;
  }
  return find_integer(json, {"expires_on"}).value_or(0) - now_seconds();
}

}  // namespace

Result<ServiceUrl> azure_authority(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kClouds{{
      {"AzurePublicCloud", "https://login.microsoftonline.com"},
      {"AzureChina", "https://login.chinacloudapi.cn"},
      {"AzureGermany", "https://login.microsoftonline.de"},
      {"AzureGovernment", "https://login.microsoftonline.us"},
  }};
  for (const auto& [cloud, url] : kClouds) {
    if (name == cloud) {
      return parse_service_url(url);
    }
  }
  auto url = parse_service_url(name);
  if (!url) {
    return fail(
        ErrorKind::InvalidInput,
        "unknown variant, expected one of `AzurePublicCloud`, `AzureChina`, `AzureGermany`, "
        "`AzureGovernment`"
    );
  }
  return url;
}

Result<std::shared_ptr<const std::string>> AzureIdentity::token(Caller caller) {
  return kept_.get(caller, [this](Caller who) { return fetch(who); });
}

Result<AzureIdentity::Kept::Fetched> AzureIdentity::fetch(Caller caller) {
  return principal_ ? by_secret(caller, *principal_) : fetch_from_surroundings(caller);
}

Result<ServiceUrl> AzureIdentity::authority() const {
  const auto host = environment_.find("AZURE_AUTHORITY_HOST");
  if (!host) {
    return azure_authority("AzurePublicCloud");
  }
  return azure_authority(host->contains("://") ? *host : "https://" + *host)
      .context("AZURE_AUTHORITY_HOST");
}

Result<AzureIdentity::Kept::Fetched> AzureIdentity::fetch_from_surroundings(Caller caller) {
  const auto tenant = environment_.find("AZURE_TENANT_ID");
  const auto client_id = environment_.find("AZURE_CLIENT_ID");
  if (tenant && client_id) {
    auto assertion = environment_.find("AZURE_FEDERATED_TOKEN");
    const auto file = environment_.find("AZURE_FEDERATED_TOKEN_FILE");
    if (!assertion && file) {
      // Small, local, and read once in a token's life.
      WHORL_TRY(
          const Bytes bytes,
          fs::read_file(*file, kMaxTokenFileBytes).context("AZURE_FEDERATED_TOKEN_FILE")
      );
      assertion = std::string(as_text(bytes));
    }
    const auto secret = environment_.find("AZURE_CLIENT_SECRET");
    if (assertion || secret) {
      WHORL_TRY(auto where, authority());
      const ServicePrincipal principal{
          .tenant_id = *tenant,
          .client_id = *client_id,
          .client_secret = secret.value_or(""),
          .authority = std::move(where),
      };
      return assertion ? by_assertion(caller, principal, *assertion) : by_secret(caller, principal);
    }
  }
  if (const auto endpoint = environment_.find("IDENTITY_ENDPOINT")) {
    WHORL_TRY(const auto url, parse_service_url(*endpoint).context("IDENTITY_ENDPOINT"));
    return by_managed_identity(caller, url, kLimits);
  }
  auto base = environment_.find("AZURE_POD_IDENTITY_AUTHORITY_HOST");
  WHORL_TRY(
      auto url,
      parse_service_url(base.value_or(std::string(kMetadataService)))
          .context("AZURE_POD_IDENTITY_AUTHORITY_HOST")
  );
  url.path += kMetadataPath;
  auto fetched = by_managed_identity(caller, url, kNearby);
  if (!fetched && fetched.error().kind() != ErrorKind::Cancelled) {
    return std::move(fetched.take_error())
        .with_help(
            "neither AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET are set nor is there "
            "a managed identity"
        );
  }
  return fetched;
}

Result<AzureIdentity::Kept::Fetched> AzureIdentity::by_secret(
    Caller caller, const ServicePrincipal& principal
) {
  return ask(
      caller,
      form_to(
          principal.authority,
          principal.tenant_id,
          encode_form({
              {"grant_type", "client_credentials"},
              {"scope", scope_},
              {"client_id", principal.client_id},
              {"client_secret", principal.client_secret},
          })
      ),
      kLimits
  );
}

Result<AzureIdentity::Kept::Fetched> AzureIdentity::by_assertion(
    Caller caller, const ServicePrincipal& principal, std::string_view assertion
) {
  return ask(
      caller,
      form_to(
          principal.authority,
          principal.tenant_id,
          encode_form({
              {"client_id", principal.client_id},
              {"scope", scope_},
              {"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
              {"client_assertion", assertion},
              {"grant_type", "client_credentials"},
          })
      ),
      kLimits
  );
}

Result<AzureIdentity::Kept::Fetched> AzureIdentity::by_managed_identity(
    Caller caller, const ServiceUrl& endpoint, const ServiceLimits& limits
) {
  std::string_view resource = scope_;
  if (constexpr std::string_view kSuffix = "/.default"; resource.ends_with(kSuffix)) {
    resource.remove_suffix(kSuffix.size());
  }
  std::string query = encode_form({{"api-version", kApiVersion}, {"resource", resource}});
  if (const auto client_id = environment_.find("AZURE_CLIENT_ID")) {
    query += "&" + encode_form({{"client_id", *client_id}});
  }
  auto request = ServiceRequest::to(endpoint, "?" + query);
  if (request.path_and_query.starts_with('?')) {
    request.path_and_query.insert(0, "/");
  }
  request.method = "GET";
  request.fields.append("metadata", "true");
  if (auto header = environment_.find("IDENTITY_HEADER"); header && http::is_field_value(*header)) {
    request.fields.append("x-identity-header", *std::move(header));
  }
  return ask(caller, std::move(request), limits);
}

Result<AzureIdentity::Kept::Fetched> AzureIdentity::ask(
    Caller caller, ServiceRequest request, const ServiceLimits& limits
) {
  const auto refused = [](std::uint16_t status) {
    return fail(
        ErrorKind::Unauthenticated, "Azure's identity service gave no token (status {})", status
    );
  };
  auto answer = client_.send(caller, std::move(request), limits);
  if (!answer) {
    return answer.take_error().context("asking Azure's identity service");
  }
  const auto json = parse_answer_json(answer->body);
  const auto token = json ? find_text(*json, {"access_token"}) : std::nullopt;
  const std::int64_t lifetime = json ? std::min(lifetime_of(*json), kMaxLifetime) : 0;
  if (!answer->is_success() || !token || !http::is_field_value(*token) || lifetime <= 0) {
    return refused(answer->status);
  }
  return Kept::Fetched{
      .token = std::make_shared<const std::string>(*token),
      .expires = async::Deadline::after(std::chrono::seconds(lifetime)),
  };
}

}  // namespace whorl::host::remote
