#include "host/llm/llm_hosts.hpp"

#include "host/caller.hpp"
#include "host/host_span.hpp"
#include "telemetry/recorder.hpp"

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

constexpr SpanSite kInfer{.name = "spin_llm.infer"};
constexpr SpanSite kEmbed{.name = "spin_llm.generate_embeddings"};

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

/// Of the parameters, nothing of the prompt.
void note_inference(
    HostSpan& span, std::string_view model, const InferenceParameters& parameters, bool is_given
) {
  span.set("model", model);
  if (!span.is_on() || !is_given) {
    return;
  }
  span.set(
      "params",
      fmt::format(
          "max-tokens: {}, repeat-penalty: {}, repeat-penalty-last-n-token-count: {}, temperature: "
          "{}, top-k: {}, top-p: {}",
          parameters.max_tokens,
          parameters.repeat_penalty,
          parameters.repeat_penalty_last_tokens,
          parameters.temperature,
          parameters.top_k,
          parameters.top_p
      )
  );
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
  HostSpan span(kInfer);
  const InferenceParameters parameters = to_parameters(params);
  note_inference(span, model, parameters, params.has_value());
  if (auto checked = span.note(check_granted(granted, model)); !checked) {
    return std::expected<Theirs, TheirError>(
        std::unexpect, TheirError::invalid_input(checked.error().message())
    );
  }
  span.set("llm.backend", models.backend());
  if (telemetry::Recorder* recorder = telemetry::recorder_here()) {
    recorder->metrics()->count_inference(model);
  }
  return answer(
      call,
      [&](Caller caller) -> Result<Theirs> {
        WHORL_TRY(Inference made, span.note(models.infer(caller, model, prompt, parameters)));
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
  HostSpan span(kEmbed);
  span.set("model", model);
  if (auto checked = span.note(check_granted(granted, model)); !checked) {
    return std::expected<Theirs, TheirError>(
        std::unexpect, TheirError::invalid_input(checked.error().message())
    );
  }
  span.set("llm.backend", models.backend());
  return answer(
      call,
      [&](Caller caller) -> Result<Theirs> {
        WHORL_TRY(Embeddings made, span.note(models.embed(caller, model, texts)));
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
