/// RuntimeConfig: what an operator says in runtime-config.toml, read and checked.
///
/// Every table and key of Spin's is known. A key that Spin refuses is refused, with the nearest
/// known one as advice; one that Spin ignores is a warning. What Whorl has no backend for yet is
/// read all the same: it is refused by unsupported() when the application needs it.
/// Values may be secrets: nothing here has a text form but summary(). @thread any (a value)
#pragma once

#include "base/result.hpp"
#include "net/ip_network.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace whorl::host::runtime_config {

/// A file beside the application; "" for memory. Relative paths have been resolved, of key-value
/// stores against the config file, of databases against the working folder.
struct LocalFile {
  std::string path;
  bool may_attach_files = false;  ///< of a database: whether guests may attach other files
};
struct RedisStore {
  std::string url;
};
struct CosmosStore {
  std::optional<std::string> key;  ///< absent: the identity of the surroundings
  std::string account;
  std::string database;
  std::string container;
};
struct DynamoStore {
  std::optional<std::string> access_key;  ///< absent, like the next: from the surroundings
  std::optional<std::string> secret_key;
  std::optional<std::string> token;
  std::string region;
  std::string table;
  bool consistent_read = false;
};
using KeyValueStore = std::variant<LocalFile, RedisStore, CosmosStore, DynamoStore>;

struct LibsqlDatabase {
  std::string url;  ///< begins with http:// or https://
  std::string token;
};
using SqliteDatabase = std::variant<LocalFile, LibsqlDatabase>;

struct RemoteLlm {
  std::string url;
  std::string auth_token;
  bool is_open_ai = false;
  std::optional<std::string> timeout{};  ///< a duration as in flags; Whorl's own
};
struct LocalLlm {};
using LlmCompute = std::variant<LocalLlm, RemoteLlm>;

struct StaticVariables {
  std::map<std::string, std::string, std::less<>> values;
};
struct EnvironmentVariables {
  std::optional<std::string> prefix;
  std::optional<std::string> dotenv_path;
};
struct VaultVariables {
  std::string url;
  std::string token;
  std::string mount;
  std::optional<std::string> prefix;
};
struct AzureVariables {
  std::string vault_url;
  std::optional<std::string> client_id;
  std::optional<std::string> client_secret;
  std::optional<std::string> tenant_id;
  std::optional<std::string> authority_host;
};
using VariablesProvider =
    std::variant<StaticVariables, EnvironmentVariables, VaultVariables, AzureVariables>;

/// Trust and identity of outgoing TLS for some components and hosts; the first that fits counts.
struct ClientTls {
  std::vector<std::string> component_ids;
  std::vector<std::string> hosts;
  bool use_platform_roots = true;
  bool use_webpki_roots = false;
  std::optional<std::string> roots_file;  ///< PEM; file names are resolved against the config file
  std::optional<std::string> certificate_file;
  std::optional<std::string> private_key_file;
};

struct OutboundLimits {
  std::optional<std::uint64_t> sockets;
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> http;
  std::optional<std::uint64_t> redis;
  std::optional<std::uint64_t> pg;
  std::optional<std::uint64_t> mysql;
  std::optional<std::uint64_t> mqtt;
};

/// Values by key, as they were written; whose flags' forms they have to have is for the reader to
/// know.
using LimitTable = std::map<std::string, std::string, std::less<>>;

struct RuntimeConfig {
  /// As the keys say; "" means none.
  std::optional<std::string> state_dir;
  std::optional<std::string> log_dir;
  std::optional<std::uint64_t> max_instance_memory;
  std::map<std::string, KeyValueStore, std::less<>> key_value_stores;   ///< by label
  std::map<std::string, SqliteDatabase, std::less<>> sqlite_databases;  ///< by label
  std::optional<LlmCompute> llm_compute;
  std::vector<VariablesProvider> variables_providers;  ///< in the order they are asked
  net::BlockedNetworks blocked_networks;
  OutboundLimits max_connections;
  bool http_connection_pooling = true;
  std::optional<std::uint64_t> mqtt_max_payload_bytes;
  std::vector<ClientTls> client_tls;
  LimitTable limits;                                                ///< Whorl's own
  std::map<std::string, LimitTable, std::less<>> component_limits;  ///< by id; Whorl's own

  /// What is to be said on stderr, each with "Warning: " in front and a line end.
  std::vector<std::string> warnings;
  /// "[key_value_store.default: redis], [outbound_http: max_connections=3]"; empty when there is
  /// nothing of note. No secret, no address.
  std::string summary;
};

/// The longest config that is read, bytes.
inline constexpr std::size_t kMaxBytes = 1024 * 1024;

/// @param text       TOML
/// @param file_name  as the operator gave it: for messages, and the base of relative paths
/// @return           errors: InvalidInput
[[nodiscard]] Result<RuntimeConfig> parse(std::string_view text, const std::string& file_name);

/// Reads and parses a file. Blocks. @return errors: Spin's when it cannot be read; parse()'s
[[nodiscard]] Result<RuntimeConfig> load(const std::string& path);

}  // namespace whorl::host::runtime_config
