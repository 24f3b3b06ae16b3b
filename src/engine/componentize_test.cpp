#include "engine/componentize.hpp"

#include "engine/test_modules.hpp"
#include "engine/validator.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace whorl::engine {
namespace {

using test::Code;
using test::kI32;
using test::ModuleBuilder;

const FuncType kAllocator = test::type({kI32, kI32, kI32, kI32}, {kI32});
const FuncType kHandler =
    test::type({kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32}, {kI32});

ModuleBuilder command() {
  ModuleBuilder out;
  const std::uint32_t write = out.import_func(
      "wasi_snapshot_preview1", "fd_write", test::type({kI32, kI32, kI32, kI32}, {kI32})
  );
  const Code main = Code().i32_const(1).i32_const(0).i32_const(0).i32_const(8).call(write).drop();
  out.export_func("_start", test::type(), main);
  out.memory(1);
  return out;
}

ModuleBuilder spin1(std::string_view function = "get-config") {
  ModuleBuilder out;
  out.import_func("spin-config", function, test::type({kI32, kI32, kI32}));
  out.import_func(
      "wasi-outbound-http",
      "request",
      test::type({kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32, kI32})
  );
  out.export_func("handle-http-request", kHandler, Code().i32_const(64));
  out.export_func("canonical_abi_realloc", kAllocator, Code().i32_const(1024));
  out.memory(1);
  return out;
}

/// With a custom section behind what is there.
Bytes with_section(Bytes module, std::string_view name, const Bytes& content) {
  Bytes section;
  test::append_name(section, name);
  test::append(section, content);
  module.push_back(0);
  test::append_u32(module, static_cast<std::uint32_t>(section.size()));
  test::append(module, section);
  return module;
}

/// A section that tells of one tool.
Bytes made_by(std::string_view tool, std::string_view version) {
  Bytes out = {1};
  test::append_name(out, "processed-by");
  out.push_back(1);
  test::append_name(out, tool);
  test::append_name(out, version);
  return out;
}

std::string refusal(ByteView module) {
  const auto made = componentize(module);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind() == ErrorKind::InvalidInput);
  return made.error().to_line();
}

Bytes made(ByteView module) {
  auto out = componentize(module);
  REQUIRE_MESSAGE(out, (out ? "" : out.error().to_line()));
  CHECK(judge_component(*out).verdict == Verdict::Valid);
  return *std::move(out);
}

bool names(const Bytes& component, std::string_view name) {
  return as_text(component).contains(name);
}

TEST_CASE("a program becomes a command") {
  const Bytes component = made(command().build());
  CHECK(names(component, "wasi:cli/run@0.2."));
  CHECK(names(component, "wasi:cli/stdout@0.2."));
  CHECK_FALSE(names(component, "wasi:random/"));
  CHECK_FALSE(names(component, "fermyon:spin"));
}

TEST_CASE("a module of Spin 1 has its interfaces") {
  const Bytes component = made(spin1().build());
  CHECK(names(component, "fermyon:spin/inbound-http"));
  CHECK(names(component, "fermyon:spin/config"));
  CHECK(names(component, "fermyon:spin/http"));
  CHECK_FALSE(names(component, "fermyon:spin/sqlite"));
  CHECK_FALSE(names(component, "inbound-redis"));
  SUBCASE("an allocator under today's name, too, is not in the way") {
    ModuleBuilder both = spin1();
    both.export_func("cabi_realloc", kAllocator, Code().unreachable());
    made(both.build());
  }
  SUBCASE("its command is not called") {
    ModuleBuilder both = spin1();
    both.export_func("_start", test::type(), Code().unreachable());
    CHECK_FALSE(names(made(both.build()), "wasi:cli/run"));
  }
  SUBCASE("of another type") {
    ModuleBuilder other;
    other.export_func("handle-http-request", test::type(), Code());
    other.memory(1);
    CHECK(refusal(other.build()).starts_with("failed to decode world from module: "));
  }
}

TEST_CASE("what cannot be made one") {
  CHECK(refusal({}).starts_with("unable to parse binary: "));
  CHECK(refusal(as_bytes(std::string_view("nonsense"))).starts_with("unable to parse binary: "));
  const Bytes component = {0, 'a', 's', 'm', 0x0d, 0, 1, 0};
  CHECK(refusal(component) == "it is no core module");
  ModuleBuilder unknown;
  unknown.import_func("a:b/c\x1b@1.0.0", "d", test::type());
  CHECK(
      refusal(unknown.build()) ==
      "failed to decode world from module: nothing is known of its import `a:b/c\\x1b@1.0.0::d`: "
      "the module does not say which generator of bindings made it, and modules of Spin 1 have no "
      "such import"
  );
  CHECK(refusal(spin1("no-such").build()).starts_with("failed to decode world from module: "));
  const Bytes old = with_section(command().build(), "producers", made_by("clang", "15.0.6 (x)"));
  CHECK(
      refusal(old) ==
      "This Wasm module appears to have been compiled with wasi-sdk version <19 which contains a "
      "critical memory safety bug. For more information, see: "
      "https://github.com/spinframework/spin/issues/2552"
  );
  for (const char* version : {"15.0.7", "16.0.0-wasi-sdk (x)", "unknown", ""}) {
    made(with_section(command().build(), "producers", made_by("clang", version)));
  }
  const Bytes described = with_section(command().build(), "component-type", {1, 2, 3});
  CHECK(refusal(described).starts_with("decoding custom section component-type: "));
  const Bytes large = with_section(command().build(), "component-type", Bytes(5 << 20));
  CHECK(refusal(large) == "it describes its worlds in more than 4 MiB");
}

/// Prebuilt guests; nothing where there is no folder of them.
std::optional<Bytes> guest(std::string_view name) {
  const char* given = std::getenv("WHORL_GUESTS");
  const std::filesystem::path folder = given != nullptr ? given : "../shared/guests";
  std::ifstream in(folder / name, std::ios::binary);
  if (!in) {
    MESSAGE("SKIPPED: no prebuilt guests (WHORL_GUESTS or ../shared/guests)");
    return {};
  }
  return Bytes{std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("a module that says its world, by the version of what wrote its bindings") {
  std::optional<Bytes> module = guest("rust-spin5-wasip1-core.wasm");
  if (!module) {
    return;
  }
  CHECK(names(made(*module), "wasi:http/incoming-handler@0.2."));
  // The version of the last description counts.
  constexpr std::string_view kTool =
      "wit-bindgen-rust\x06"
      "0.24.0";
  const auto found = as_text(*module).rfind(kTool);
  REQUIRE(found != std::string_view::npos);
  for (const std::string_view version : {"0.4.99", "1.24.0", "0..4.0", "0.2400"}) {
    const std::size_t at = found + kTool.size() - version.size();
    std::ranges::copy(version, module->begin() + static_cast<std::ptrdiff_t>(at));
    CHECK(
        refusal(*module) ==
        "cannot adapt modules created with wit-bindgen version " + std::string(version)
    );
  }
}

TEST_CASE("whatever the bytes are, there is an answer") {
  std::vector<Bytes> modules = {command().build(), spin1().build()};
  if (auto described = guest("c-p2-core.wasm")) {
    modules.push_back(*std::move(described));
  }
  std::minstd_rand random(1);  // NOLINT(cert-msc51-cpp): the same each time
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random()) % end; };
  for (const Bytes& module : modules) {
    const auto world = as_text(module).find("component-type");
    const std::size_t from = world == std::string_view::npos ? 0 : world;
    std::size_t answers = 0;
    for (int i = 0; i < 400; ++i) {
      Bytes damaged = module;
      if (i % 4 == 0) {
        damaged.resize(below(module.size()));
      } else {
        for (std::size_t changes = 1 + below(4); changes != 0; --changes) {
          damaged[from + below(std::min<std::size_t>(module.size() - from, 6000))] =
              static_cast<std::uint8_t>(random());
        }
      }
      const auto answer = componentize(damaged);
      answers += answer ? !answer->empty() : !answer.error().message().empty();
    }
    CHECK(answers == 400);
  }
}

}  // namespace
}  // namespace whorl::engine
