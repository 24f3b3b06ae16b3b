/// WagiCall: one request answered by a WASI command: its body is read whole, the command runs with
/// it as standard input, and what it wrote becomes the response. @thread shard
#pragma once

#include "app/route.hpp"
#include "async/event.hpp"
#include "base/local_ptr.hpp"
#include "http/exchange.hpp"
#include "runtime/command.hpp"
#include "runtime/service.hpp"
#include "runtime/shard_runtime.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace whorl::trigger {

class WagiCall final : public runtime::Command, public EnableLocalFromThis<WagiCall> {
 public:
  /// Bytes of a request's body at most (413), and of what a command writes (500).
  static constexpr std::size_t kMaxBody = std::size_t{128} << 20;
  static constexpr std::size_t kMaxOutput = std::size_t{128} << 20;

  /// @param app    keeps `match` and `argv` alive
  /// @param match  views into the request's target are made anew
  WagiCall(
      runtime::ShardRuntime& runtime,
      std::shared_ptr<const runtime::Service> service,
      LocalPtr<http::Exchange> exchange,
      LocalPtr<const void> app,
      const app::RouteMatch& match,
      std::string_view argv
  );
  WagiCall(const WagiCall&) = delete;
  WagiCall& operator=(const WagiCall&) = delete;

  /// Reads the body as it comes, then runs the command. Keeps itself alive meanwhile.
  void start();

  // runtime::Command
  [[nodiscard]] const std::vector<wasi::EnvironmentVariable>& environment() const override {
    return environment_;
  }
  [[nodiscard]] const std::vector<std::string>& arguments() const override { return arguments_; }
  [[nodiscard]] wasi::InputSource& input() override { return input_; }
  [[nodiscard]] wasi::OutputSink& output() override { return output_; }
  void ended(const std::expected<void, engine::Trap>& outcome) override;

 private:
  /// The request's body.
  class Input final : public wasi::InputSource {
   public:
    [[nodiscard]] ByteView available() override { return ByteView(bytes).subspan(used); }
    void consume(std::size_t count) override { used += count; }
    [[nodiscard]] bool is_ended() override { return used == bytes.size(); }

    Bytes bytes;
    std::size_t used = 0;
  };
  /// What the command writes; beyond the limit it is only counted.
  class Output final : public wasi::OutputSink {
   public:
    [[nodiscard]] std::size_t room() const noexcept override { return std::size_t{64} * 1024; }
    void write(ByteView more) override {
      too_long |= more.size() > kMaxOutput - bytes.size();
      if (!too_long) {
        bytes.insert(bytes.end(), more.begin(), more.end());
      }
    }

    Bytes bytes;
    bool too_long = false;
  };
  class Listener final : public async::Waiter {
   public:
    explicit Listener(WagiCall& call) noexcept : call_(call) {}
    void on_event() noexcept override;
    void stop() noexcept { unlink(); }

   private:
    WagiCall& call_;
  };

  void read_on();
  void run();
  void refuse(std::uint16_t status);

  runtime::ShardRuntime& runtime_;
  std::shared_ptr<const runtime::Service> service_;
  LocalPtr<http::Exchange> exchange_;
  LocalPtr<const void> app_;
  const app::Route* route_;
  std::string path_info_;
  std::vector<std::string> values_;
  std::string_view argv_;
  std::vector<wasi::EnvironmentVariable> environment_;
  std::vector<std::string> arguments_;
  Input input_;
  Output output_;
  LocalPtr<WagiCall> reading_;  ///< itself, while the body comes
  Listener on_body_{*this};
  Listener on_client_gone_{*this};
};

}  // namespace whorl::trigger
