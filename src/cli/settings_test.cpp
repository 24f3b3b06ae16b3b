#include "cli/engine_environment.hpp"
#include "cli/limit_settings.hpp"
#include "cli/runtime_config.hpp"
#include "cli/up_flags.hpp"
#include "fs/test_folder.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <initializer_list>
#include <vector>

namespace whorl::cli {
namespace {

std::string error_of(std::string_view text) {
  const auto config = parse_runtime_config(text, "rc.toml");
  return config ? std::string() : config.error().to_line();
}

TEST_CASE("runtime config") {
  const auto config = parse_runtime_config(
      "state_dir = \"s\"\nlog_dir = \"\"\nmax_instance_memory = 1000\n"
      "[[variables_provider]]\ntype = \"static\"\nvalues = { a = \"1\" }\nunknown = 1\n"
      "[[variables_provider]]\ntype = \"env\"\nprefix = \"P\"\ndotenv_path = \".x\"\n"
      "[[variables_provider]]\ntype = \"vault\"\nurl = \"http://v\"\ntoken = \"t\"\nmount = \"m\"\n"
      "[[variables_provider]]\ntype = \"env\"\n[[config_provider]]\ntype = \"env\"\n",
      "rc.toml"
  );
  REQUIRE(config);
  CHECK(config->state_dir == "s");
  CHECK(config->log_dir == "");
  CHECK(config->max_instance_memory == 1000);
  REQUIRE(config->providers.size() == 4);
  CHECK(config->providers[0].values.at("a") == "1");
  CHECK(config->providers[1].prefix == "P");
  CHECK(config->providers[1].dotenv_path == ".x");
  CHECK(config->providers[2].vault.url == "http://v");
  CHECK(config->providers[2].vault.mount == "m");
  CHECK(config->providers[3].prefix == "SPIN_VARIABLE");
  CHECK(config->providers[3].dotenv_path.empty());
  const auto older = parse_runtime_config("[[config_provider]]\ntype = \"env\"\n", "rc.toml");
  REQUIRE(older);
  CHECK(older->providers.size() == 1);
}

/// What comes of flags and a runtime config.
Result<UpRequest> request_of(
    std::initializer_list<std::string_view> flags, std::string_view runtime_config
) {
  const std::vector<std::string_view> words(flags);
  const ScannedArguments scanned = scan_arguments(words, up_flags());
  auto read = read_trigger_flags(scanned);
  REQUIRE(std::holds_alternative<TriggerFlags>(read));
  WHORL_TRY(const RuntimeConfig config, parse_runtime_config(runtime_config, "rc.toml"));
  UpRequest request = std::get<TriggerFlags>(std::move(read)).request;
  WHORL_CHECKED(apply_limit_tables(scanned, *config.all, request));
  return request;
}

TEST_CASE("limits in a runtime config count where no flag says otherwise") {
  using std::chrono::milliseconds;
  ::setenv("WHORL_IDLE_TIMEOUT", "3s", 1);
  const auto request = request_of(
      {"--max-request-cpu", "1s", "--header-timeout", "2s"},
      "max_instance_memory = 1000\n"
      "[limits]\nmax_request_cpu = \"9s\"\nmax_response_delay = \"500ms\"\n"
      "max_component_instances = 7\nmax_queued_requests = 0\nmax_request_body = 100\n"
      "max_connections = 50\nmax_client_connections = 5\nheader_timeout = 9\n"
      "idle_timeout = 9\nbody_timeout = 4\nwrite_timeout = \"5s\"\ndrain_timeout = 6\n"
      "min_body_rate = 7\nmin_write_rate = 0\nrate_grace = \"8s\"\n"
      "[component_limits.a]\nmax_request_cpu = \"100ms\"\nmax_instance_memory = 65536\n"
      "[component_limits.b-c]\nmax_component_instances = 0\n"
  );
  ::unsetenv("WHORL_IDLE_TIMEOUT");
  REQUIRE(request);
  CHECK(request->budgets.cpu == milliseconds(1000));
  CHECK(request->budgets.response_delay == milliseconds(500));
  CHECK(request->budgets.instance_memory == 1000);
  CHECK(request->budgets.component_instances == 7);
  CHECK(request->budgets.queued_requests == 0);
  const EdgeSettings& edge = request->edge;
  CHECK(edge.max_body_bytes == 100);
  CHECK(edge.max_connections == 50);
  CHECK(edge.max_client_connections == 5);
  CHECK(edge.header_timeout == milliseconds(2000));
  CHECK(edge.idle_timeout == milliseconds(3000));
  CHECK(edge.body_timeout == milliseconds(4000));
  CHECK(edge.write_timeout == milliseconds(5000));
  CHECK(edge.drain_time == milliseconds(6000));
  CHECK(edge.min_body_rate == 7);
  CHECK(edge.min_write_rate == 0);
  CHECK(edge.rate_grace == milliseconds(8000));
  REQUIRE(request->component_budgets.size() == 2);
  const RequestBudgets& a = request->component_budgets.at("a");
  CHECK(a.cpu == milliseconds(100));  // more than any flag
  CHECK(a.response_delay == milliseconds(500));
  CHECK(a.instance_memory == 65536);
  CHECK(a.component_instances == 7);
  const RequestBudgets& b = request->component_budgets.at("b-c");
  CHECK(b.cpu == milliseconds(1000));
  CHECK(b.instance_memory == 1000);
  CHECK(b.component_instances == 0);
}

TEST_CASE("limits in a runtime config that are refused") {
  struct Row {
    std::string_view text;
    std::string_view error;
  };
  constexpr std::array<Row, 5> kRows{{
      {"[limits]\nmax_request_cpu = \"soon\"",
       "in [limits]: invalid value 'soon' for '--max-request-cpu <DURATION>': "},
      {"[limits]\nheader_timeout = 0",
       "in [limits]: invalid value '0' for '--header-timeout <DURATION>': there must be a limit"},
      {"[limits]\nmax_connections = 1.5", "invalid type for `max_connections`: expected a string"},
      {"[limits]\nmax_request_cpus = 1", "max_request_cpus"},
      {"[component_limits.a]\nheader_timeout = 1", "header_timeout"},
  }};
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    const auto request = request_of({}, row.text);
    REQUIRE_FALSE(request);
    const std::string error = request.error().to_line();
    CHECK_MESSAGE(error.find(row.error) != std::string::npos, error);
  }
}

TEST_CASE("runtime configs that are refused") {
  CHECK(error_of("nosuch = 1\nother = 2") == "unused runtime config key(s): nosuch, other");
  CHECK(error_of("state_dir = 1") == "invalid type for `state_dir`: integer, expected a string");
  CHECK(
      error_of("max_instance_memory = -1") ==
      "invalid value for `max_instance_memory`: integer `-1`, expected one that is not negative"
  );
  CHECK(
      error_of("[[variables_provider]]\nx = 1") == "in [variables_provider]: missing field `type`"
  );
  CHECK(
      error_of("[[variables_provider]]\ntype = \"x\"") ==
      "in [variables_provider]: unknown variant `x`, expected one of `azure_key_vault`, `env`, "
      "`static`, `vault`"
  );
  CHECK(
      error_of("[[variables_provider]]\ntype = \"vault\"\nurl = \"u\"\nmount = \"m\"") ==
      "in [variables_provider]: missing field `token`"
  );
  CHECK(
      error_of("[[variables_provider]]\ntype = \"azure_key_vault\"\nvault_url = \"u\"") ==
      "in [variables_provider]: invalid value for `vault_url`: not an http or https URL"
  );
  CHECK(error_of("[[variables_provider]]\ntype = \"azure_key_vault\"\nvault_url = \"https://v\"\n"
                 "client_id = \"c\"")
            .starts_with(
                "in [variables_provider]: The current runtime config specifies some but not all of "
                "the Azure KeyVault 'client_id', 'client_secret', and 'tenant_id' values."
            ));
  CHECK(
      error_of("[[variables_provider]]\ntype = \"azure_key_vault\"\nvault_url = \"https://v\"\n"
               "client_id = \"c\"\nclient_secret = \"s3cret\"\ntenant_id = \"t\"\n"
               "authority_host = \"Nowhere\"") ==
      "in [variables_provider]: invalid value for `authority_host`: unknown variant, expected one "
      "of "
      "`AzurePublicCloud`, `AzureChina`, `AzureGermany`, `AzureGovernment`"
  );
  CHECK(
      error_of("[[variables_provider]]\ntype = \"static\"\nvalues = { a = 1 }") ==
      "in [variables_provider]: invalid type for `values.a`: integer, expected a string"
  );
  CHECK(
      error_of("token = 's3cret") ==
      "failed to parse runtime config file 'rc.toml' as toml: TOML parse error at line 1, column 16"
  );
  CHECK(
      read_runtime_config("nosuch.toml").error().to_line() ==
      "failed to read runtime config file 'nosuch.toml': No such file or directory (os error 2)"
  );
}

TEST_CASE("Wasmtime cache configurations") {
  const fs::test::TestFolder folder;
  const std::string path = folder.path("cache.toml");
  const auto read = [&](std::string_view text) {
    folder.write("cache.toml", text);
    return read_cache_config(path);
  };
  CHECK(read("[cache]\nenabled = true\ndirectory = '/x/y'\n")->directory == "/x/y");
  CHECK(read("[cache]\nenabled = true\ndirectory = '/x/y'\n")->is_enabled);
  CHECK_FALSE(read("[cache]\nenabled = false\n")->is_enabled);
  CHECK(read("")->directory.empty());
  CHECK_FALSE(read("[cache]\ndirectory = 'x'\n"));
  CHECK_FALSE(read("[[["));
  CHECK_FALSE(read_cache_config(folder.path("none")));
}

/// Sets variables and unsets them again.
class Environment {
 public:
  explicit Environment(std::initializer_list<std::pair<const char*, const char*>> variables) {
    for (const auto& [name, value] : variables) {
      ::setenv(name, value, 1);
      names_.push_back(name);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const char* name : names_) {
      ::unsetenv(name);
    }
  }

 private:
  std::vector<const char*> names_;
};

TEST_CASE("the engine's environment variables") {
  CHECK_FALSE(read_engine_environment()->max_instances);
  {
    const Environment set{
        {"SPIN_MAX_INSTANCE_COUNT", "500"},
        {"SPIN_WASMTIME_TOTAL_CORE_INSTANCES", "1200"},
        {"SPIN_WASMTIME_POOLING", "0"},
        {"SPIN_WASMTIME_INSTANCE_SIZE", "1"}
    };
    const auto read = read_engine_environment();
    REQUIRE(read);
    CHECK(read->max_instances == 300);
    CHECK(read->allocation == Allocation::OnDemand);
    CHECK(read->ignored == std::vector<std::string>{"SPIN_WASMTIME_INSTANCE_SIZE"});
  }
  {
    const Environment set{{"SPIN_WASMTIME_INSTANCE_COUNT", "x"}};
    CHECK(
        read_engine_environment().error().message() ==
        "failed to parse env var `SPIN_WASMTIME_INSTANCE_COUNT=x`: invalid digit found in string"
    );
  }
  {
    const Environment set{{"SPIN_WASMTIME_POOLING", "yes"}};
    CHECK(
        read_engine_environment().error().message() ==
        "SPIN_WASMTIME_POOLING=yes not supported, only 1/0 supported"
    );
  }
}

}  // namespace
}  // namespace whorl::cli
