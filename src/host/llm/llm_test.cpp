// Language models as guests see them, over stand-ins for both protocols.
#include "host/llm/backends/no_local_models.hpp"
#include "host/llm/backends/remote_models.hpp"
#include "host/llm/llm_capability.hpp"
#include "host/test_support.hpp"
#include "http/client_test_support.hpp"

#include <doctest/doctest.h>

#include <functional>

namespace whorl::host::llm {
namespace {

namespace v1 = wit::fermyon_spin_llm_v1;
namespace v2 = wit::fermyon_spin_llm;

using http::test::Peer;
using http::test::Server;

/// A component that may use the model "m".
struct World : test::Scene {
  explicit World(std::shared_ptr<Models> models) {
    capability.link(registry);
    hosts.resize(registry.size());
    app::Component component;
    component.ai_models = {"m"};
    auto granted = AppLlmCapability(capability, std::move(models)).grant(component);
    REQUIRE(granted);
    grant = *std::move(granted);
    CHECK(grant->prepare(hosts) == nullptr);
  }
  template <class Host>
  Host& host(const component::HostInterface& interface) {
    const auto match = registry.find(interface.name, interface.version);
    REQUIRE(match);
    return *static_cast<Host*>(hosts[match->host_slot]);
  }
  component::HostRegistry registry;
  LlmCapability capability;
  std::vector<void*> hosts;
  std::unique_ptr<const Grant> grant;
};

std::string text_of(const v2::Error& error) {
  switch (error.tag) {
    case v2::Error::Tag::ModelNotSupported:
      return "model-not-supported";
    case v2::Error::Tag::RuntimeError:
      return "runtime: " + error.as<std::string>();
    case v2::Error::Tag::InvalidInput:
      return "invalid: " + error.as<std::string>();
  }
  return {};
}

TEST_CASE("without a service there are no models, and none that was not granted") {
  World world(make_no_local_models());
  world.run([&] {
    auto& host = world.host<v2::Host>(v2::kInterface);
    CHECK(
        text_of(host.infer(world.call, "other", "p", std::nullopt)->error()) ==
        "invalid: The component does not have access to use 'other'. To give the component access, "
        "add 'other' to the 'ai_models' key for the component in your spin.toml manifest"
    );
    CHECK(
        text_of(host.generate_embeddings(world.call, "other", {})->error()).starts_with("invalid: ")
    );
    const std::string refusal =
        "runtime: Local LLM operations are not supported in this version of Spin.";
    CHECK(text_of(host.infer(world.call, "m", "p", std::nullopt)->error()) == refusal);
    CHECK(text_of(host.generate_embeddings(world.call, "m", {"a"})->error()) == refusal);
    auto& old = world.host<v1::Host>(v1::kInterface);
    const auto refused = old.infer(world.call, "m", "p", std::nullopt);
    REQUIRE(refused->error().tag == v1::Error::Tag::RuntimeError);
    CHECK("runtime: " + refused->error().as<std::string>() == refusal);
  });
}

using MakeModels = Result<std::shared_ptr<Models>> (*)(RemoteModelSettings, remote::ServiceClient&);

/// Runs `use` with the models of a service that answers once, and returns what it was sent.
template <class Use>
std::string exchange(MakeModels make, std::string answer, Use use) {
  std::string received;
  Server server({[&](Peer& peer) {
    received = peer.read_head();
    const std::size_t at = received.find("content-length: ");
    std::size_t left = static_cast<std::size_t>(std::atoi(received.c_str() + at + 16));
    while (left > 0) {
      const std::string part = peer.read_until("}");
      received += part;
      left -= std::min(left, part.size());
    }
    peer.send(answer);
  }});
  remote::ServiceClient client;
  auto models = make(
      {.url = *remote::parse_service_url("http://" + server.authority() + "/ignored"),
       .auth_token = "t0ken"},
      client
  );
  REQUIRE(models);
  World world(*std::move(models));
  world.run([&] { use(world, world.host<v2::Host>(v2::kInterface)); });
  return received;
}

std::string json(std::string_view body, std::string_view status = "200 OK") {
  return fmt::format("HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n{}", status, body.size(), body);
}

TEST_CASE("Spin's protocol") {
  std::string sent = exchange(
      make_spin_models,
      json(R"({"text":"hi\n","usage":{"promptTokenCount":3,"generatedTokenCount":4}})"),
      [](World& world, v2::Host& host) {
        const auto got = host.infer(world.call, "m", "say \"hi\"", std::nullopt);
        REQUIRE(got->has_value());
        CHECK((*got)->text == "hi\n");
        CHECK((*got)->usage.prompt_token_count == 3);
        CHECK((*got)->usage.generated_token_count == 4);
      }
  );
  CHECK(sent.starts_with("POST /infer HTTP/1.1\r\n"));
  CHECK(sent.contains("\r\nauthorization: bearer t0ken\r\n"));
  CHECK(sent.ends_with(
      R"({"model":"m","prompt":"say \"hi\"","options":{"maxTokens":100,"repeatPenalty":1.1,)"
      R"("repeatPenaltyLastNTokenCount":64,"temperature":0.8,"topK":40,"topP":0.9}})"
  ));
  sent = exchange(
      make_spin_models,
      json(R"({"embeddings":[[1,-0.5],[]],"usage":{"promptTokenCount":7}})"),
      [](World& world, v2::Host& host) {
        const auto got = host.generate_embeddings(world.call, "m", {"a", "b"});
        REQUIRE(got->has_value());
        CHECK((*got)->embeddings == std::vector<std::vector<float>>{{1.0F, -0.5F}, {}});
        CHECK((*got)->usage.prompt_token_count == 7);
      }
  );
  CHECK(sent.starts_with("POST /embed HTTP/1.1\r\n"));
  CHECK(sent.ends_with(R"({"model":"m","input":["a","b"]})"));
}

TEST_CASE("OpenAI's protocol") {
  std::string sent = exchange(
      make_open_ai_models,
      json(R"({"choices":[{"message":{"role":"assistant","content":"hi"}}],)"
           R"("usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}})"),
      [](World& world, v2::Host& host) {
        const v2::InferencingParams params{
            .max_tokens = 5,
            .repeat_penalty = 1.0F,
            .repeat_penalty_last_n_token_count = 1,
            .temperature = 1,
            .top_k = 1,
            .top_p = 1
        };
        const auto got = host.infer(world.call, "m", "p", params);
        REQUIRE(got->has_value());
        CHECK((*got)->text == "hi");
        CHECK((*got)->usage.generated_token_count == 4);
      }
  );
  CHECK(sent.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
  CHECK(sent.ends_with(
      R"({"messages":[{"role":"user","content":"p"}],"model":"m","max_completion_tokens":5,)"
      R"("frequency_penalty":1.0})"
  ));
  sent = exchange(
      make_open_ai_models,
      json(R"({"data":[{"embedding":[0.25]}],"usage":{"prompt_tokens":7}})"),
      [](World& world, v2::Host& host) {
        const auto got = host.generate_embeddings(world.call, "m", {"a"});
        REQUIRE(got->has_value());
        CHECK((*got)->embeddings == std::vector<std::vector<float>>{{0.25F}});
      }
  );
  CHECK(sent.starts_with("POST /v1/embeddings HTTP/1.1\r\n"));
  CHECK(sent.ends_with(R"({"input":["a"],"model":"m"})"));
}

TEST_CASE("services in trouble") {
  struct Case {
    MakeModels make;
    std::string answer;
    std::string infer;
    std::string embed;
  };
  const Case cases[] = {
      {make_spin_models,
       json("{}"),
       "runtime: Failed to deserialize response for \"POST /infer\"",
       "runtime: Failed to deserialize response for \"POST /embed\""},
      {make_spin_models,
       json("no", "503 No"),
       "runtime: POST /infer request error: the service answered with status 503",
       "runtime: POST /embed request error: the service answered with status 503"},
      {make_open_ai_models,
       json(R"({"error":{"message":"Incorrect API key provided: t0ken"}})", "401 No"),
       "runtime: Incorrect API key provided: ***",
       "runtime: Incorrect API key provided: ***"},
      {make_open_ai_models,
       json(R"({"choices":[{"message":{"content":null}}],"data":[{"embedding":["x"]}],)"
            R"("usage":{"prompt_tokens":1,"completion_tokens":1}})"),
       "runtime: Failed to deserialize response for \"POST /v1/chat/completions\"",
       "runtime: Failed to deserialize response for \"POST /v1/embeddings\""},
      {make_open_ai_models,
       "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
       "runtime: POST /v1/chat/completions request error: the service's answer was cut",
       "runtime: POST /v1/embeddings request error: the service's answer was cut"},
  };
  for (const Case& item : cases) {
    CAPTURE(item.answer);
    static_cast<void>(exchange(item.make, item.answer, [&](World& world, v2::Host& host) {
      CHECK(text_of(host.infer(world.call, "m", "p", std::nullopt)->error()) == item.infer);
    }));
    static_cast<void>(exchange(item.make, item.answer, [&](World& world, v2::Host& host) {
      CHECK(text_of(host.generate_embeddings(world.call, "m", {"a"})->error()) == item.embed);
    }));
  }
}

TEST_CASE("a token that cannot stand in a header is refused without being shown") {
  remote::ServiceClient client;
  for (const MakeModels make : {make_spin_models, make_open_ai_models}) {
    const auto refused = make({.url = {}, .auth_token = "s3cret\nx"}, client);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().to_line() == "Failed to create authorization header");
  }
}

}  // namespace
}  // namespace whorl::host::llm
