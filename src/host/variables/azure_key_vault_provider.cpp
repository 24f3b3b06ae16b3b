#include "host/variables/azure_key_vault_provider.hpp"

#include "host/main_caller.hpp"
#include "host/remote/answer_json.hpp"
#include "log/log.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace whorl::host::variables {
namespace {

constexpr std::uint16_t kNotFound = 404;
constexpr std::uint16_t kUnauthorized = 401;
constexpr remote::ServiceLimits kLimits{
    .connect = std::chrono::seconds(5),
    .silence = std::chrono::seconds(10),
    .whole = std::chrono::seconds(20),
    .answer_bytes = std::size_t{1} << 20,
};

std::string secret_name(std::string_view variable) {
  std::string name(variable);
  std::ranges::replace(name, '_', '-');
  return name;
}

}  // namespace

std::string azure_vault_scope(const remote::ServiceUrl& vault) {
  const std::string host = vault.host();
  const std::size_t dot = host.find('.');
  return fmt::format(
      "{}://{}/.default",
      vault.is_tls ? "https" : "http",
      dot == std::string::npos ? host : host.substr(dot + 1)
  );
}

/// The loop that waits while the main thread does.
struct AzureKeyVaultProvider::Asking {
  Asking(const AzureKeyVaultSettings& settings, remote::Environment environment)
      : identity(
            settings.principal, azure_vault_scope(settings.vault), client, std::move(environment)
        ) {}

  /// @return the answer to a request with our token, whatever its status
  Result<remote::ServiceAnswer> get(const remote::ServiceUrl& vault, std::string_view path) {
    WHORL_TRY(const auto token, identity.token(main.caller()));
    auto request = remote::ServiceRequest::to(vault, path);
    request.method = "GET";
    request.fields.append("authorization", "Bearer " + *token);
    request.fields.append("accept", "application/json");
    return client.send(main.caller(), std::move(request), kLimits);
  }

  remote::ServiceClient client;
  remote::AzureIdentity identity;
  MainCaller main;
};

AzureKeyVaultProvider::AzureKeyVaultProvider(
    AzureKeyVaultSettings settings, remote::Environment environment
)
    : settings_(std::move(settings)),
      asking_(std::make_unique<Asking>(settings_, std::move(environment))) {}

AzureKeyVaultProvider::~AzureKeyVaultProvider() = default;

Result<std::optional<std::string>> AzureKeyVaultProvider::find(std::string_view name) const {
  // The reason is the operator's; addresses are none of the guest's business.
  const auto failed = [&](const std::string& why) {
    log::warn(
        "whorl::variables", "Azure Key Vault cannot be asked for the variable `{}`: {}", name, why
    );
    return fail(ErrorKind::Unavailable, "the variables provider could not be asked");
  };
  const std::string path = fmt::format("/secrets/{}?api-version=7.4", secret_name(name));
  auto answer = asking_->get(settings_.vault, path);
  if (answer && answer->status == kUnauthorized) {
    asking_->identity.forget(asking_->main.caller());
    answer = asking_->get(settings_.vault, path);
  }
  if (!answer) {
    return failed(answer.error().to_line());
  }
  if (answer->status == kNotFound) {
    return std::optional<std::string>();
  }
  const auto json = remote::parse_answer_json(answer->body);
  const auto value = json ? remote::find_text(*json, {"value"}) : std::nullopt;
  if (!answer->is_success() || !value) {
    return failed(
        answer->is_success() ? std::string("the answer is no secret")
                             : fmt::format("it answered with status {}", answer->status)
    );
  }
  return std::optional<std::string>(std::string(*value));
}

}  // namespace whorl::host::variables
