#include "trigger/http/wagi_call.hpp"

#include "async/shard.hpp"
#include "log/rate_limit.hpp"
#include "telemetry/request_record.hpp"
#include "trigger/http/wagi.hpp"

#include <utility>

namespace whorl::trigger {
namespace {

constexpr std::string_view kLogTarget = "whorl::trigger";

/// A command can write nonsense on every request: its report must not become a flood.
constinit log::RateLimit problem_reports{100, std::chrono::seconds(1)};

}  // namespace

WagiCall::WagiCall(
    runtime::ShardRuntime& runtime,
    std::shared_ptr<const runtime::Service> service,
    LocalPtr<http::Exchange> exchange,
    LocalPtr<const void> app,
    const app::RouteMatch& match,
    std::string_view argv
)
    : runtime_(runtime),
      service_(std::move(service)),
      exchange_(std::move(exchange)),
      app_(std::move(app)),
      route_(match.route),
      path_info_(match.path_info),
      values_(match.values.begin(), match.values.end()),
      argv_(argv) {}

void WagiCall::start() {
  reading_ = shared_from_this();
  exchange_->client_gone_event().add(on_client_gone_);
  exchange_->request().body->demand();
  read_on();
}

// Posted: a pipe must not be read while it is being written.
void WagiCall::Listener::on_event() noexcept {
  call_.runtime_.shard().post([call = call_.shared_from_this()] { call->read_on(); });
}

void WagiCall::refuse(std::uint16_t status) {
  const LocalPtr<WagiCall> last = std::move(reading_);
  on_body_.stop();
  on_client_gone_.stop();
  exchange_->request().body->stop_reading();
  exchange_->abort(status);
}

void WagiCall::read_on() {
  if (reading_ == nullptr) {
    return;
  }
  http::BodyPipe& body = *exchange_->request().body;
  const ByteView more = body.readable();
  if (more.size() > kMaxBody - input_.bytes.size()) {
    refuse(413);
    return;
  }
  input_.bytes.insert(input_.bytes.end(), more.begin(), more.end());
  body.consume(more.size());
  if (exchange_->client_gone() || body.failure()) {
    refuse(400);
  } else if (body.at_end()) {
    run();
  } else if (!on_body_.is_linked()) {
    body.readable_event().add(on_body_);
  }
}

void WagiCall::run() {
  const LocalPtr<WagiCall> self = std::move(reading_);
  on_body_.stop();
  on_client_gone_.stop();
  const http::Request& request = exchange_->request();
  const app::RouteMatch match{
      .route = route_, .path_info = path_info_, .values = {values_.begin(), values_.end()}
  };
  const app::RequestFacts facts{
      .scheme = request.scheme == http::Scheme::Https ? "https" : "http",
      .host = request.authority,
      .path_and_query = request.path_and_query,
      .client_address = request.client_address,
  };
  environment_ =
      wagi_environment(service_->environment, request, match, facts, input_.bytes.size());
  arguments_ = wagi_arguments(argv_, request.path_and_query);
  if (telemetry::RequestRecord* record = exchange_->record()) {
    record->set_wagi();
  }
  runtime_.run_command(service_, exchange_, self);
}

void WagiCall::ended(const std::expected<void, engine::Trap>& outcome) {
  if (!outcome || exchange_->has_response()) {
    return;  // the runtime reports it and answers
  }
  WagiResponse answer = output_.too_long ? WagiResponse{500, {}, {}, "the command wrote too much"}
                                         : parse_wagi_output(output_.bytes, service_->id);
  if (!answer.problem.empty()) {
    log::log_limited(
        problem_reports,
        log::Level::Error,
        kLogTarget,
        "component `{}`: {}",
        service_->id,
        answer.problem
    );
  }
  http::Response response;
  response.status = answer.status;
  response.fields = std::move(answer.fields);
  response.body = make_local<http::BodyPipe>(answer.body.size());
  response.body->write(as_bytes(answer.body));
  response.body->finish();
  exchange_->respond(std::move(response));
}

}  // namespace whorl::trigger
