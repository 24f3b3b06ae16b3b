/// Values from Azure Key Vault: a variable is the secret of its name, in its newest version.
///
/// Names of secrets have no `_`: the variable `db_password` is the secret `db-password`. Each is
/// asked for once, when an application is configured; reloading it asks again. @thread main
/// (blocks)
#pragma once

#include "host/remote/azure_identity.hpp"
#include "host/variables/provider.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace whorl::host::variables {

struct AzureKeyVaultSettings {
  remote::ServiceUrl vault{};
  std::optional<remote::ServicePrincipal> principal{};  ///< absent: what the surroundings have
};

class AzureKeyVaultProvider final : public Provider {
 public:
  explicit AzureKeyVaultProvider(
      AzureKeyVaultSettings settings, remote::Environment environment = {}
  );
  ~AzureKeyVaultProvider() override;

  /// Nothing when the vault has no such secret. What else goes wrong is logged; guests learn only
  /// that something did.
  [[nodiscard]] Result<std::optional<std::string>> find(std::string_view name) const override;
  [[nodiscard]] bool is_remote() const noexcept override { return true; }

 private:
  struct Asking;
  AzureKeyVaultSettings settings_;
  std::unique_ptr<Asking> asking_;
};

/// What a token for a vault is asked for: its host without the first part.
[[nodiscard]] std::string azure_vault_scope(const remote::ServiceUrl& vault);

}  // namespace whorl::host::variables
