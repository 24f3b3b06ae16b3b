/// AzureIdentity: tokens of Microsoft Entra ID, with which Azure's services know us.
///
/// A service principal that the operator named, or what the surroundings have, asked in this order
/// as by Azure's libraries: a federated token (AZURE_TENANT_ID, AZURE_CLIENT_ID,
/// AZURE_FEDERATED_TOKEN or _FILE), a client secret (AZURE_CLIENT_SECRET), the managed identity of
/// App Service (IDENTITY_ENDPOINT, IDENTITY_HEADER), that of the virtual machine (its metadata
/// service). Secrets and tokens are in no message.
/// @thread shard; one object serves all shards. @spec RFC 6749 §4.4, RFC 7523 §2.2
#pragma once

#include "host/remote/environment.hpp"
#include "host/remote/kept_token.hpp"
#include "host/remote/service_client.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::remote {

struct ServicePrincipal {
  std::string tenant_id{};
  std::string client_id{};
  std::string client_secret{};
  ServiceUrl authority{};  ///< where tokens are had
};

class AzureIdentity {
 public:
  /// @param principal  absent: what the surroundings have
  /// @param scope      what the token is for: "https://vault.azure.net/.default"
  /// @param client     outlives this object
  AzureIdentity(
      std::optional<ServicePrincipal> principal,
      std::string scope,
      ServiceClient& client,
      Environment environment = {}
  )
      : principal_(std::move(principal)),
        scope_(std::move(scope)),
        client_(client),
        environment_(std::move(environment)) {}

  /// A token that is good now.
  /// @return errors: Unauthenticated (nothing to prove who we are with, or it was refused),
  ///         ServiceClient::send()'s
  [[nodiscard]] Result<std::shared_ptr<const std::string>> token(Caller caller);
  /// The token was refused: the next one is fetched anew.
  void forget(Caller caller) { kept_.forget(caller.shard); }

 private:
  using Kept = KeptToken<std::string>;

  [[nodiscard]] Result<Kept::Fetched> fetch(Caller caller);
  [[nodiscard]] Result<Kept::Fetched> fetch_from_surroundings(Caller caller);
  [[nodiscard]] Result<Kept::Fetched> by_secret(Caller caller, const ServicePrincipal& principal);
  [[nodiscard]] Result<Kept::Fetched> by_assertion(
      Caller caller, const ServicePrincipal& principal, std::string_view assertion
  );
  [[nodiscard]] Result<Kept::Fetched> by_managed_identity(
      Caller caller, const ServiceUrl& endpoint, const ServiceLimits& limits
  );
  [[nodiscard]] Result<Kept::Fetched> ask(
      Caller caller, ServiceRequest request, const ServiceLimits& limits
  );
  [[nodiscard]] Result<ServiceUrl> authority() const;

  std::optional<ServicePrincipal> principal_;
  std::string scope_;
  ServiceClient& client_;
  Environment environment_;
  Kept kept_;
};

/// The place of tokens of one of Azure's clouds: "AzurePublicCloud", "AzureChina", "AzureGermany",
/// "AzureGovernment", or a URL.
/// @return errors: InvalidInput, in Spin's words
[[nodiscard]] Result<ServiceUrl> azure_authority(std::string_view name);

}  // namespace whorl::host::remote
