#include "host/llm/llm_hosts.hpp"

#include "host/caller.hpp"

#include <fmt/format.h>

#include <expected>
#include <utility>

namespace whorl::host::llm {
namespace {

namespace v1 = wit::fermyon_spin_llm_v1;
namespace v2 = wit::fermyon_spin_llm;

template <class Theirs>
Theirs to_error(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::NotFound:
      return Theirs::model_not_supported();
    case ErrorKind::InvalidInput:
      return Theirs::invalid_input(error.message());
    default:
      return Theirs::runtime_error(error.message());
  }
}

Result<> check_granted(const GrantedModels& granted, std::string_view model) {
  if (granted.contains(model)) {
    return {};
  }
  return fail(
      ErrorKind::InvalidInput,
      "The component does not have access to use '{0}'. To give the component access, add '{0}' to "
      "the 'ai_models' key for the component in your spin.toml manifest",
      model
  );
}

template <class Theirs>
InferenceParameters to_parameters(const std::optional<Theirs>& params) {
  if (!params) {
    return {};
  }
  return {
      .max_tokens = params->max_tokens,
      .repeat_penalty = params->repeat_penalty,
      .repeat_penalty_last_tokens = params->repeat_penalty_last_n_token_count,
      .temperature = params->temperature,
      .top_k = params->top_k,
      .top_p = params->top_p,
  };
}

template <class Theirs, class TheirError, class Params>
component::HostResult<std::expected<Theirs, TheirError>> infer_for(
    component::Call& call,
    const GrantedModels& granted,
    Models& models,
    std::string_view model,
    std::string_view prompt,
    const std::optional<Params>& params
) {
  if (auto checked = check_granted(granted, model); !checked) {
    return std::expected<Theirs, TheirError>(
        std::unexpect, TheirError::invalid_input(checked.error().message())
    );
  }
  return answer(
      call,
      [&](Caller caller) -> Result<Theirs> {
        WHORL_TRY(Inference made, models.infer(caller, model, prompt, to_parameters(params)));
        Theirs theirs;
        theirs.text = std::move(made.text);
        theirs.usage.prompt_token_count = made.prompt_tokens;
        theirs.usage.generated_token_count = made.generated_tokens;
        return theirs;
      },
      to_error<TheirError>
  );
}

template <class Theirs, class TheirError>
component::HostResult<std::expected<Theirs, TheirError>> embed_for(
    component::Call& call,
    const GrantedModels& granted,
    Models& models,
    std::string_view model,
    const std::vector<std::string_view>& texts
) {
  if (auto checked = check_granted(granted, model); !checked) {
    return std::expected<Theirs, TheirError>(
        std::unexpect, TheirError::invalid_input(checked.error().message())
    );
  }
  return answer(
      call,
      [&](Caller caller) -> Result<Theirs> {
        WHORL_TRY(Embeddings made, models.embed(caller, model, texts));
        Theirs theirs;
        theirs.embeddings = std::move(made.vectors);
        theirs.usage.prompt_token_count = made.prompt_tokens;
        return theirs;
      },
      to_error<TheirError>
  );
}

}  // namespace

component::HostResult<std::expected<v2::InferencingResult, v2::Error>> SpinHost::infer(
    component::Call& call,
    std::string_view model,
    std::string_view prompt,
    std::optional<v2::InferencingParams> params
) {
  return infer_for<v2::InferencingResult, v2::Error>(
      call, granted_, models_, model, prompt, params
  );
}

component::HostResult<std::expected<v2::EmbeddingsResult, v2::Error>> SpinHost::generate_embeddings(
    component::Call& call, std::string_view model, std::vector<std::string_view> text
) {
  return embed_for<v2::EmbeddingsResult, v2::Error>(call, granted_, models_, model, text);
}

component::HostResult<std::expected<v1::InferencingResult, v1::Error>> SpinV1Host::infer(
    component::Call& call,
    std::string_view model,
    std::string_view prompt,
    std::optional<v1::InferencingParams> params
) {
  return infer_for<v1::InferencingResult, v1::Error>(
      call, granted_, models_, model, prompt, params
  );
}

component::HostResult<std::expected<v1::EmbeddingsResult, v1::Error>>
SpinV1Host::generate_embeddings(
    component::Call& call, std::string_view model, std::vector<std::string_view> text
) {
  return embed_for<v1::EmbeddingsResult, v1::Error>(call, granted_, models_, model, text);
}

}  // namespace whorl::host::llm
