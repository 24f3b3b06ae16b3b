#include "host/llm/backends/no_local_models.hpp"

namespace whorl::host::llm {
namespace {

class NoLocalModels final : public Models {
 public:
  std::string_view backend() const noexcept override { return "spin"; }
  Result<Inference> infer(Caller, std::string_view, std::string_view, const InferenceParameters&)
      override {
    return refusal();
  }
  Result<Embeddings> embed(Caller, std::string_view, std::span<const std::string_view>) override {
    return refusal();
  }

 private:
  static Error refusal() {
    return fail(
        ErrorKind::Unsupported, "Local LLM operations are not supported in this version of Spin."
    );
  }
};

}  // namespace

std::shared_ptr<Models> make_no_local_models() {
  return std::make_shared<NoLocalModels>();
}

}  // namespace whorl::host::llm
