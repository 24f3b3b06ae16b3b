#include "fs/file.hpp"
#include "host/variables/app_variables.hpp"
#include "host/variables/dotenv.hpp"
#include "host/variables/names.hpp"
#include "host/variables/provider.hpp"
#include "host/variables/variables_hosts.hpp"
#include "host/variables/vault_provider.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

namespace whorl::host::variables {
namespace {

TEST_CASE("names of variables") {
  for (const std::string_view good : {"a", "a1", "a_b", "a_1_c", "lower_case9"}) {
    CAPTURE(good);
    CHECK(is_variable_name(good));
  }
  for (const std::string_view bad :
       {"",
        "_",
        "a_",
        "_a",
        "a__b",
        "4invalidname",
        "invalid-name",
        "invalid!name",
        "Upper",
        "\xC3\xBC"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_variable_name(bad));
  }
}

TEST_CASE("lines of a .env file") {
  ::setenv("WHORL_TEST_OUTER", "outer", 1);
  ::unsetenv("A");
  ::unsetenv("B");
  struct Case {
    std::string_view text;
    std::string_view value;  // of A
  };
  for (const Case& at : std::initializer_list<Case>{
           {"A=simple", "simple"},
           {"export A=exported", "exported"},
           {"A=\"a b\" # comment", "a b"},
           {"A = spaced ", "spaced"},
           {"A=\"a\\nb\"", "a\nb"},
           {"A=$WHORL_TEST_OUTER/x", "outer/x"},
           {"A=\"q${WHORL_TEST_OUTER}q\"", "qouterq"},
           {"A='q$WHORL_TEST_OUTER\\n'", "q$WHORL_TEST_OUTER\\n"},
           {"A=a # c", "a"},
           {"A=a#c", "a#c"},
           {"A=", ""},
           {"A=a\\ b", "a b"},
           {"A=\"a\"'b'c", "abc"},
           {"A=a=b", "a=b"},
           {"A=\xC3\xBCmlaut", "\xC3\xBCmlaut"},
           {"A=\"say \\\"hi\\\" \\$x \\\\ \"", "say \"hi\" $x \\ "},
           {"A=`x`", "`x`"},
           {"A=1\r\nB=2", "1"},
           {"# A=0\n\n  A=1\nA=2", "2"},
           {"B=inner\nA=${B}", "inner"},
           {"A=\"two\nlines\"", "two\nlines"},
           {"A=$", "$"},
           {"A=${NOSUCHVARIABLE}x", "x"},
       }) {
    CAPTURE(at.text);
    const auto parsed = parse_dotenv(at.text);
    REQUIRE(parsed);
    CHECK(parsed->at("A") == at.value);
  }
}

TEST_CASE("lines that are none of a .env file") {
  struct Case {
    std::string_view text;
    std::string_view message;
  };
  for (const Case& at : std::initializer_list<Case>{
           {"BAD LINE", "Error parsing line 1, error at line index: 4"},
           {"A=1\nBAD LINE\n", "Error parsing line 2, error at line index: 4"},
           {"A=a b", "Error parsing line 1, error at line index: 4"},
           {"A=\"unclosed", "Error parsing line 1, error at line index: 11"},
           {"A='unclosed", "Error parsing line 1, error at line index: 2"},
           {"A: yaml", "Error parsing line 1, error at line index: 1"},
           {"A", "Error parsing line 1, error at line index: 1"},
           {"A=\"a\\qb\"", "Error parsing line 1, error at line index: 5"},
           {"A=${B", "Error parsing line 1, error at line index: 5"},
           {"A=x\\", "Error parsing line 1, error at line index: 4"},
           {"1=x", "Error parsing line 1, error at line index: 0"},
       }) {
    CAPTURE(at.text);
    const auto parsed = parse_dotenv(at.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message() == at.message);
  }
}

TEST_CASE("references cannot make a .env file explode") {
  std::string text = "A0=0123456789abcdef\n";
  for (int i = 1; i < 60; ++i) {
    text += fmt::format("A{}=${{A{}}}${{A{}}}\n", i, i - 1, i - 1);
  }
  CHECK_FALSE(parse_dotenv(text));
}

/// An application with one component.
app::LockedApp make_app(std::map<std::string, std::string> templates) {
  app::LockedApp app;
  app.variables["given"] = {.description = {}, .default_value = "default"};
  app.variables["secret"] = {.description = {}, .default_value = "s3cret", .is_secret = true};
  app.variables["need"] = {};
  app.components.emplace_back().id = "c";
  app.components.back().variables = std::move(templates);
  return app;
}

Providers providers_of(StaticProvider::Values values) {
  Providers out;
  out.push_back(std::make_unique<StaticProvider>(std::move(values)));
  return out;
}

TEST_CASE("the first provider with a value wins, then the default") {
  ::setenv("WHORL_TEST_PREFIX_GIVEN", "from the environment", 1);
  Providers providers = providers_of({});
  providers.push_back(std::make_unique<EnvironmentProvider>("WHORL_TEST_PREFIX", ""));
  const auto app = make_app({});
  CHECK(*(*AppVariables::resolve(app, providers))->expand("{{given}}") == "from the environment");
  providers.front() = std::make_unique<StaticProvider>(StaticProvider::Values{{"given", "first"}});
  CHECK(*(*AppVariables::resolve(app, providers))->expand("{{given}}") == "first");
  CHECK(*(*AppVariables::resolve(app, {}))->expand("{{given}}") == "default");
  ::unsetenv("WHORL_TEST_PREFIX_GIVEN");
}

TEST_CASE("templates") {
  const auto app = make_app({});
  const auto variables = *AppVariables::resolve(app, providers_of({{"need", "{{given}}"}}));
  CHECK(*variables->expand("") == "");
  CHECK(*variables->expand("plain }} text") == "plain }} text");
  CHECK(*variables->expand("{{ given }}-{{secret}}") == "default-s3cret");
  CHECK(*variables->expand("{{need}}") == "{{given}}");  // values are no templates
  CHECK(
      variables->expand("a {{ given").error().to_line() ==
      "invalid variable template: unmatched '{{' in template"
  );
  CHECK(
      variables->expand("{{ nosuch }}").error().to_line() ==
      "invalid variable template: unknown variable \"nosuch\""
  );
}

TEST_CASE("what is required and missing is named") {
  const auto variables = *AppVariables::resolve(make_app({}), {});
  const auto checked = variables->check_required();
  REQUIRE_FALSE(checked);
  CHECK(
      checked.error().to_line() ==
      "provider error: no provider resolved required variable(s): [Key(\"need\")]: "
      "no provider resolved required variable(s): [Key(\"need\")]"
  );
  CHECK((*AppVariables::resolve(make_app({}), providers_of({{"need", ""}})))->check_required());
}

TEST_CASE("a component's template that cannot be filled in fails the application") {
  const auto resolved = AppVariables::resolve(make_app({{"n", "{{ nosuch }}"}}), {});
  REQUIRE_FALSE(resolved);
  CHECK(
      resolved.error().to_line() ==
      "failed to configure app: invalid variable template: unknown variable \"nosuch\""
  );
}

TEST_CASE("a malformed file fails look-ups that get to it") {
  char path[] = "/tmp/whorl-dotenv-XXXXXX";
  const fs::Fd file(::mkstemp(path));
  REQUIRE(fs::write_file_atomic(path, as_bytes("BAD LINE")));
  ::setenv("WHORL_TEST_P_HAD", "x", 1);
  const EnvironmentProvider provider("WHORL_TEST_P", path);
  CHECK(**provider.find("had") == "x");
  CHECK(provider.find("other").error().message() == "Error parsing line 1, error at line index: 4");
  REQUIRE(fs::write_file_atomic(path, as_bytes("WHORL_TEST_P_OTHER=y")));
  CHECK(**EnvironmentProvider("WHORL_TEST_P", path).find("other") == "y");
  CHECK_FALSE(EnvironmentProvider("WHORL_TEST_P", "/nosuch/.env").find("other")->has_value());
  ::unlink(path);
}

TEST_CASE("answers of Vault") {
  CHECK(
      *parse_vault_answer(R"({"data": {"data": {"value": "v", "x": 1}, "metadata": {}}})") == "v"
  );
  for (const std::string_view bad :
       {"",
        "[]",
        R"({"data": {"value": "s3cret"}})",
        R"({"data": {"data": {"value": 1}}})",
        R"({"data": {"data": {"other": "s3cret"}}})"}) {
    CAPTURE(bad);
    REQUIRE_FALSE(parse_vault_answer(bad));
    CHECK(
        parse_vault_answer(bad).error().to_line() == "the secret has no text in its field `value`"
    );
  }
}

/// One that is reached over the network, and is not there.
class AbsentProvider final : public Provider {
 public:
  [[nodiscard]] Result<std::optional<std::string>> find(std::string_view) const override {
    return fail(ErrorKind::Unavailable, "not now");
  }
  [[nodiscard]] bool is_remote() const noexcept override { return true; }
};

TEST_CASE("a remote provider that is away lets the application start") {
  Providers providers;
  providers.push_back(std::make_unique<AbsentProvider>());
  const auto variables = *AppVariables::resolve(make_app({}), providers);
  CHECK(variables->check_required());
  CHECK(variables->expand("{{need}}").error().message() == "not now");
}

/// A provider that cannot be reached.
class BrokenProvider final : public Provider {
 public:
  [[nodiscard]] Result<std::optional<std::string>> find(std::string_view) const override {
    return fail(ErrorKind::Unavailable, "out of reach");
  }
};

/// The hosts of a component whose variables are all kinds of answers. The call is never looked at.
struct Scene {
  Scene() {
    app::LockedApp app = make_app({{"plain", "p"}, {"filled", "<{{given}}>"}});
    app.variables.erase("need");
    hosts_of_values = (*AppVariables::resolve(app, {}))->of(app.components[0]);
    Providers broken;
    broken.push_back(std::make_unique<BrokenProvider>());
    failing = (*AppVariables::resolve(app, broken))->of(app.components[0]);
  }
  alignas(8) std::byte nothing[64]{};
  component::Call call{
      *reinterpret_cast<component::ComponentInstance*>(nothing),
      *reinterpret_cast<engine::Store*>(nothing)
  };
  std::shared_ptr<const ComponentVariables> hosts_of_values;
  std::shared_ptr<const ComponentVariables> failing;
};

TEST_CASE("fermyon:spin/variables@2.0.0") {
  using Tag = wit::fermyon_spin_variables::Error::Tag;
  Scene scene;
  VariablesHost host(*scene.hosts_of_values);
  CHECK(**host.get(scene.call, "plain") == "p");
  CHECK(**host.get(scene.call, "filled") == "<default>");
  CHECK(host.get(scene.call, "given")->error().tag == Tag::Undefined);  // not in its own table
  CHECK(host.get(scene.call, "invalid-name")->error().tag == Tag::InvalidName);
  VariablesHost failing(*scene.failing);
  CHECK(**failing.get(scene.call, "plain") == "p");
  const auto failed = failing.get(scene.call, "filled");
  REQUIRE(failed->error().tag == Tag::Provider);
  CHECK(failed->error().as<std::string>() == "out of reach");
}

TEST_CASE("spin:variables@3.0.0") {
  using Tag = wit::spin_variables_variables::Error::Tag;
  Scene scene;
  Variables3Host host(*scene.hosts_of_values);
  CHECK(**host.get(scene.call, "plain") == "p");
  CHECK(host.get(scene.call, "given")->error().tag == Tag::Undefined);
  CHECK(host.get(scene.call, "invalid-name")->error().tag == Tag::InvalidName);
  Variables3Host failing(*scene.failing);
  CHECK(failing.get(scene.call, "filled")->error().tag == Tag::Provider);
}

TEST_CASE("fermyon:spin/config") {
  using Tag = wit::fermyon_spin_config_v1::Error::Tag;
  Scene scene;
  ConfigHost host(*scene.hosts_of_values);
  CHECK(**host.get_config(scene.call, "filled") == "<default>");
  CHECK(host.get_config(scene.call, "given")->error().tag == Tag::Provider);
  CHECK(host.get_config(scene.call, "4invalidname")->error().tag == Tag::InvalidKey);
  ConfigHost failing(*scene.failing);
  CHECK(failing.get_config(scene.call, "filled")->error().tag == Tag::Other);
}

TEST_CASE("wasi:config/store") {
  using Tag = wit::wasi_config_store::Error::Tag;
  Scene scene;
  StoreHost host(*scene.hosts_of_values);
  CHECK(**host.get(scene.call, "filled") == std::optional<std::string>("<default>"));
  CHECK(**host.get(scene.call, "given") == std::nullopt);
  CHECK(**host.get(scene.call, "invalid-name") == std::nullopt);
  CHECK(
      **host.get_all(scene.call) ==
      std::vector<std::tuple<std::string, std::string>>{{"filled", "<default>"}, {"plain", "p"}}
  );
  StoreHost failing(*scene.failing);
  CHECK(failing.get(scene.call, "filled")->error().tag == Tag::Upstream);
  CHECK(failing.get_all(scene.call)->error().tag == Tag::Upstream);
}

}  // namespace
}  // namespace whorl::host::variables
