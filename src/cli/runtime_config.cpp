#include "cli/runtime_config.hpp"

#include "fs/file.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace whorl::cli {
namespace {

using manifest::Entry;
using manifest::Node;

namespace config = host::runtime_config;

Result<std::string> read_text(const std::string& path) {
  auto bytes = fs::read_file(path, manifest::kMaxManifestBytes);
  if (bytes) {
    return std::string(as_text(*bytes));
  }
  const Error& why = bytes.error();
  return Error(why.kind(), why.message(), why.where());
}

Result<std::string> read_string(const Entry& entry) {
  if (!entry.value.is(Node::Kind::String)) {
    return fail(ErrorKind::InvalidInput, "invalid type for `{}`: expected a string", entry.name);
  }
  return entry.value.text;
}

Result<VariablesProviderConfig> as_azure_key_vault(const config::AzureVariables& azure) {
  VariablesProviderConfig out;
  out.kind = VariablesProviderConfig::Kind::AzureKeyVault;
  auto vault = host::remote::parse_service_url(azure.vault_url);
  if (!vault) {
    return std::move(vault.take_error()).context("invalid value for `vault_url`");
  }
  out.azure.vault = *std::move(vault);
  if (!azure.client_id && !azure.client_secret && !azure.tenant_id) {
    return out;
  }
  if (!azure.client_id || !azure.client_secret || !azure.tenant_id) {
    return fail(
        ErrorKind::InvalidInput,
        "The current runtime config specifies some but not all of the Azure KeyVault 'client_id', "
        "'client_secret', and 'tenant_id' values. Provide the missing values to authenticate to "
        "Azure KeyVault with the given service principal, or remove all these values to "
        "authenticate using ambient authentication (e.g. env vars, Managed Identity, Workload "
        "Identity)."
    );
  }
  auto authority = host::remote::azure_authority(azure.authority_host.value_or("AzurePublicCloud"));
  if (!authority) {
    return std::move(authority.take_error()).context("invalid value for `authority_host`");
  }
  out.azure.principal = host::remote::ServicePrincipal{
      .tenant_id = *azure.tenant_id,
      .client_id = *azure.client_id,
      .client_secret = *azure.client_secret,
      .authority = *std::move(authority),
  };
  return out;
}

Result<VariablesProviderConfig> as_provider(const config::VariablesProvider& provider) {
  VariablesProviderConfig out;
  if (const auto* values = std::get_if<config::StaticVariables>(&provider)) {
    out.values = values->values;
    return out;
  }
  if (const auto* environment = std::get_if<config::EnvironmentVariables>(&provider)) {
    out.kind = VariablesProviderConfig::Kind::Environment;
    out.prefix = environment->prefix.value_or(
        std::string(host::variables::EnvironmentProvider::kDefaultPrefix)
    );
    out.dotenv_path = environment->dotenv_path.value_or("");
    return out;
  }
  if (const auto* vault = std::get_if<config::VaultVariables>(&provider)) {
    out.kind = VariablesProviderConfig::Kind::Vault;
    out.vault.url = vault->url;
    out.vault.token = vault->token;
    out.vault.mount = vault->mount;
    out.vault.prefix = vault->prefix.value_or("");
    return out;
  }
  return as_azure_key_vault(std::get<config::AzureVariables>(provider))
      .context("in [variables_provider]");
}

Result<RuntimeConfig> as_settings(config::RuntimeConfig all) {
  RuntimeConfig out;
  out.state_dir = all.state_dir;
  out.log_dir = all.log_dir;
  out.max_instance_memory = all.max_instance_memory;
  for (const config::VariablesProvider& provider : all.variables_providers) {
    WHORL_TRY(VariablesProviderConfig read, as_provider(provider));
    out.providers.push_back(std::move(read));
  }
  out.all = std::make_shared<const config::RuntimeConfig>(std::move(all));
  return out;
}

}  // namespace

Result<RuntimeConfig> parse_runtime_config(std::string_view text, const std::string& path) {
  WHORL_TRY(config::RuntimeConfig all, config::parse(text, path));
  return as_settings(std::move(all));
}

Result<RuntimeConfig> read_runtime_config(const std::string& path) {
  WHORL_TRY(config::RuntimeConfig all, config::load(path));
  return as_settings(std::move(all));
}

Result<CacheConfig> read_cache_config(const std::string& path) {
  WHORL_TRY(
      const std::string text, read_text(path).context("failed to read config file: {}", path)
  );
  auto root = manifest::parse_document(text, path);
  if (!root) {
    return root.take_error();
  }
  CacheConfig out;
  const Entry* cache = root->find("cache");
  const Entry* enabled = cache == nullptr ? nullptr : cache->value.find("enabled");
  const Entry* directory = cache == nullptr ? nullptr : cache->value.find("directory");
  out.is_enabled =
      enabled == nullptr || !enabled->value.is(Node::Kind::Boolean) || enabled->value.boolean;
  if (directory != nullptr) {
    WHORL_TRY(out.directory, read_string(*directory));
    if (!out.directory.starts_with('/')) {
      return fail(
          ErrorKind::InvalidInput,
          "the cache's directory must be an absolute path, in {}",
          fs::quote_path(path)
      );
    }
  }
  return out;
}

}  // namespace whorl::cli
