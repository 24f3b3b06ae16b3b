/// WhorlRunner: runs what the command line asked for. The one place that puts concrete triggers,
/// servers and shards together.
#pragma once

#include "cli/cli.hpp"

namespace whorl {

class WhorlRunner final : public cli::AppRunner {
 public:
  [[nodiscard]] Result<int> run(const cli::UpRequest& request) override;
  [[nodiscard]] Result<component::Inspection> inspect(ByteView bytes) override;
};

}  // namespace whorl
