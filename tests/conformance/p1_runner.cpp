// whorl_p1_runner: runs one WASI preview 1 command with the real engine and the real host, for
// conformance tests. Not part of the product.
//
//   whorl_p1_runner [--env NAME=VALUE]... [--dir HOST::GUEST]... [--read-only-dir HOST::GUEST]...
//                   [--stdin] [--timeout SECONDS] MODULE [ARGUMENT]...
//
// Its exit code is the guest's; 134 when the guest trapped, 2 when it could not be run.
#include "async/shard.hpp"
#include "component/component.hpp"
#include "engine/engine.hpp"
#include "engine/fiber.hpp"
#include "fs/file.hpp"
#include "log/terminal.hpp"
#include "wasi/p1/preview1.hpp"
#include "wasi/shard_timers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::conformance {
namespace {

constexpr int kTrapped = 134;
constexpr int kCannotRun = 2;

struct Options {
  std::string module;
  std::vector<std::string> arguments;
  std::vector<wasi::EnvironmentVariable> environment;
  std::vector<wasi::Preopen> preopens;
  bool reads_stdin = false;
  std::chrono::seconds timeout{60};
};

Result<wasi::Preopen> open_preopen(std::string_view text, wasi::files::Grant grant) {
  const std::size_t at = text.find("::");
  const std::string host(text.substr(0, at));
  auto directory = wasi::files::Directory::open_host(host, grant);
  if (!directory) {
    return fs::errno_error(directory.error()).context("opening " + fs::quote_path(host));
  }
  return wasi::Preopen{
      at == std::string_view::npos ? host : std::string(text.substr(at + 2)),
      *std::move(directory),
  };
}

/// Reads one option. @param value  what follows it @return how many words it took; 0: none
Result<std::size_t> read_option(
    std::string_view name, std::optional<std::string_view> value, Options& out
) {
  if (name == "--stdin") {
    out.reads_stdin = true;
    return std::size_t{1};
  }
  if (!name.starts_with("--")) {
    return std::size_t{0};
  }
  if (!value) {
    return fail(ErrorKind::InvalidInput, "{} needs a value", name);
  }
  if (name == "--env") {
    const std::size_t at = value->find('=');
    if (at == std::string_view::npos) {
      return fail(ErrorKind::InvalidInput, "--env wants NAME=VALUE");
    }
    out.environment.emplace_back(value->substr(0, at), value->substr(at + 1));
  } else if (name == "--dir" || name == "--read-only-dir") {
    const auto grant = name == "--dir" ? wasi::files::Grant::ReadWrite : wasi::files::Grant::Read;
    WHORL_TRY(auto preopen, open_preopen(*value, grant));
    out.preopens.push_back(std::move(preopen));
  } else if (name == "--timeout") {
    int seconds = 0;
    std::from_chars(value->data(), value->data() + value->size(), seconds);
    out.timeout = std::chrono::seconds(seconds);
  } else {
    return fail(ErrorKind::InvalidInput, "unknown option {}", name);
  }
  return std::size_t{2};
}

Result<Options> read_options(std::span<char*> words) {
  Options out;
  while (!words.empty()) {
    std::optional<std::string_view> value;
    if (words.size() > 1) {
      value = words[1];
    }
    WHORL_TRY(const std::size_t taken, read_option(words[0], value, out));
    if (taken == 0) {
      break;
    }
    words = words.subspan(taken);
  }
  if (words.empty()) {
    return fail(ErrorKind::InvalidInput, "no module is given");
  }
  out.module = words[0];
  out.arguments.assign(words.begin(), words.end());
  out.arguments[0] = fs::file_name(out.module);
  return out;
}

/// Standard output or error of this process.
class ProcessOutput final : public wasi::OutputSink {
 public:
  explicit ProcessOutput(int fd) noexcept : fd_(fd) {}
  [[nodiscard]] std::size_t room() const noexcept override { return std::size_t{64} * 1024; }
  void write(ByteView bytes) override { log::write_all(fd_, as_text(bytes)); }

 private:
  int fd_;
};

/// Standard input of this process; reading it blocks, which harms nobody here.
class ProcessInput final : public wasi::InputSource {
 public:
  [[nodiscard]] ByteView available() override {
    if (begin_ == end_ && !ended_) {
      const ssize_t got = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
      ended_ = got <= 0;
      begin_ = 0;
      end_ = ended_ ? 0 : static_cast<std::size_t>(got);
    }
    return ByteView(buffer_).subspan(begin_, end_ - begin_);
  }
  void consume(std::size_t count) override { begin_ += count; }
  [[nodiscard]] bool is_ended() override { return ended_; }

 private:
  std::array<std::uint8_t, 4096> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
};

/// One command in its own instance, on the one shard there is.
class Run final : public engine::FiberScheduler {
 public:
  Run(Options options, async::Shard& shard)
      : options_(std::move(options)), shard_(shard), timers_(shard) {}

  /// @return the exit code
  [[nodiscard]] Result<int> run() {
    WHORL_TRY(const auto component, load());
    const component::ExportedFunc* start = component->find_export("", "", "_start");
    if (start == nullptr) {
      return fail(ErrorKind::InvalidInput, "the module is no command: it exports no `_start`");
    }
    start_slot_ = start->func_slot;
    wasi::p1::Preview1 preview1(context());
    hosts_[slot_] = &preview1;
    component::ComponentInstance instance(component, hosts_);
    instance_ = &instance;
    engine::Budget budget;
    budget.deadline = std::chrono::steady_clock::now() + options_.timeout;
    WHORL_TRY(auto store, engine::Store::create(component->engine(), budget, &instance));
    store_ = store.get();
    if (auto instantiated = instance.instantiate(*store); !instantiated) {
      return exit_code(instantiated.error());
    }
    engine::Fiber fiber(
        *store,
        *this,
        [](void* self, engine::Fiber&) { return static_cast<Run*>(self)->call_start(); },
        this
    );
    fiber_ = &fiber;
    step();
    if (fiber.state() != engine::Fiber::State::Done) {
      shard_.run();
    }
    return fiber.outcome() ? 0 : exit_code(fiber.outcome().error());
  }

 private:
  [[nodiscard]] Result<std::shared_ptr<const component::Component>> load() {
    engine::EngineOptions engine_options;
    engine_options.allocation = engine::InstanceAllocation::OnDemand;
    WHORL_TRY(const auto engine, engine::Engine::create(engine_options));
    component::HostRegistry registry;
    slot_ = wasi::p1::register_preview1(registry);
    WHORL_TRY(const Bytes bytes, fs::read_file(options_.module, std::uint64_t{256} << 20));
    return component::Component::load(engine, nullptr, registry, bytes, options_.module);
  }

  [[nodiscard]] wasi::InstanceContext context() {
    return {
        .timers = timers_,
        .standard_output = output_,
        .standard_error = error_,
        .environment = options_.environment,
        .arguments = options_.arguments,
        .standard_input = options_.reads_stdin ? &input_ : nullptr,
        .preopens = options_.preopens,
    };
  }

  [[nodiscard]] std::expected<void, engine::Trap> call_start() {
    if (auto started = instance_->run_deferred_starts(*store_); !started) {
      return started;
    }
    engine::RawVal none{};
    return store_->call_guest(*instance_->func(start_slot_), std::span(&none, 1));
  }

  void step() {
    switch (fiber_->resume()) {
      case engine::Fiber::State::Done:
        shard_.stop();
        break;
      case engine::Fiber::State::Yielded:
        shard_.post([this] { step(); });
        break;
      default:
        break;
    }
  }

  [[nodiscard]] static int exit_code(const engine::Trap& trap) {
    if (trap.kind == engine::TrapKind::Exit) {
      return trap.exit_code;
    }
    log::write_all(STDERR_FILENO, fmt::format("trap: {}\n", trap.to_text()));
    return kTrapped;
  }

  // engine::FiberScheduler
  void fiber_ready(engine::Fiber&) noexcept override {
    shard_.post([this] { step(); });
  }
  void fiber_yielded(engine::Fiber&) noexcept override {}
  void fiber_done(engine::Fiber&) noexcept override {}

  Options options_;
  async::Shard& shard_;
  wasi::ShardTimers timers_;
  ProcessOutput output_{STDOUT_FILENO};
  ProcessOutput error_{STDERR_FILENO};
  ProcessInput input_;
  std::array<void*, 1> hosts_{};
  std::uint16_t slot_ = 0;
  std::uint16_t start_slot_ = 0;
  component::ComponentInstance* instance_ = nullptr;
  engine::Store* store_ = nullptr;
  engine::Fiber* fiber_ = nullptr;
};

int run_main(std::span<char*> words) {
  auto options = read_options(words);
  if (!options) {
    log::write_all(STDERR_FILENO, fmt::format("error: {}\n", options.error().to_line()));
    return kCannotRun;
  }
  async::Shard shard(0);
  Run run(*std::move(options), shard);
  const auto code = run.run();
  if (!code) {
    log::write_all(STDERR_FILENO, fmt::format("error: {}\n", code.error().to_line()));
    return kCannotRun;
  }
  return *code;
}

}  // namespace
}  // namespace whorl::conformance

int main(int argc, char** argv) {
  return whorl::conformance::run_main(std::span(argv + 1, static_cast<std::size_t>(argc - 1)));
}
