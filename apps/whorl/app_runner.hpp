/// WhorlRunner: runs what the command line asked for. The one place that puts concrete triggers,
/// servers and shards together.
#pragma once

#include "engine_start.hpp"

#include "cli/cli.hpp"

namespace whorl {

class WhorlRunner final : public cli::AppRunner {
 public:
  void expect(const cli::UpRequest& request) override;
  [[nodiscard]] Result<int> run(const cli::UpRequest& request) override;
  [[nodiscard]] Result<component::Inspection> inspect(ByteView bytes) override;

  /// A thread still compiles: the process is to end without exit(), which would take from under it
  /// what it uses.
  [[nodiscard]] bool has_abandoned_work() const noexcept { return has_abandoned_work_; }

 private:
  bool has_abandoned_work_ = false;
  EngineStart engine_;
};

}  // namespace whorl
