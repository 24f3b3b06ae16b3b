#include "trigger/http/http_trigger.hpp"

#include "http/in_process_hosts.hpp"
#include "telemetry/request_record.hpp"
#include "trigger/http/wagi_call.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <string_view>
#include <utility>

namespace whorl::trigger {
namespace {

constexpr std::string_view kReservedPrefix = "/.well-known/spin/";

std::string json_string(std::string_view text) {
  return boost::json::serialize(boost::json::value(text));
}

std::string make_info_json(const app::LockedApp& app) {
  std::string text = "{\n  \"name\": " + json_string(app.name);
  if (!app.version.empty()) {
    text += ",\n  \"version\": " + json_string(app.version);
  }
  return text + "\n}";
}

void respond_with(
    http::Exchange& exchange, std::uint16_t status, http::Fields fields, std::string_view body
) {
  http::Response response;
  response.status = status;
  response.fields = std::move(fields);
  if (body.empty()) {
    response.body = http::BodyPipe::empty();
  } else {
    response.body = make_local<http::BodyPipe>(body.size());
    response.body->write(as_bytes(body));
    response.body->finish();
  }
  exchange.respond(std::move(response));
}

/// `/.well-known/spin/health` and `info`; any other path below is nobody's.
void answer_reserved(http::Exchange& exchange, std::string_view name, const HttpApp& app) {
  http::Fields fields;
  if (name == "health") {
    respond_with(exchange, 200, std::move(fields), "OK");
  } else if (name == "info") {
    fields.append("content-type", "application/json");
    respond_with(exchange, 200, std::move(fields), app.info_json);
  } else {
    exchange.abort(404);
  }
}

/// Adds the `spin-*` headers, after what the client sent under the same names, if and when the
/// guest looks at its headers. The facts are views of the exchange's request.
void describe(
    LocalPtr<const HttpApp> app,
    const app::RouteMatch& match,
    const app::RequestFacts& facts,
    http::Exchange& exchange
) {
  exchange.set_more_fields([app = std::move(app), match, facts](http::FieldSink& sink) {
    app::for_each_spin_header(match, facts, [&](std::string_view name, std::string_view value) {
      sink.add(name, value);
    });
  });
}

void answer_static(http::Exchange& exchange, const app::StaticResponse& answer) {
  http::Fields fields;
  for (const auto& [name, value] : answer.headers) {
    fields.append(name, value);
  }
  respond_with(exchange, answer.status, std::move(fields), answer.body);
}

}  // namespace

Result<std::shared_ptr<const HttpApp>> make_http_app(
    std::shared_ptr<const app::LockedApp> app,
    std::vector<app::HttpTrigger> triggers,
    const runtime::Services& services
) {
  WHORL_TRY(auto routes, app::RouteTable::build(triggers));
  auto result = std::make_shared<HttpApp>();
  result->routes = std::move(routes);
  for (const app::HttpTrigger& trigger : triggers) {
    const auto found = services.find(trigger.component);
    result->services.push_back(found == services.end() ? nullptr : found->second);
    if (!trigger.static_response && found == services.end()) {
      return fail(ErrorKind::NotFound, "no such component \"{}\"", trigger.component);
    }
  }
  result->triggers = std::move(triggers);
  for (std::size_t i = 0; i < result->triggers.size(); ++i) {
    if (result->services[i] != nullptr) {
      result->components.emplace(result->triggers[i].component, result->services[i]);
    }
  }
  for (const auto& [id, slot] : result->components) {
    const app::Component* component = app->find_component(id);
    WHORL_TRY(
        auto settings,
        component != nullptr ? app::static_files(*component)
                             : Result<std::optional<app::StaticFiles>>()
    );
    if (settings) {
      result->sites.emplace(id, StaticSite(*std::move(settings)));
    }
  }
  for (const app::HttpTrigger& trigger : result->triggers) {
    if (trigger.wagi) {
      result->wagi_arguments[trigger.component] = trigger.wagi->argv;
    } else {
      result->wagi_arguments.erase(trigger.component);
    }
  }
  result->chained_route.raw = "/...";
  result->chained_route.matched = "/...";
  result->info_json = make_info_json(*app);
  result->app = std::move(app);
  return std::shared_ptr<const HttpApp>(std::move(result));
}

std::vector<std::string> wagi_components(std::span<const app::HttpTrigger> triggers) {
  std::vector<std::string> ids;
  for (const app::HttpTrigger& trigger : triggers) {
    std::erase(ids, trigger.component);
    if (trigger.wagi) {
      ids.push_back(trigger.component);
    }
  }
  return ids;
}

void HttpTrigger::run(
    const app::RouteMatch& match,
    std::string_view component_id,
    const std::shared_ptr<const runtime::Service>& service,
    const app::RequestFacts& facts,
    LocalPtr<http::Exchange> exchange
) {
  if (!app_->sites.empty()) [[unlikely]] {
    const auto site = app_->sites.find(component_id);
    if (site != app_->sites.end() &&
        site->second.try_answer(runtime_.shard(), service->preopens, match.path_info, *exchange)) {
      return;
    }
  }
  const auto wagi = app_->wagi_arguments.find(component_id);
  if (wagi != app_->wagi_arguments.end()) {
    make_local<WagiCall>(runtime_, service, std::move(exchange), app_, match, wagi->second)
        ->start();
    return;
  }
  describe(app_, match, facts, *exchange);
  runtime_.serve(service, std::move(exchange));
}

void HttpTrigger::wait_or_fail(
    runtime::ServiceSlot& slot,
    LocalPtr<http::Exchange> exchange,
    std::move_only_function<void(LocalPtr<http::Exchange>)> again
) {
  if (slot.state() == runtime::ServiceSlot::State::Failed) {
    exchange->abort(500);
    return;
  }
  slot.when_settled(
      runtime_.shard(),
      [exchange = std::move(exchange), again = std::move(again)]() mutable {
        again(std::move(exchange));
      }
  );
}

void HttpTrigger::handle(LocalPtr<http::Exchange> exchange) {
  const http::Request& request = exchange->request_so_far();
  const std::string_view target = request.path_and_query;
  const std::string_view path = target.substr(0, target.find('?'));
  if (path.starts_with(kReservedPrefix)) [[unlikely]] {
    answer_reserved(*exchange, path.substr(kReservedPrefix.size()), *app_);
    return;
  }
  const app::RouteMatch match = app_->routes.match(path);
  if (match.route == nullptr) {
    exchange->abort(404);
    return;
  }
  // A name of the inside means nobody out here, in Spin too.
  const std::string_view host = request.authority;
  if (host.substr(0, host.rfind(':')).ends_with(http::kInternalSuffix)) [[unlikely]] {
    exchange->abort(400);
    return;
  }
  if (auto* record = exchange->record()) {
    record->set_route(match.route->matched);
  }
  const app::HttpTrigger& trigger = app_->triggers[match.route->trigger];
  if (trigger.static_response) {
    answer_static(*exchange, *trigger.static_response);
    return;
  }
  runtime::ServiceSlot& slot = *app_->services[match.route->trigger];
  const auto* service = slot.get();
  if (service == nullptr) [[unlikely]] {
    wait_or_fail(slot, std::move(exchange), [this](auto waiting) { handle(std::move(waiting)); });
    return;
  }
  const app::RequestFacts facts{
      .scheme = request.scheme == http::Scheme::Https ? "https" : "http",
      .host = request.authority,
      .path_and_query = target,
      .client_address = request.client_address,
  };
  run(match, trigger.component, *service, facts, std::move(exchange));
}

bool HttpTrigger::has_component(std::string_view component_id) const {
  return app_->components.contains(component_id);
}

void HttpTrigger::serve(std::string_view component_id, LocalPtr<http::Exchange> exchange) {
  const auto found = app_->components.find(component_id);
  if (found == app_->components.end()) {
    // The application was replaced between the two calls.
    exchange->abort(500);
    return;
  }
  const auto* service = found->second->get();
  if (service == nullptr) [[unlikely]] {
    wait_or_fail(
        *found->second,
        std::move(exchange),
        [this, id = std::string(component_id)](auto waiting) { serve(id, std::move(waiting)); }
    );
    return;
  }
  const http::Request& request = exchange->request_so_far();
  const std::string_view target = request.path_and_query;
  const app::RouteMatch match{
      .route = &app_->chained_route, .path_info = target.substr(0, target.find('?')), .values = {}
  };
  const app::RequestFacts facts{
      .scheme = "http",
      .host = {},
      .path_and_query = target,
      .client_address = request.client_address,
  };
  run(match, found->first, *service, facts, std::move(exchange));
}

}  // namespace whorl::trigger
