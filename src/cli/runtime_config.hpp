/// The operator's settings in a file: `--runtime-config-file`.
///
/// What this program cannot do yet is refused by name: a setting that silently did nothing would be
/// worse. @thread the main thread (reads files)
#pragma once

#include "base/result.hpp"
#include "host/runtime_config/runtime_config.hpp"
#include "host/variables/azure_key_vault_provider.hpp"
#include "host/variables/provider.hpp"
#include "host/variables/vault_provider.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::cli {

/// One `[[variables_provider]]`.
struct VariablesProviderConfig {
  enum class Kind : std::uint8_t { Static, Environment, Vault, AzureKeyVault };
  Kind kind = Kind::Static;
  host::variables::StaticProvider::Values values{};  ///< of Static
  std::string prefix{};                              ///< of Environment
  std::string dotenv_path{};                         ///< of Environment; empty: none
  host::variables::VaultSettings vault{};            ///< of Vault
  host::variables::AzureKeyVaultSettings azure{};    ///< of AzureKeyVault
};

struct RuntimeConfig {
  std::optional<std::string> state_dir{};  ///< empty text: none
  std::optional<std::string> log_dir{};    ///< empty text: none
  std::optional<std::uint64_t> max_instance_memory{};
  std::vector<VariablesProviderConfig> providers{};  ///< in the order they are asked
  /// All of it; never null.
  std::shared_ptr<const host::runtime_config::RuntimeConfig> all{};
};

/// @return errors in Spin's words: the file cannot be read or is no TOML, a wrong type, unknown
///         keys; Unsupported for a key that is Spin's and has no effect here yet. Values of
///         variables are in no message
[[nodiscard]] Result<RuntimeConfig> read_runtime_config(const std::string& path);
/// The same from a text.
[[nodiscard]] Result<RuntimeConfig> parse_runtime_config(
    std::string_view text, const std::string& path
);

/// What a Wasmtime cache configuration (`--cache`) says that has a meaning here.
struct CacheConfig {
  bool is_enabled = true;
  std::string directory{};  ///< absolute; empty: the default one
};
/// @return errors: the file cannot be read, is no TOML, or names a relative folder
[[nodiscard]] Result<CacheConfig> read_cache_config(const std::string& path);

}  // namespace whorl::cli
