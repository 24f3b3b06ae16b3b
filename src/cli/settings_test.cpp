#include "cli/engine_environment.hpp"
#include "cli/runtime_config.hpp"
#include "fs/file.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>

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

TEST_CASE("runtime configs that are refused") {
  CHECK(error_of("nosuch = 1\nother = 2") == "unused runtime config key(s): nosuch, other");
  CHECK(
      error_of("[outbound_networking]\nmax_total_connections = 1") ==
      "the runtime config key `outbound_networking.max_total_connections` is known from Spin but "
      "not supported "
      "yet"
  );
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
      "failed to parse runtime config file 'rc.toml' as toml: the file is not valid TOML"
  );
  CHECK(
      read_runtime_config("nosuch.toml").error().to_line() ==
      "failed to read runtime config file 'nosuch.toml': No such file or directory (os error 2)"
  );
}

TEST_CASE("Wasmtime cache configurations") {
  char path[] = "/tmp/whorl-cache-XXXXXX";
  const fs::Fd file(::mkstemp(path));
  const auto read = [&](std::string_view text) {
    REQUIRE(fs::write_file_atomic(path, as_bytes(text)));
    return read_cache_config(path);
  };
  CHECK(read("[cache]\nenabled = true\ndirectory = '/x/y'\n")->directory == "/x/y");
  CHECK(read("[cache]\nenabled = true\ndirectory = '/x/y'\n")->is_enabled);
  CHECK_FALSE(read("[cache]\nenabled = false\n")->is_enabled);
  CHECK(read("")->directory.empty());
  CHECK_FALSE(read("[cache]\ndirectory = 'x'\n"));
  CHECK_FALSE(read("[[["));
  ::unlink(path);
  CHECK_FALSE(read_cache_config(path));
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
