// OpenAI's protocol, as many services speak it: chat completions with one message, embeddings.
#include "app/json.hpp"
#include "host/llm/backends/remote_models.hpp"
#include "host/remote/answer_json.hpp"

#include <boost/json/value.hpp>
#include <fmt/format.h>

#include <utility>

namespace whorl::host::llm {
namespace {

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kEmbed = "/v1/embeddings";

class OpenAiModels final : public Models {
 public:
  std::string_view backend() const noexcept override { return "remote_http"; }
  explicit OpenAiModels(ModelService service) : service_(std::move(service)) {}

  /// Of the parameters two have a counterpart that all models take; Spin sends these, too.
  Result<Inference> infer(
      Caller caller,
      std::string_view model,
      std::string_view prompt,
      const InferenceParameters& parameters
  ) override {
    std::string body = fmt::format(
        R"({{"messages":[{{"role":"user","content":{}}}],"model":{},)"
        R"("max_completion_tokens":{},"frequency_penalty":{}}})",
        app::json_string(prompt),
        app::json_string(model),
        parameters.max_tokens,
        json_number(parameters.repeat_penalty)
    );
    WHORL_TRY(const auto answer, service_.post(caller, kChat, std::move(body)));
    const auto json = remote::parse_answer_json(answer.body);
    if (!json) {
      return ModelService::unusable(kChat, answer);
    }
    const auto asked = remote::find_count(*json, {"usage", "prompt_tokens"});
    const auto made = remote::find_count(*json, {"usage", "completion_tokens"});
    const auto* choices = remote::find_array(*json, {"choices"});
    if (!asked || !made || choices == nullptr) {
      return refused(kChat, *json, answer);
    }
    Inference out{.prompt_tokens = *asked, .generated_tokens = *made};
    if (!choices->empty()) {
      const auto text = remote::find_text(choices->front(), {"message", "content"});
      if (!text) {
        return ModelService::unusable(kChat, answer);
      }
      out.text = *text;
    }
    return out;
  }

  Result<Embeddings> embed(
      Caller caller, std::string_view model, std::span<const std::string_view> texts
  ) override {
    std::string body =
        fmt::format(R"({{"input":{},"model":{}}})", json_array(texts), app::json_string(model));
    WHORL_TRY(const auto answer, service_.post(caller, kEmbed, std::move(body)));
    const auto json = remote::parse_answer_json(answer.body);
    if (!json) {
      return ModelService::unusable(kEmbed, answer);
    }
    const auto asked = remote::find_count(*json, {"usage", "prompt_tokens"});
    const auto* data = remote::find_array(*json, {"data"});
    if (!asked || data == nullptr) {
      return refused(kEmbed, *json, answer);
    }
    Embeddings out{.prompt_tokens = *asked};
    for (const boost::json::value& each : *data) {
      auto read = read_vector(remote::find_value(each, {"embedding"}));
      if (!read) {
        return ModelService::unusable(kEmbed, answer);
      }
      out.vectors.push_back(*std::move(read));
    }
    return out;
  }

 private:
  /// The service's own words, where it has some.
  [[nodiscard]] Error refused(
      std::string_view path, const boost::json::value& json, const remote::ServiceAnswer& answer
  ) const {
    const auto message = remote::find_text(json, {"error", "message"});
    return message ? Error(ErrorKind::Unavailable, service_.shown(*message))
                   : ModelService::unusable(path, answer);
  }

  ModelService service_;
};

}  // namespace

Result<std::shared_ptr<Models>> make_open_ai_models(
    RemoteModelSettings settings, remote::ServiceClient& client
) {
  ModelService service(std::move(settings), client);
  WHORL_CHECKED(service.check());
  return std::shared_ptr<Models>(std::make_shared<OpenAiModels>(std::move(service)));
}

}  // namespace whorl::host::llm
