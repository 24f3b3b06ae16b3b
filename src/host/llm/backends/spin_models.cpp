// Spin's own protocol: POST /infer {model, prompt, options} → {text, usage}, POST /embed {model,
// input} → {embeddings, usage}.
#include "app/json.hpp"
#include "host/llm/backends/remote_models.hpp"
#include "host/remote/answer_json.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <utility>

namespace whorl::host::llm {
namespace {

constexpr std::string_view kInfer = "/infer";
constexpr std::string_view kEmbed = "/embed";

std::string infer_body(
    std::string_view model, std::string_view prompt, const InferenceParameters& parameters
) {
  return fmt::format(
      R"({{"model":{},"prompt":{},"options":{{"maxTokens":{},"repeatPenalty":{},)"
      R"("repeatPenaltyLastNTokenCount":{},"temperature":{},"topK":{},"topP":{}}}}})",
      app::json_string(model),
      app::json_string(prompt),
      parameters.max_tokens,
      json_number(parameters.repeat_penalty),
      parameters.repeat_penalty_last_tokens,
      json_number(parameters.temperature),
      parameters.top_k,
      json_number(parameters.top_p)
  );
}

class SpinModels final : public Models {
 public:
  std::string_view backend() const noexcept override { return "remote_http"; }
  explicit SpinModels(ModelService service) : service_(std::move(service)) {}

  Result<Inference> infer(
      Caller caller,
      std::string_view model,
      std::string_view prompt,
      const InferenceParameters& parameters
  ) override {
    WHORL_TRY(
        const auto answer, service_.post(caller, kInfer, infer_body(model, prompt, parameters))
    );
    const auto json = remote::parse_answer_json(answer.body);
    const auto text = json ? remote::find_text(*json, {"text"}) : std::nullopt;
    const auto asked =
        json ? remote::find_count(*json, {"usage", "promptTokenCount"}) : std::nullopt;
    const auto made =
        json ? remote::find_count(*json, {"usage", "generatedTokenCount"}) : std::nullopt;
    if (!text || !asked || !made) {
      return ModelService::unusable(kInfer, answer);
    }
    return Inference{
        .text = std::string(*text), .prompt_tokens = *asked, .generated_tokens = *made
    };
  }

  Result<Embeddings> embed(
      Caller caller, std::string_view model, std::span<const std::string_view> texts
  ) override {
    std::string body =
        fmt::format(R"({{"model":{},"input":{}}})", app::json_string(model), json_array(texts));
    WHORL_TRY(const auto answer, service_.post(caller, kEmbed, std::move(body)));
    const auto json = remote::parse_answer_json(answer.body);
    const auto* vectors = json ? remote::find_array(*json, {"embeddings"}) : nullptr;
    const auto asked =
        json ? remote::find_count(*json, {"usage", "promptTokenCount"}) : std::nullopt;
    if (vectors == nullptr || !asked) {
      return ModelService::unusable(kEmbed, answer);
    }
    Embeddings out{.prompt_tokens = *asked};
    for (const boost::json::value& each : *vectors) {
      auto read = read_vector(&each);
      if (!read) {
        return ModelService::unusable(kEmbed, answer);
      }
      out.vectors.push_back(*std::move(read));
    }
    return out;
  }

 private:
  ModelService service_;
};

}  // namespace

Result<std::shared_ptr<Models>> make_spin_models(
    RemoteModelSettings settings, remote::ServiceClient& client
) {
  ModelService service(std::move(settings), client);
  WHORL_CHECKED(service.check());
  return std::shared_ptr<Models>(std::make_shared<SpinModels>(std::move(service)));
}

}  // namespace whorl::host::llm
