/// The HTTP trigger: routes requests to components, static answers and reserved paths.
///
/// One HttpApp is shared by all shards; each shard has an HttpTrigger, the Handler its server
/// calls.
#pragma once

#include "app/http_trigger.hpp"
#include "app/locked_app.hpp"
#include "app/route.hpp"
#include "base/local_ptr.hpp"
#include "base/result.hpp"
#include "http/exchange.hpp"
#include "http/in_process_hosts.hpp"
#include "runtime/prepare.hpp"
#include "runtime/service_slot.hpp"
#include "runtime/shard_runtime.hpp"
#include "trigger/http/static_site.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace whorl::trigger {

/// What all shards share of an application with HTTP triggers. @thread any (immutable)
struct HttpApp {
  std::shared_ptr<const app::LockedApp> app;
  std::vector<app::HttpTrigger> triggers;
  app::RouteTable routes;
  /// By index of the trigger; null for a static response.
  std::vector<std::shared_ptr<runtime::ServiceSlot>> services;
  /// Those of all triggers, public and private, by component id; views into `triggers`.
  std::unordered_map<std::string_view, std::shared_ptr<runtime::ServiceSlot>> components;
  /// Those of them that are run as commands; views into `triggers`. Of several executors for one
  /// component the last declared counts.
  std::unordered_map<std::string_view, std::string_view> wagi_arguments;
  /// Components whose files are served by the host; views into `triggers`.
  std::unordered_map<std::string_view, StaticSite> sites;
  /// What a component called by another one is told about its route.
  app::Route chained_route;
  /// Body of `/.well-known/spin/info`.
  std::string info_json;
};

/// Builds the routes of triggers that app::http_triggers() read. Only components that some trigger
/// names are needed in `services`.
/// @return errors: those of app::RouteTable::build() and app::static_files(); NotFound for a
/// component
///         without a service
[[nodiscard]] Result<std::shared_ptr<const HttpApp>> make_http_app(
    std::shared_ptr<const app::LockedApp> app,
    std::vector<app::HttpTrigger> triggers,
    const runtime::Services& services
);

/// The components that are run as commands, of triggers in the order of the manifest.
[[nodiscard]] std::vector<std::string> wagi_components(std::span<const app::HttpTrigger> triggers);

/// Answers the requests of one shard. Requests for a component that is still being prepared wait
/// until it is. @thread shard
class HttpTrigger final : public http::Handler, public http::InProcessHosts {
 public:
  /// @param runtime  outlives this object
  HttpTrigger(std::shared_ptr<const HttpApp> app, runtime::ShardRuntime& runtime)
      : app_(make_share(std::move(app))), runtime_(runtime) {}

  /// From now on requests are answered by this application; those that have begun are not touched.
  void replace(std::shared_ptr<const HttpApp> app) { app_ = make_share(std::move(app)); }

  // http::Handler
  void handle(LocalPtr<http::Exchange> exchange) override;
  // http::InProcessHosts: service chaining
  [[nodiscard]] bool has_component(std::string_view component_id) const override;
  void serve(std::string_view component_id, LocalPtr<http::Exchange> exchange) override;

 private:
  /// Adds what the component is told of the request, and lets it answer.
  void run(
      const app::RouteMatch& match,
      std::string_view component_id,
      const std::shared_ptr<const runtime::Service>& service,
      const app::RequestFacts& facts,
      LocalPtr<http::Exchange> exchange
  );

  /// Calls `again` when the slot is settled, if it is pending; a slot that failed answers 500.
  void wait_or_fail(
      runtime::ServiceSlot& slot,
      LocalPtr<http::Exchange> exchange,
      std::move_only_function<void(LocalPtr<http::Exchange>)> again
  );

  /// The shard's share of an application: each request holds it, and all of them count as one
  /// among the shards.
  [[nodiscard]] static LocalPtr<const HttpApp> make_share(std::shared_ptr<const HttpApp> app) {
    const auto share = make_local<std::shared_ptr<const HttpApp>>(std::move(app));
    return {share, share->get()};
  }

  LocalPtr<const HttpApp> app_;
  runtime::ShardRuntime& runtime_;
};

}  // namespace whorl::trigger
