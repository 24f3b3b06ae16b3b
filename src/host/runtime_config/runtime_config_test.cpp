#include "host/runtime_config/runtime_config.hpp"

#include <doctest/doctest.h>

namespace whorl::host::runtime_config {
namespace {

RuntimeConfig read(std::string_view text) {
  auto config = parse(text, "conf/rc.toml");
  REQUIRE_MESSAGE(config, (config ? "" : config.error().to_line()));
  return *std::move(config);
}

TEST_CASE("everything") {
  const RuntimeConfig config = read(R"(
state_dir = "s"
log_dir = ""
max_instance_memory = 1000
[key_value_store.default]
type = "spin"
path = "kv.db"
[key_value_store.memory]
type = "spin"
[key_value_store.redis]
type = "redis"
url = "redis://h"
[key_value_store.azure]
type = "azure_cosmos"
account = "a"
database = "d"
container = "c"
[key_value_store.aws]
type = "aws_dynamo"
region = "r"
table = "t"
consistent_read = true
[sqlite_database.default]
type = "spin"
path = "db"
allow_attach_file = true
[sqlite_database.remote]
type = "libsql"
url = "https://h"
token = "secret"
[llm_compute]
type = "remote_http"
url = "http://h"
auth_token = "secret"
api_type = "open_ai"
timeout = "9s"
[[variables_provider]]
type = "static"
values = { a = "1" }
[[variables_provider]]
type = "env"
prefix = "P"
dotenv_path = ".env"
[[variables_provider]]
type = "vault"
url = "u"
token = "secret"
mount = "m"
[[variables_provider]]
type = "azure_key_vault"
vault_url = "u"
[outbound_networking]
block_networks = ["private", "8.8.8.8/16"]
max_socket_connections = 5
max_total_connections = 9
[outbound_http]
max_connections = 3
[outbound_redis]
max_connections = 4
[outbound_mqtt]
max_payload_size_bytes = 10
[[client_tls]]
component_ids = ["c"]
hosts = ["h"]
ca_roots_file = "ca.pem"
)");
  CHECK(config.state_dir == "s");
  CHECK(config.log_dir == "");
  CHECK(config.max_instance_memory == 1000);
  CHECK(std::get<LocalFile>(config.key_value_stores.at("default")).path == "conf/kv.db");
  CHECK(std::get<LocalFile>(config.key_value_stores.at("memory")).path.empty());
  CHECK(std::get<RedisStore>(config.key_value_stores.at("redis")).url == "redis://h");
  CHECK(std::get<CosmosStore>(config.key_value_stores.at("azure")).key == std::nullopt);
  CHECK(std::get<DynamoStore>(config.key_value_stores.at("aws")).consistent_read);
  const auto& database = std::get<LocalFile>(config.sqlite_databases.at("default"));
  CHECK(database.path == "db");  // of the working folder
  CHECK(database.may_attach_files);
  CHECK(std::get<LibsqlDatabase>(config.sqlite_databases.at("remote")).token == "secret");
  CHECK(std::get<RemoteLlm>(*config.llm_compute).is_open_ai);
  CHECK(std::get<RemoteLlm>(*config.llm_compute).timeout == "9s");
  REQUIRE(config.variables_providers.size() == 4);
  CHECK(std::get<StaticVariables>(config.variables_providers[0]).values.at("a") == "1");
  CHECK(std::get<EnvironmentVariables>(config.variables_providers[1]).prefix == "P");
  CHECK(std::get<VaultVariables>(config.variables_providers[2]).mount == "m");
  CHECK(std::get<AzureVariables>(config.variables_providers[3]).client_id == std::nullopt);
  const auto address = net::SocketAddress::from_ip("8.8.1.1", 1);
  CHECK(config.blocked_networks.blocks(*address));
  CHECK_FALSE(config.blocked_networks.blocks(*net::SocketAddress::from_ip("9.9.9.9", 1)));
  CHECK(config.blocked_networks.blocks(*net::SocketAddress::from_ip("10.0.0.1", 1)));
  CHECK(config.max_connections.sockets == 5);
  CHECK(config.max_connections.http == 3);
  CHECK_FALSE(config.http_connection_pooling);
  CHECK(config.mqtt_max_payload_bytes == 10);
  REQUIRE(config.client_tls.size() == 1);
  CHECK(config.client_tls[0].roots_file == "conf/ca.pem");
  CHECK_FALSE(config.client_tls[0].use_platform_roots);
  CHECK(config.warnings.empty());
  CHECK(
      config.summary ==
      "[key_value_store.default: spin], [key_value_store.memory: spin], "
      "[key_value_store.redis: redis], [key_value_store.azure: azure_cosmos], "
      "[key_value_store.aws: aws_dynamo], [sqlite_database.default: spin], "
      "[sqlite_database.remote: libsql], [llm_compute: remote_http], "
      "[outbound_networking: max_socket_connections=5], "
      "[outbound_networking: max_total_connections=9], [outbound_http: max_connections=3], "
      "[outbound_redis: max_connections=4]"
  );
}

TEST_CASE("nothing, and what is assumed then") {
  const RuntimeConfig config = read("");
  CHECK(config.http_connection_pooling);
  CHECK(config.blocked_networks.empty());
  CHECK(config.summary.empty());
  CHECK_FALSE(config.state_dir);
}

TEST_CASE("warnings") {
  const RuntimeConfig config = read(R"(
[key_value_store.default]
type = "spin"
pth = "x"
[[config_provider]]
type = "static"
other = 1
[outbound_http]
max_concurrent_requests = 3
connection_pooling = true
[outbound_pg]
max_connections = 100
[outbound_networking]
max_total_connections = 10
)");
  CHECK(config.max_connections.http == 4);
  CHECK(config.http_connection_pooling);
  CHECK(
      config.warnings ==
      std::vector<std::string>{
          "`pth` in `[key_value_store.default]` is not known and has no effect (did you mean "
          "`path`?)",
          "`other` in `[config_provider]` is not known and has no effect",
          "`max_concurrent_requests` in `[outbound_http]` is deprecated; use `max_connections` "
          "instead (note: `max_connections = 0` blocks all connections, whereas "
          "`max_concurrent_requests = 0` allowed 1 connection)",
          "`max_connections = 100` in `[outbound_pg]` is more than `max_total_connections = 10` in "
          "`[outbound_networking]`, which counts",
      }
  );
  CHECK(
      config.summary ==
      "[key_value_store.default: spin], [outbound_networking: max_total_connections=10], "
      "[outbound_http: max_concurrent_requests=3 (deprecated, use max_connections)], "
      "[outbound_pg: max_connections=100]"
  );
}

TEST_CASE("errors") {
  struct Case {
    const char* text;
    const char* line;  ///< contexts and message
  };
  const Case cases[] = {
      {"nosuch = 1", "unused runtime config key(s): nosuch"},
      {"a = 1\nb = 2", "unused runtime config key(s): a, b"},
      {"state_dir = 1", "invalid type for `state_dir`: integer, expected a string"},
      {"max_instance_memory = -1",
       "invalid value for `max_instance_memory`: integer `-1`, expected one that is not negative"},
      {"[key_value_store.x]\ntype = \"nope\"",
       "could not configure key-value store with label 'x': the store type 'nope' was not "
       "registered with the config resolver"},
      {"[key_value_store.x]\ntype = \"redis\"",
       "could not configure key-value store with label 'x': in [key_value_store.x]: missing field "
       "`url`"},
      {"[key_value_store.x]\npath = \"p\"", "in [key_value_store.x]: missing field `type`"},
      {"key_value_store = 1", "in [key_value_store]: invalid type: integer, expected a table"},
      {"[key_value_store]\nx = 1", "in [key_value_store.x]: invalid type: integer, expected a table"
      },
      {"[sqlite_database.x]\ntype = \"nope\"", "Unknown database kind: nope"},
      {"[sqlite_database.x]\ntype = \"spin\"\npat = \"x\"",
       "in [sqlite_database.x]: unknown field `pat`, expected one of `type`, `path`, "
       "`allow_attach_file` (did you mean `path`?)"},
      {"[sqlite_database.x]\ntype = \"libsql\"\nurl = \"ftp://x\"\ntoken = \"t\"",
       "in [sqlite_database.x]: `url` must begin with http:// or https://"},
      {"[llm_compute]\ntype = \"nope\"",
       "in [llm_compute]: unknown variant `nope`, expected `spin` or `remote_http`"},
      {"[[variables_provider]]\ntype = \"env\"\nprefx = 1",
       "in [variables_provider]: unknown field `prefx`, expected one of `type`, `prefix`, "
       "`dotenv_path`"
       " (did you mean `prefix`?)"},
      {"[[client_tls]]\ncomponent_ids = [\"c\"]", "in [client_tls]: missing field `hosts`"},
      {"[[variables_provider]]\ntype = \"nope\"",
       "in [variables_provider]: unknown variant `nope`, expected one of `azure_key_vault`, `env`, "
       "`static`, `vault`"},
      {"[variables_provider]\ntype = \"env\"",
       "invalid type for `variables_provider`: expected a sequence"},
      {"[outbound_networking]\nblock_networks = [\"10.0.0.0/8\", \"x\"]",
       "in [outbound_networking]: invalid value: string \"x\", expected an IP network in CIDR "
       "notation or the keyword 'private'"},
      {"[outbound_http]\nmax_connections = 1\nmax_concurrent_requests = 1",
       "in [outbound_http]: cannot set both `max_connections` and `max_concurrent_requests`"},
      {"[outbound_redis]\nmax_conections = 1",
       "in [outbound_redis]: unknown field `max_conections`, expected one of `max_connections` "
       "(did you mean `max_connections`?)"},
      {"[[client_tls]]\ncomponent_ids = []\nhosts = [\"h\"]",
       "in [client_tls]: `component_ids` list may not be empty"},
      {"[[client_tls]]\ncomponent_ids = [\"c\"]\nhosts = [\"h:1\"]",
       "in [client_tls]: ports not currently supported in hosts: \"h:1\""},
      {"[[client_tls]]\ncomponent_ids = [\"c\"]\nhosts = [\"h\"]\nclient_cert_file = \"x\"",
       "in [client_tls]: `client_cert_file` and `client_private_key_file` go together"},
      {"[[client_tls]]\ncomponent_ids = [\"c\"]\nhosts = [\"h\"]\nca_use_webpki_roots = false",
       "in [client_tls]: no root certificates: no server could be trusted"},
  };
  for (const Case& item : cases) {
    CAPTURE(item.text);
    const auto config = parse(item.text, "rc.toml");
    REQUIRE_FALSE(config);
    CHECK(config.error().to_line() == item.line);
  }
  const auto broken = parse("a = = 1", "rc.toml");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().to_line().starts_with("failed to parse runtime config file 'rc.toml' as toml"
  ));
  const auto missing = load("/nonexistent/rc.toml");
  REQUIRE_FALSE(missing);
  CHECK(
      missing.error().to_line() ==
      "failed to read runtime config file '/nonexistent/rc.toml': No such file or directory (os "
      "error 2)"
  );
}

}  // namespace
}  // namespace whorl::host::runtime_config
