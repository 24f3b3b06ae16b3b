/// What guests import to use language models: `fermyon:spin/llm`, unversioned and 2.0.0, which are
/// the same but for their names. The objects keep nothing of an instance.
#pragma once

#include "host/llm/models.hpp"
#include "wit/fermyon_spin_llm.hpp"
#include "wit/fermyon_spin_llm_v1.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::llm {

/// The models granted to a component.
using GrantedModels = std::set<std::string, std::less<>>;

/// fermyon:spin/llm@2.0.0
class SpinHost final : public wit::fermyon_spin_llm::Host {
 public:
  /// @param granted, models  outlive this object
  SpinHost(const GrantedModels& granted, Models& models) noexcept
      : granted_(granted), models_(models) {}
  [[nodiscard]] component::HostResult<
      std::expected<wit::fermyon_spin_llm::InferencingResult, wit::fermyon_spin_llm::Error>>
  infer(
      component::Call& call,
      std::string_view model,
      std::string_view prompt,
      std::optional<wit::fermyon_spin_llm::InferencingParams> params
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<wit::fermyon_spin_llm::EmbeddingsResult, wit::fermyon_spin_llm::Error>>
  generate_embeddings(
      component::Call& call, std::string_view model, std::vector<std::string_view> text
  ) override;

 private:
  const GrantedModels& granted_;
  Models& models_;
};

/// fermyon:spin/llm without version
class SpinV1Host final : public wit::fermyon_spin_llm_v1::Host {
 public:
  /// @param granted, models  outlive this object
  SpinV1Host(const GrantedModels& granted, Models& models) noexcept
      : granted_(granted), models_(models) {}
  [[nodiscard]] component::HostResult<
      std::expected<wit::fermyon_spin_llm_v1::InferencingResult, wit::fermyon_spin_llm_v1::Error>>
  infer(
      component::Call& call,
      std::string_view model,
      std::string_view prompt,
      std::optional<wit::fermyon_spin_llm_v1::InferencingParams> params
  ) override;
  [[nodiscard]] component::HostResult<
      std::expected<wit::fermyon_spin_llm_v1::EmbeddingsResult, wit::fermyon_spin_llm_v1::Error>>
  generate_embeddings(
      component::Call& call, std::string_view model, std::vector<std::string_view> text
  ) override;

 private:
  const GrantedModels& granted_;
  Models& models_;
};

}  // namespace whorl::host::llm
