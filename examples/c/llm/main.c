#include "example.h"
#include "text.h"

// Has a language model answer what is posted; runtime-config.toml says where it is.

void whorl_handle(whorl_request* request, whorl_response* response) {
  example_string_t model = words("llama2-chat");
  example_string_t prompt = string_of(body_of(request, 64 * 1024));
  fermyon_spin_llm_inferencing_result_t result;
  fermyon_spin_llm_error_t error;
  if (!fermyon_spin_llm_infer(&model, &prompt, NULL, &result, &error)) {
    fail(response, "the model does not answer\n");
    return;
  }
  whorl_print_text(response, text_of(result.text));
  whorl_print(response, "\n");
}
