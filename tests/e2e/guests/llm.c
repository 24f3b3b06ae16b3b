#include "whorl.h"
#include "whorl_abi.h"

// Language models through each interface: /VERSION/infer/MODEL with the prompt as body,
// /VERSION/embed/MODEL with one text as body, where VERSION is v1 or v2. The answer is the text and
// the counts of tokens, the vectors by line, or "error <case> <text>".

#define V1 "fermyon:spin/llm"
#define V2 "fermyon:spin/llm@2.0.0"

// clang-format off
WHORL_IMPORT(V1, "infer") void v1_infer(const char *, size_t, const char *, size_t, int32_t, int32_t, float, int32_t, float, int32_t, float, whorl_area *);
WHORL_IMPORT(V2, "infer") void v2_infer(const char *, size_t, const char *, size_t, int32_t, int32_t, float, int32_t, float, int32_t, float, whorl_area *);
WHORL_IMPORT(V1, "generate-embeddings") void v1_embed(const char *, size_t, const whorl_text *, size_t, whorl_area *);
WHORL_IMPORT(V2, "generate-embeddings") void v2_embed(const char *, size_t, const whorl_text *, size_t, whorl_area *);
// clang-format on

static whorl_text text_at(const int32_t* words) {
  whorl_text text = {(const char*)(uintptr_t)(uint32_t)words[0], (size_t)(uint32_t)words[1]};
  return text;
}

static void print_error(whorl_response* response, const whorl_area* area) {
  whorl_print(response, "error ");
  whorl_print_number(response, area->u8[4]);
  whorl_print(response, " ");
  if (area->u8[4] != 0) {
    whorl_print_text(response, text_at(area->i32 + 2));
  }
}

static void print_vectors(whorl_response* response, const whorl_area* area) {
  const int32_t* vectors = (const int32_t*)(uintptr_t)(uint32_t)area->i32[1];
  for (int32_t i = 0; i < area->i32[2]; ++i) {
    const float* numbers = (const float*)(uintptr_t)(uint32_t)vectors[2 * i];
    for (int32_t j = 0; j < vectors[2 * i + 1]; ++j) {
      whorl_print_number(response, (uint64_t)(numbers[j] * 100.0F));
      whorl_print(response, " ");
    }
    whorl_print(response, "\n");
  }
  whorl_print_number(response, (uint64_t)(uint32_t)area->i32[3]);
}

static whorl_text read_body(whorl_request* request) {
  enum { kCapacity = 65536 };
  char* data = whorl_alloc(kCapacity);
  size_t size = 0;
  long count = 0;
  while ((count = whorl_read(request, data + size, kCapacity - size)) > 0) {
    size += (size_t)count;
  }
  whorl_text text = {data, size};
  return text;
}

void whorl_handle(whorl_request* request, whorl_response* response) {
  whorl_text path = whorl_path(request);
  whorl_text body = read_body(request);
  size_t name = path.size;
  while (name > 0 && path.data[name - 1] != '/') {
    --name;
  }
  const char* model = path.data + name;
  size_t size = path.size - name;
  int is_v1 = whorl_starts_with(path, "/v1/");
  whorl_area area;
  if (whorl_starts_with(path, "/v1/embed/") || whorl_starts_with(path, "/v2/embed/")) {
    whorl_text texts[2] = {body, {"second", 6}};
    if (is_v1) {
      v1_embed(model, size, texts, 2, &area);
    } else {
      v2_embed(model, size, texts, 2, &area);
    }
    if (area.u8[0] != 0) {
      print_error(response, &area);
    } else {
      print_vectors(response, &area);
    }
    return;
  }
  if (is_v1) {
    v1_infer(model, size, body.data, body.size, 0, 0, 0, 0, 0, 0, 0, &area);
  } else {
    v2_infer(model, size, body.data, body.size, 1, 5, 1.5F, 6, 0.5F, 7, 0.25F, &area);
  }
  if (area.u8[0] != 0) {
    print_error(response, &area);
    return;
  }
  whorl_print_text(response, text_at(area.i32 + 1));
  whorl_print(response, " ");
  whorl_print_number(response, (uint64_t)(uint32_t)area.i32[3]);
  whorl_print(response, " ");
  whorl_print_number(response, (uint64_t)(uint32_t)area.i32[4]);
}
