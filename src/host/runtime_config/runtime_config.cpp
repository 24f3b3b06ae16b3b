#include "host/runtime_config/runtime_config.hpp"

#include "fs/file.hpp"
#include "host/runtime_config/table_reader.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <limits>
#include <span>
#include <utility>

namespace whorl::host::runtime_config {
namespace {

using manifest::Entry;
using manifest::Node;

/// Keys of `[component_limits.<id>]`, and of `[limits]` beside those that follow.
constexpr std::array<std::string_view, 4> kRequestLimits{
    "max_request_cpu", "max_response_delay", "max_component_instances", "max_queued_requests"
};
constexpr std::array<std::string_view, 11> kServerLimits{
    "max_request_body",
    "max_connections",
    "max_client_connections",
    "header_timeout",
    "idle_timeout",
    "body_timeout",
    "write_timeout",
    "min_body_rate",
    "min_write_rate",
    "rate_grace",
    "drain_timeout",
};

/// Collects a config from the tables of a document.
class Reading {
 public:
  explicit Reading(std::string_view file_name) : folder_(fs::parent(file_name)) {}

  Result<RuntimeConfig> read(const Node& root) {
    TableReader top(root, "");
    config_.state_dir = top.text("state_dir");
    config_.log_dir = top.text("log_dir");
    config_.max_instance_memory = top.number("max_instance_memory");
    WHORL_CHECKED(each_named(top, "key_value_store", [&](auto& table, const auto& label) {
      return key_value_store(table, label);
    }));
    WHORL_CHECKED(each_named(top, "sqlite_database", [&](auto& table, const auto& label) {
      return sqlite_database(table, label);
    }));
    WHORL_CHECKED(llm_compute(top));
    const Node* providers = top.node("variables_provider");
    const Node* old_providers = top.node("config_provider");
    WHORL_CHECKED(each_listed(
        providers != nullptr ? providers : old_providers,
        providers != nullptr ? "variables_provider" : "config_provider",
        [&](auto& table) { return variables_provider(table); }
    ));
    WHORL_CHECKED(outbound(top));
    WHORL_CHECKED(limits(top));
    WHORL_CHECKED(each_listed(top.node("client_tls"), "client_tls", [&](auto& table) {
      return client_tls(table);
    }));
    if (const auto unread = top.unread(); !unread.empty()) {
      std::vector<std::string> shown;
      for (const std::string& name : unread) {
        shown.push_back(manifest::printable(name));
      }
      Error error =
          fail(ErrorKind::InvalidInput, "unused runtime config key(s): {}", fmt::join(shown, ", "));
      if (const std::string advice = top.advice_for(unread.front()); !advice.empty()) {
        error.set_help(fmt::format("`{}`{}", shown.front(), advice));
      }
      return error;
    }
    WHORL_CHECKED(top.finish());
    config_.summary = fmt::format("{}", fmt::join(noted_, ", "));
    return std::move(config_);
  }

 private:
  template <class F>
  Result<> each_named(TableReader& top, std::string_view name, F read_one) {
    const Node* tables = top.node(name);
    if (tables == nullptr) {
      return {};
    }
    TableReader check(*tables, std::string(name));
    WHORL_CHECKED(check.finish());
    for (const Entry& entry : tables->entries) {
      TableReader table(entry.value, fmt::format("{}.{}", name, entry.name));
      WHORL_CHECKED(table.finish());
      WHORL_CHECKED(read_one(table, entry.name));
    }
    return {};
  }

  template <class F>
  Result<> each_listed(const Node* list, std::string_view name, F read_one) {
    if (list == nullptr) {
      return {};
    }
    if (!list->is(Node::Kind::Array)) {
      return fail(ErrorKind::InvalidInput, "invalid type for `{}`: expected a sequence", name)
          .with_help(fmt::format("write [[{}]]", name));
    }
    for (const Node& item : list->items) {
      TableReader table(item, std::string(name));
      WHORL_CHECKED(table.finish());
      WHORL_CHECKED(read_one(table));
    }
    return {};
  }

  void note(std::string text) { noted_.push_back(std::move(text)); }
  [[nodiscard]] std::string beside_config(const std::string& path) const {
    return fs::join(folder_, path);
  }

  Result<> key_value_store(TableReader& table, const std::string& label) {
    const std::string type = table.required("type");
    WHORL_CHECKED(table.finish());
    auto& store = config_.key_value_stores[label];
    if (type == "spin") {
      const auto path = table.text("path");
      store = LocalFile{.path = path ? beside_config(*path) : std::string()};
    } else if (type == "redis") {
      store = RedisStore{table.required("url")};
    } else if (type == "azure_cosmos") {
      store = CosmosStore{
          .key = table.text("key"),
          .account = table.required("account"),
          .database = table.required("database"),
          .container = table.required("container"),
      };
    } else if (type == "aws_dynamo") {
      store = DynamoStore{
          .access_key = table.text("access_key"),
          .secret_key = table.text("secret_key"),
          .token = table.text("token"),
          .region = table.required("region"),
          .table = table.required("table"),
          .consistent_read = table.boolean("consistent_read").value_or(false),
      };
    } else {
      return fail(
                 ErrorKind::InvalidInput,
                 "the store type '{}' was not registered with the config resolver",
                 manifest::printable(type)
      )
          .context(fmt::format("could not configure key-value store with label '{}'", label))
          .with_help("the types are spin, redis, azure_cosmos and aws_dynamo");
    }
    table.warn_of_unread(config_.warnings);
    note(fmt::format("[key_value_store.{}: {}]", label, type));
    return table.finish().context("could not configure key-value store with label '{}'", label);
  }

  Result<> sqlite_database(TableReader& table, const std::string& label) {
    const std::string type = table.required("type");
    WHORL_CHECKED(table.finish());
    auto& database = config_.sqlite_databases[label];
    if (type == "spin") {
      database = LocalFile{
          .path = table.text("path").value_or(""),
          .may_attach_files = table.boolean("allow_attach_file").value_or(false),
      };
    } else if (type == "libsql") {
      LibsqlDatabase remote{.url = table.required("url"), .token = table.required("token")};
      WHORL_CHECKED(table.finish());
      if (!remote.url.starts_with("http://") && !remote.url.starts_with("https://")) {
        table.fail_with("`url` must begin with http:// or https://");
      }
      database = std::move(remote);
    } else {
      return fail(ErrorKind::InvalidInput, "Unknown database kind: {}", manifest::printable(type))
          .with_help("the kinds are spin and libsql");
    }
    table.refuse_unread();
    note(fmt::format("[sqlite_database.{}: {}]", label, type));
    return table.finish();
  }

  Result<> llm_compute(TableReader& top) {
    const Node* node = top.node("llm_compute");
    if (node == nullptr) {
      return {};
    }
    TableReader table(*node, "llm_compute");
    const std::string type = table.required("type");
    WHORL_CHECKED(table.finish());
    if (type == "spin") {
      config_.llm_compute = LocalLlm{};
    } else if (type == "remote_http") {
      RemoteLlm remote{.url = table.required("url"), .auth_token = table.required("auth_token")};
      const std::string api = table.text("api_type").value_or("default");
      if (api != "default" && api != "open_ai") {
        table.fail_with(fmt::format(
            "unknown variant `{}`, expected `open_ai` or `default`", manifest::printable(api)
        ));
      }
      remote.is_open_ai = api == "open_ai";
      remote.timeout = table.text("timeout");
      config_.llm_compute = std::move(remote);
    } else {
      table.fail_with(fmt::format(
          "unknown variant `{}`, expected `spin` or `remote_http`", manifest::printable(type)
      ));
    }
    table.refuse_unread();
    note(fmt::format("[llm_compute: {}]", type));
    return table.finish();
  }

  Result<> variables_provider(TableReader& table) {
    const std::string type = table.required("type");
    WHORL_CHECKED(table.finish());
    if (type == "static") {
      config_.variables_providers.emplace_back(StaticVariables{table.text_table("values")});
    } else if (type == "env") {
      config_.variables_providers.emplace_back(
          EnvironmentVariables{table.text("prefix"), table.text("dotenv_path")}
      );
    } else if (type == "vault") {
      config_.variables_providers.emplace_back(VaultVariables{
          table.required("url"),
          table.required("token"),
          table.required("mount"),
          table.text("prefix"),
      });
    } else if (type == "azure_key_vault") {
      config_.variables_providers.emplace_back(AzureVariables{
          table.required("vault_url"),
          table.text("client_id"),
          table.text("client_secret"),
          table.text("tenant_id"),
          table.text("authority_host"),
      });
    } else {
      table.fail_with(fmt::format(
          "unknown variant `{}`, expected one of `azure_key_vault`, `env`, `static`, `vault`",
          manifest::printable(type)
      ));
    }
    if (type == "static") {
      table.warn_of_unread(config_.warnings);
    } else {
      table.refuse_unread();
    }
    return table.finish();
  }

  Result<> outbound(TableReader& top) {
    OutboundLimits& limits = config_.max_connections;
    if (const Node* node = top.node("outbound_networking")) {
      TableReader table(*node, "outbound_networking");
      block(table);
      limits.sockets = noted_limit(table, "outbound_networking", "max_socket_connections");
      limits.total = noted_limit(table, "outbound_networking", "max_total_connections");
      table.refuse_unread();
      WHORL_CHECKED(table.finish());
    }
    if (const Node* node = top.node("outbound_http")) {
      TableReader table(*node, "outbound_http");
      // Spin's default is true without the table, and false with it.
      config_.http_connection_pooling = table.boolean("connection_pooling").value_or(false);
      limits.http = noted_limit(table, "outbound_http", "max_connections");
      read_concurrent_requests(table, limits.http);
      table.refuse_unread();
      WHORL_CHECKED(table.finish());
    }
    for (auto [name, limit] : {
             std::pair{"outbound_redis", &limits.redis},
             std::pair{"outbound_pg", &limits.pg},
             std::pair{"outbound_mysql", &limits.mysql},
             std::pair{"outbound_mqtt", &limits.mqtt},
         }) {
      if (const Node* node = top.node(name)) {
        TableReader table(*node, name);
        *limit = noted_limit(table, name, "max_connections");
        if (limit == &limits.mqtt) {
          config_.mqtt_max_payload_bytes = table.number("max_payload_size_bytes");
        }
        table.refuse_unread();
        WHORL_CHECKED(table.finish());
      }
    }
    warn_of_wide_limits(limits);
    return {};
  }

  Result<> limits(TableReader& top) {
    if (const Node* node = top.node("limits")) {
      TableReader table(*node, "limits");
      read_limits(table, kRequestLimits, config_.limits);
      read_limits(table, kServerLimits, config_.limits);
      table.refuse_unread();
      WHORL_CHECKED(table.finish());
    }
    return each_named(top, "component_limits", [&](TableReader& table, const std::string& id) {
      LimitTable& limits = config_.component_limits[id];
      constexpr std::array<std::string_view, 1> kMemory{"max_instance_memory"};
      read_limits(table, kRequestLimits, limits);
      read_limits(table, kMemory, limits);
      table.refuse_unread();
      return table.finish();
    });
  }

  void read_limits(TableReader& table, std::span<const std::string_view> names, LimitTable& out) {
    for (const std::string_view name : names) {
      const Node* node = table.node(name);
      if (node == nullptr) {
        continue;
      }
      if (!node->is(Node::Kind::String) && !node->is(Node::Kind::Integer)) {
        table.fail_with(fmt::format("invalid type for `{}`: expected a string or a number", name));
        continue;
      }
      std::string value =
          node->is(Node::Kind::String) ? node->text : fmt::format("{}", node->integer);
      note(fmt::format("[{}: {}={}]", table.path(), name, manifest::printable(value)));
      out.insert_or_assign(std::string(name), std::move(value));
    }
  }

  void block(TableReader& table) {
    for (const std::string& text : table.texts("block_networks")) {
      if (text == "private") {
        config_.blocked_networks.block_private();
      } else if (const auto network = net::IpNetwork::parse(text)) {
        config_.blocked_networks.add(*network);
      } else {
        table.fail_with(fmt::format(
            "invalid value: string \"{}\", expected an IP network in CIDR notation or the keyword "
            "'private'",
            manifest::printable(text)
        ));
      }
    }
  }

  std::optional<std::uint64_t> noted_limit(
      TableReader& table, std::string_view kind, std::string_view name
  ) {
    const auto limit = table.number(name);
    if (limit) {
      note(fmt::format("[{}: {}={}]", kind, name, *limit));
    }
    return limit;
  }

  void read_concurrent_requests(TableReader& table, std::optional<std::uint64_t>& http) {
    const auto requests = table.number("max_concurrent_requests");
    if (!requests) {
      return;
    }
    if (http) {
      table.fail_with("cannot set both `max_connections` and `max_concurrent_requests`");
      return;
    }
    config_.warnings.emplace_back(
        "`max_concurrent_requests` in `[outbound_http]` is deprecated; use `max_connections` "
        "instead (note: `max_connections = 0` blocks all connections, whereas "
        "`max_concurrent_requests = 0` allowed 1 connection)"
    );
    note(fmt::format(
        "[outbound_http: max_concurrent_requests={} (deprecated, use max_connections)]", *requests
    ));
    http = *requests + (*requests < std::numeric_limits<std::int64_t>::max() ? 1 : 0);
  }

  void warn_of_wide_limits(const OutboundLimits& limits) {
    if (!limits.total) {
      return;
    }
    for (const auto& [name, limit] : {
             std::pair{"outbound_http", limits.http},
             std::pair{"outbound_redis", limits.redis},
             std::pair{"outbound_pg", limits.pg},
             std::pair{"outbound_mysql", limits.mysql},
             std::pair{"outbound_mqtt", limits.mqtt},
         }) {
      if (limit && *limit > *limits.total) {
        config_.warnings.push_back(fmt::format(
            "`max_connections = {}` in `[{}]` is more than `max_total_connections = {}` in "
            "`[outbound_networking]`, which counts",
            *limit,
            name,
            *limits.total
        ));
      }
    }
  }

  Result<> client_tls(TableReader& table) {
    ClientTls tls;
    for (const auto& [name, list] :
         {std::pair("component_ids", &tls.component_ids), std::pair("hosts", &tls.hosts)}) {
      if (table.node(name) == nullptr) {
        table.fail_with(fmt::format("missing field `{}`", name));
      }
      *list = table.texts(name);
    }
    const auto platform = table.boolean("ca_use_platform_roots");
    const auto webpki = table.boolean("ca_use_webpki_roots");
    tls.roots_file = table.text("ca_roots_file");
    tls.certificate_file = table.text("client_cert_file");
    tls.private_key_file = table.text("client_private_key_file");
    table.refuse_unread();
    if (tls.component_ids.empty()) {
      table.fail_with("`component_ids` list may not be empty");
    }
    if (tls.hosts.empty()) {
      table.fail_with("`hosts` list may not be empty");
    }
    for (const std::string& host : tls.hosts) {
      if (host.find(':') != std::string::npos) {
        table.fail_with(
            fmt::format("ports not currently supported in hosts: \"{}\"", manifest::printable(host))
        );
      }
    }
    if (tls.certificate_file.has_value() != tls.private_key_file.has_value()) {
      table.fail_with("`client_cert_file` and `client_private_key_file` go together");
    }
    // One flag alone switches the other off; without flags a file of roots stands alone.
    tls.use_platform_roots = platform.value_or(!webpki.has_value() && !tls.roots_file.has_value());
    tls.use_webpki_roots = webpki.value_or(false);
    if (!tls.use_platform_roots && !tls.use_webpki_roots && !tls.roots_file) {
      table.fail_with("no root certificates: no server could be trusted");
    }
    for (auto* file : {&tls.roots_file, &tls.certificate_file, &tls.private_key_file}) {
      if (*file) {
        **file = beside_config(**file);
      }
    }
    WHORL_CHECKED(table.finish());
    config_.client_tls.push_back(std::move(tls));
    return {};
  }

  std::string folder_;
  RuntimeConfig config_;
  std::vector<std::string> noted_;
};

}  // namespace

Result<RuntimeConfig> parse(std::string_view text, const std::string& file_name) {
  auto document = manifest::parse_document(text, file_name);
  if (!document) {
    // Below the place, the message shows the line, which may hold a secret.
    const std::string& message = document.error().message();
    return fail(ErrorKind::InvalidInput, "{}", message.substr(0, message.find('\n')))
        .context(fmt::format("failed to parse runtime config file '{}' as toml", file_name));
  }
  return Reading(file_name).read(*document);
}

Result<RuntimeConfig> load(const std::string& path) {
  auto bytes = fs::read_file(path, kMaxBytes);
  if (!bytes) {
    const Error why = bytes.take_error();
    return Error(why.kind(), why.message())
        .context(fmt::format("failed to read runtime config file '{}'", path));
  }
  return parse(as_text(*bytes), path);
}

}  // namespace whorl::host::runtime_config
