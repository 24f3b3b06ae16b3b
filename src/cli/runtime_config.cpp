#include "cli/runtime_config.hpp"

#include "fs/file.hpp"
#include "manifest/document.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace whorl::cli {
namespace {

using manifest::Entry;
using manifest::Node;

/// Spin's keys that have no effect here yet.
constexpr std::array<std::string_view, 10> kUnsupported{
    "key_value_store",
    "sqlite_database",
    "llm_compute",
    "outbound_networking",
    "client_tls",
    "outbound_http",
    "outbound_redis",
    "outbound_pg",
    "outbound_mysql",
    "outbound_mqtt"
};

constexpr std::array<std::string_view, 4> kProviderTypes{
    "vault", "azure_key_vault", "static", "env"
};

Result<std::string> read_text(const std::string& path) {
  auto bytes = fs::read_file(path, manifest::kMaxManifestBytes);
  if (bytes) {
    return std::string(as_text(*bytes));
  }
  const Error& why = bytes.error();
  return Error(why.kind(), why.message(), why.where());
}

Error wrong_type(std::string_view key, std::string_view expected) {
  return fail(ErrorKind::InvalidInput, "invalid type for `{}`: expected {}", key, expected);
}

Result<std::string> read_string(const Entry& entry) {
  return entry.value.is(Node::Kind::String) ? Result<std::string>(entry.value.text)
                                            : wrong_type(entry.name, "a string");
}

Result<host::variables::StaticProvider::Values> read_values(const Entry& entry) {
  if (!entry.value.is(Node::Kind::Table)) {
    return wrong_type(entry.name, "a map");
  }
  host::variables::StaticProvider::Values out;
  for (const Entry& value : entry.value.entries) {
    WHORL_TRY(out[value.name], read_string(value));
  }
  return out;
}

Result<host::variables::VaultSettings> read_vault(const Node& table) {
  host::variables::VaultSettings out;
  const auto read = [&](std::string_view key, std::string& to) -> Result<void> {
    if (const Entry* entry = table.find(key)) {
      WHORL_TRY(to, read_string(*entry));
    }
    return {};
  };
  WHORL_CHECKED(read("url", out.url));
  WHORL_CHECKED(read("token", out.token));
  WHORL_CHECKED(read("mount", out.mount));
  WHORL_CHECKED(read("prefix", out.prefix));
  for (const std::string_view key : {"url", "token", "mount"}) {
    if (table.find(key) == nullptr) {
      return fail(ErrorKind::InvalidInput, "missing field `{}`", key);
    }
  }
  return out;
}

Result<VariablesProviderConfig> read_provider(const Node& table) {
  const Entry* type = table.find("type");
  if (type == nullptr) {
    return fail(ErrorKind::InvalidInput, "missing field `type`");
  }
  WHORL_TRY(const std::string name, read_string(*type));
  if (std::ranges::find(kProviderTypes, name) == kProviderTypes.end()) {
    return fail(
        ErrorKind::InvalidInput,
        "unknown variant `{}`, expected one of `vault`, `azure_key_vault`, `static`, `env`",
        name
    );
  }
  VariablesProviderConfig out;
  if (name == "env") {
    out.kind = VariablesProviderConfig::Kind::Environment;
    out.prefix = host::variables::EnvironmentProvider::kDefaultPrefix;
  } else if (name == "vault") {
    out.kind = VariablesProviderConfig::Kind::Vault;
    WHORL_TRY(out.vault, read_vault(table));
  } else if (name != "static") {
    return fail(
        ErrorKind::Unsupported,
        "the variables provider `{}` is known from Spin but not supported yet",
        name
    );
  }
  for (const Entry& entry : table.entries) {
    if (name == "static" && entry.name == "values") {
      WHORL_TRY(out.values, read_values(entry));
    } else if (name == "env" && entry.name == "prefix") {
      WHORL_TRY(out.prefix, read_string(entry));
    } else if (name == "env" && entry.name == "dotenv_path") {
      WHORL_TRY(out.dotenv_path, read_string(entry));
    }
  }
  return out;
}

Result<void> read_providers(const Entry& entry, RuntimeConfig& out) {
  if (!entry.value.is(Node::Kind::Array)) {
    return wrong_type(entry.name, "a sequence");
  }
  for (const Node& table : entry.value.items) {
    WHORL_TRY(VariablesProviderConfig provider, read_provider(table));
    out.providers.push_back(std::move(provider));
  }
  return {};
}

/// @return whether the key is one of ours
Result<bool> read_key(const Node& root, const Entry& entry, RuntimeConfig& out) {
  if (entry.name == "state_dir") {
    WHORL_TRY(out.state_dir, read_string(entry));
  } else if (entry.name == "log_dir") {
    WHORL_TRY(out.log_dir, read_string(entry));
  } else if (entry.name == "max_instance_memory") {
    if (!entry.value.is(Node::Kind::Integer) || entry.value.integer < 0) {
      return wrong_type(entry.name, "a number of bytes");
    }
    out.max_instance_memory = static_cast<std::uint64_t>(entry.value.integer);
  } else if (entry.name == "variables_provider") {
    WHORL_CHECKED(read_providers(entry, out));
  } else if (entry.name == "config_provider") {
    // The older name counts only where the newer one is absent.
    if (root.find("variables_provider") == nullptr) {
      WHORL_CHECKED(read_providers(entry, out));
    }
  } else {
    return false;
  }
  return true;
}

Result<Node> parse_toml(std::string_view text, const std::string& path) {
  auto parsed = manifest::parse_document(text, path);
  if (!parsed) {
    // The rendered message shows the line, which may hold a secret.
    return fail(ErrorKind::InvalidInput, "the file is not valid TOML")
        .context(fmt::format("failed to parse runtime config file '{}' as toml", path));
  }
  return parsed;
}

}  // namespace

Result<RuntimeConfig> parse_runtime_config(std::string_view text, const std::string& path) {
  WHORL_TRY(const Node root, parse_toml(text, path));
  RuntimeConfig out;
  std::string unknown;
  for (const Entry& entry : root.entries) {
    WHORL_TRY(const bool is_known, read_key(root, entry, out));
    if (is_known) {
      continue;
    }
    if (std::ranges::find(kUnsupported, entry.name) != kUnsupported.end()) {
      return fail(
          ErrorKind::Unsupported,
          "the runtime config key `{}` is known from Spin but not supported yet",
          entry.name
      );
    }
    unknown += (unknown.empty() ? "" : ", ") + entry.name;
  }
  if (!unknown.empty()) {
    return fail(ErrorKind::InvalidInput, "unused runtime config key(s): {}", unknown);
  }
  return out;
}

Result<RuntimeConfig> read_runtime_config(const std::string& path) {
  WHORL_TRY(
      const std::string text,
      read_text(path).context("failed to read runtime config file '{}'", path)
  );
  return parse_runtime_config(text, path);
}

Result<CacheConfig> read_cache_config(const std::string& path) {
  WHORL_TRY(
      const std::string text,
      read_text(path).context("failed to read the cache configuration {}", fs::quote_path(path))
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
