/// Values from HashiCorp Vault: its key-value store, version 2, over HTTP.
///
/// A variable is the field `value` of the secret `<prefix>/<name>`. Each is asked for once, when an
/// application is configured; reloading the application asks again. @thread main (blocks)
#pragma once

#include "host/variables/provider.hpp"

#include <string>
#include <string_view>

namespace whorl::host::variables {

struct VaultSettings {
  std::string url{};     ///< "http://host:port"
  std::string token{};   ///< sent to that host only; in no message
  std::string mount{};   ///< of the store, "secret"
  std::string prefix{};  ///< empty: none
};

class VaultProvider final : public Provider {
 public:
  explicit VaultProvider(VaultSettings settings) : settings_(std::move(settings)) {}

  /// Nothing when Vault has no such secret. What else goes wrong is logged; guests learn only that
  /// something did.
  [[nodiscard]] Result<std::optional<std::string>> find(std::string_view name) const override;
  [[nodiscard]] bool is_remote() const noexcept override { return true; }

 private:
  VaultSettings settings_;
};

/// The value in an answer of Vault's.
/// @return errors: InvalidInput when it has another shape; nothing of the answer is in the message
[[nodiscard]] Result<std::string> parse_vault_answer(std::string_view json);

}  // namespace whorl::host::variables
