#include "host/remote/service_client.hpp"

#include "async/timer.hpp"
#include "http/client_exchange.hpp"

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::host::remote {
namespace {

using http::ClientFailure;

constexpr std::size_t kMaxShownBytes = 500;

http::Request to_http(const ServiceRequest& request) {
  http::Request out;
  out.method = request.method;
  out.scheme = request.is_tls ? http::Scheme::Https : http::Scheme::Http;
  out.authority = request.authority;
  out.path_and_query = request.path_and_query;
  out.fields = request.fields;
  if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
    out.fields.append("content-length", fmt::to_string(request.body.size()));
    out.body = make_local<http::BodyPipe>(std::max<std::size_t>(request.body.size(), 1));
    out.body->write(as_bytes(request.body));
    out.body->finish();
  }
  return out;
}

/// In words of our own: those of the client may name the destination.
Error to_error(ClientFailure failure) {
  switch (failure) {
    case ClientFailure::NameNotFound:
      return fail(ErrorKind::Unavailable, "the service's name is not known");
    case ClientFailure::ConnectionRefused:
      return fail(ErrorKind::Unavailable, "the service refused the connection");
    case ClientFailure::ConnectionTimeout:
      return fail(ErrorKind::DeadlineExceeded, "no connection to the service in time");
    case ClientFailure::ReadTimeout:
      return fail(ErrorKind::DeadlineExceeded, "the service did not answer in time");
    case ClientFailure::ConnectionLimit:
      return fail(ErrorKind::Overloaded, "too many connections");
    case ClientFailure::Tls:
      return fail(ErrorKind::Unavailable, "no trusted connection to the service (TLS)");
    case ClientFailure::HeadTooLong:
    case ClientFailure::Protocol:
      return fail(ErrorKind::Unavailable, "the service gave no HTTP answer");
    default:
      return fail(ErrorKind::Unavailable, "the service cannot be reached");
  }
}

Error too_late() {
  return fail(ErrorKind::DeadlineExceeded, "the service did not answer in time");
}

Error too_long(std::size_t limit) {
  return fail(ErrorKind::ResourceLimit, "query result exceeds limit of {} bytes", limit);
}

/// Waits until `done`, with the fiber parked.
template <class Done>
Result<> wait_for(Caller caller, async::Event& event, async::Deadline deadline, Done done) {
  while (!done()) {
    if (deadline.is_expired()) {
      return too_late();
    }
    auto waited = async::wait_on(caller.shard, caller.fiber, event, deadline);
    if (!waited && waited.error().kind() != ErrorKind::DeadlineExceeded) {
      return waited;
    }
  }
  return {};
}

Result<std::string> read_body(
    Caller caller, http::BodyPipe& body, std::size_t limit, async::Deadline deadline
) {
  std::string text;
  while (true) {
    body.demand();
    WHORL_CHECKED(wait_for(caller, body.readable_event(), deadline, [&] {
      return !body.readable().empty() || body.is_ended();
    }));
    const ByteView part = body.readable();
    if (part.size() > limit - text.size()) {
      return too_long(limit);
    }
    if (!part.empty()) {
      text += as_text(part);
      body.consume(part.size());
    } else if (body.at_end()) {
      return text;
    } else if (body.failure() == ErrorKind::DeadlineExceeded) {
      return too_late();
    } else {
      return fail(ErrorKind::Disconnected, "the service's answer was cut");
    }
  }
}

}  // namespace

ServiceRequest ServiceRequest::to(const ServiceUrl& url, std::string_view path) {
  ServiceRequest request;
  request.is_tls = url.is_tls;
  request.authority = url.authority;
  request.path_and_query = url.path + std::string(path);
  return request;
}

/// What is a shard's own.
struct ServiceClient::OfShard {
  /// Drops the answer to a request when it comes.
  class Unwanted final : public async::Waiter {
   public:
    Unwanted(OfShard& owner, std::shared_ptr<http::ClientExchange> exchange)
        : owner_(owner), exchange_(std::move(exchange)) {
      exchange_->resolved_event().add(*this);
    }
    void on_event() noexcept override {
      owner_.shard.post([this] {
        if (auto outcome = exchange_->take_outcome(); outcome && *outcome) {
          (*outcome)->body->stop_reading();
        }
        owner_.unwanted.remove_if([this](const auto& each) { return each.get() == this; });
      });
    }

   private:
    OfShard& owner_;
    std::shared_ptr<http::ClientExchange> exchange_;
  };

  OfShard(async::Shard& its_shard, const http::ClientOptions& options)
      : shard(its_shard), client(its_shard, options) {}

  async::Shard& shard;
  http::Client client;
  std::list<std::unique_ptr<Unwanted>> unwanted;
};

ServiceClient::~ServiceClient() = default;

ServiceClient::OfShard& ServiceClient::of(async::Shard& shard) {
  return clients_.get(shard, [&] { return std::make_shared<OfShard>(shard, options_); });
}

void ServiceClient::tell(async::Shard& shard, const ServiceRequest& request) {
  constexpr std::chrono::seconds kPatience{10};
  auto exchange = std::make_shared<http::ClientExchange>(
      to_http(request),
      http::ClientTimeouts{
          .connect = kPatience, .first_byte = kPatience, .between_bytes = kPatience
      }
  );
  exchange->set_reuse(http::ConnectionReuse::Always);
  OfShard& own = of(shard);
  own.client.send(exchange);
  own.unwanted.push_back(std::make_unique<OfShard::Unwanted>(own, std::move(exchange)));
}

ServiceClient::ServiceClient(net::TlsClientOptions tls) {
  options_.tls = std::move(tls);
  options_.limits = {std::make_shared<http::ConnectionLimit>(kMaxConnections)};
}

Result<ServiceAnswer> ServiceClient::send(
    Caller caller, ServiceRequest request, const ServiceLimits& limits
) {
  const auto deadline = async::Deadline::after(limits.whole);
  bool is_unanswered = false;
  auto answer = send_once(caller, request, limits, deadline, is_unanswered);
  // Most likely the service closed the kept connection just before the request came.
  if (!answer && is_unanswered && request.repeat == Repeat::Safe) {
    answer = send_once(caller, request, limits, deadline, is_unanswered);
  }
  return answer;
}

Result<ServiceAnswer> ServiceClient::send_once(
    Caller caller,
    const ServiceRequest& request,
    const ServiceLimits& limits,
    async::Deadline deadline,
    bool& is_unanswered
) {
  const auto exchange = std::make_shared<http::ClientExchange>(
      to_http(request),
      http::ClientTimeouts{
          .connect = limits.connect, .first_byte = limits.silence, .between_bytes = limits.silence
      }
  );
  exchange->set_reuse(http::ConnectionReuse::Always);
  of(caller.shard).client.send(exchange);
  auto waited = wait_for(caller, exchange->resolved_event(), deadline, [&] {
    return exchange->is_resolved();
  });
  auto outcome = exchange->take_outcome();
  if (!waited || !outcome) {
    exchange->abandon();
    return waited ? too_late() : waited.take_error();
  }
  if (!*outcome) {
    is_unanswered = outcome->error().failure == ClientFailure::Protocol;
    return to_error(outcome->error().failure);
  }
  http::Response& response = **outcome;
  ServiceAnswer answer{.status = response.status, .fields = std::move(response.fields)};
  auto body = read_body(caller, *response.body, limits.answer_bytes, deadline);
  if (!body) {
    response.body->stop_reading();
    return body.take_error();
  }
  answer.body = *std::move(body);
  return answer;
}

std::string without_secret(std::string_view text, std::string_view secret) {
  std::string out(text.substr(0, std::size_t{64} << 10));
  for (std::size_t at = 0; !secret.empty() && (at = out.find(secret, at)) != std::string::npos;) {
    out.replace(at, secret.size(), "***");
    at += 3;
  }
  if (out.size() > kMaxShownBytes) {
    std::size_t end = kMaxShownBytes;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xc0U) == 0x80U) {
      --end;
    }
    out.resize(end);
  }
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' '
  );
  return out;
}

}  // namespace whorl::host::remote
