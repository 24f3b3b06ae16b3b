/// Models: language models as a capability sees them, whatever runs them.
///
/// Functions park the calling guest's fiber until there is an answer. Errors by kind: NotFound (no
/// such model), InvalidInput (of the guest), anything else (the operator's or the service's); their
/// message reaches the guest and names no secret. @thread shard; one object serves all shards
#pragma once

#include "base/result.hpp"
#include "host/caller.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::llm {

/// Bytes of one answer; a longer one is an error.
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{128} << 20;

struct InferenceParameters {
  std::uint32_t max_tokens = 100;
  float repeat_penalty = 1.1F;
  std::uint32_t repeat_penalty_last_tokens = 64;
  float temperature = 0.8F;
  std::uint32_t top_k = 40;
  float top_p = 0.9F;
};

struct Inference {
  std::string text{};
  std::uint32_t prompt_tokens = 0;
  std::uint32_t generated_tokens = 0;
};

struct Embeddings {
  std::vector<std::vector<float>> vectors{};  ///< in the order of the texts
  std::uint32_t prompt_tokens = 0;
};

class Models {
 public:
  virtual ~Models() = default;
  /// What runs them, as spans name it: a kind, no address.
  [[nodiscard]] virtual std::string_view backend() const noexcept { return "unknown"; }
  [[nodiscard]] virtual Result<Inference> infer(
      Caller caller,
      std::string_view model,
      std::string_view prompt,
      const InferenceParameters& parameters
  ) = 0;
  [[nodiscard]] virtual Result<Embeddings> embed(
      Caller caller, std::string_view model, std::span<const std::string_view> texts
  ) = 0;
};

}  // namespace whorl::host::llm
