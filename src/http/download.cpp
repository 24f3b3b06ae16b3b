#include "http/download.hpp"

#include "async/deadline.hpp"
#include "async/shard.hpp"
#include "async/timer.hpp"
#include "http/client.hpp"
#include "http/client_exchange.hpp"
#include "net/connect.hpp"
#include "net/ip_network.hpp"
#include "wire/http1/response.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

namespace whorl::http {
namespace {

constexpr std::uint16_t kOk = 200;

/// Ends the loop's run when an event fires, so that the caller can look again.
class Wake final : public async::Waiter {
 public:
  Wake(async::Shard& shard, async::Event& event) : shard_(shard) { event.add(*this); }
  void on_event() noexcept override { shard_.stop(); }

 private:
  async::Shard& shard_;
};

Error request_error(
    const DownloadUrl& url,
    ErrorKind kind,
    std::string why,
    std::source_location where = std::source_location::current()
) {
  return Error(kind, std::move(why), where)
      .context(fmt::format("error sending request for url ({})", url.to_text()));
}

Error client_error(const DownloadUrl& url, ClientError error) {
  switch (error.failure) {
    case ClientFailure::AddressProhibited:
      return Error(
                 ErrorKind::PermissionDenied,
                 fmt::format(
                     "a redirect leads to {}, which is not on the public network", url.to_text()
                 )
      )
          .with_help("download the file yourself, and name it as a path");
    case ClientFailure::NameNotFound:
      return request_error(url, ErrorKind::NotFound, std::move(error.text));
    case ClientFailure::ConnectionTimeout:
    case ClientFailure::ReadTimeout:
      return request_error(url, ErrorKind::DeadlineExceeded, std::move(error.text));
    case ClientFailure::InvalidUri:
      return request_error(url, ErrorKind::InvalidInput, std::move(error.text));
    default:
      return request_error(url, ErrorKind::Unavailable, std::move(error.text));
  }
}

Error status_error(const DownloadUrl& url, std::uint16_t status) {
  const std::string_view phrase = wire::http1::reason_phrase(status);
  return fail(
      status == 404 || status == 410 ? ErrorKind::NotFound : ErrorKind::Unavailable,
      "HTTP status {} ({}{}{}) for url ({})",
      status >= 400 && status < 500 ? "client error"
      : status >= 500               ? "server error"
                                    : "unexpected",
      status,
      phrase.empty() ? "" : " ",
      phrase,
      url.to_text()
  );
}

bool is_redirect(std::uint16_t status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Some address of the host is one of the public network. An unknown name counts as public: the
/// request will fail, or find what was not found now.
bool is_public(const DownloadUrl& url) {
  const auto to = parse_destination(url.is_tls ? Scheme::Https : Scheme::Http, url.authority);
  if (!to) {
    return true;
  }
  const auto addresses = net::resolve_host(to->host, to->port);
  return !addresses || std::ranges::any_of(*addresses, [](const net::SocketAddress& address) {
    return net::is_globally_routable(address);
  });
}

ClientOptions client_options(const DownloadOptions& options, bool is_guarded) {
  ClientOptions out;
  out.tls = options.tls;
  out.max_idle = 0;
  if (is_guarded) {
    out.blocked.block_private();
  }
  return out;
}

class Download {
 public:
  Download(DownloadSink& sink, const DownloadOptions& options)
      : sink_(sink),
        options_(options),
        open_(shard_, client_options(options, false)),
        guarded_(shard_, client_options(options, true)),
        whole_(shard_) {
    whole_.start(async::Deadline::after(options.whole));
  }

  Result<void> run(DownloadUrl url) {
    bool is_guarded = false;
    for (unsigned i = 0; i <= options_.redirects; ++i) {
      WHORL_TRY(Response response, send(url, is_guarded ? guarded_ : open_));
      if (options_.status != nullptr) {
        *options_.status = response.status;
      }
      if (!is_redirect(response.status)) {
        return take(url, response);
      }
      const auto location = response.fields.find("location");
      response.body->stop_reading();
      if (!location) {
        return status_error(url, response.status);
      }
      is_guarded = is_guarded || options_.guard == RedirectGuard::Always || is_public(url);
      WHORL_TRY(url, redirected(url, *location));
    }
    return fail(ErrorKind::InvalidInput, "too many redirects, the last to {}", url.to_text());
  }

 private:
  Result<Response> send(const DownloadUrl& url, Client& client) {
    Request request;
    request.scheme = url.is_tls ? Scheme::Https : Scheme::Http;
    request.authority = url.authority;
    request.path_and_query = url.path_and_query;
    request.fields.append("accept", "*/*");
    request.fields.append("user-agent", "whorl");
    if (!std::exchange(has_sent_, true)) {
      for (const Field& field : options_.fields.lines()) {
        request.fields.append(field.name, field.value);
      }
    }
    const auto exchange = std::make_shared<ClientExchange>(
        std::move(request),
        ClientTimeouts{
            .connect = options_.connect,
            .first_byte = options_.silence,
            .between_bytes = options_.silence
        }
    );
    client.send(exchange);
    wait_for(exchange->resolved_event(), [&] { return exchange->is_resolved(); });
    auto outcome = exchange->take_outcome();
    if (!outcome) {
      exchange->abandon();
      return request_error(url, ErrorKind::DeadlineExceeded, "it took too long");
    }
    if (!*outcome) {
      return client_error(url, std::move(outcome->error()));
    }
    return std::move(**outcome);
  }

  Result<void> take(const DownloadUrl& url, Response& response) {
    auto taken = response.status == kOk ? take_body(url, response)
                                        : Result<void>(status_error(url, response.status));
    if (!taken) {
      response.body->stop_reading();
    }
    return taken;
  }

  Result<void> take_body(const DownloadUrl& url, Response& response) {
    if (const auto length = response.fields.find("content-length")) {
      std::uint64_t bytes = 0;
      const auto read = std::from_chars(length->data(), length->data() + length->size(), bytes);
      if (read.ec == std::errc()) {
        WHORL_CHECKED(sink_.expect(bytes));
      }
    }
    BodyPipe& body = *response.body;
    while (true) {
      body.demand();
      wait_for(body.readable_event(), [&] { return !body.readable().empty() || body.is_ended(); });
      const ByteView part = body.readable();
      if (!part.empty()) {
        WHORL_CHECKED(sink_.write(part));
        body.consume(part.size());
      } else if (body.at_end()) {
        return {};
      } else if (body.failure()) {
        return request_error(url, *body.failure(), "the file was cut");
      } else {
        return request_error(url, ErrorKind::DeadlineExceeded, "it took too long");
      }
    }
  }

  /// Runs the loop until `done`, or until the time for everything is over.
  template <class Done>
  void wait_for(async::Event& event, Done done) {
    while (!done() && !whole_.has_fired()) {
      const Wake on_event(shard_, event);
      const Wake on_time(shard_, whole_.event());
      // The poll makes a loop that was stopped run again; the timer keeps it from running out.
      if (!shard_.poll() && !done()) {
        shard_.run();
      }
    }
  }

  DownloadSink& sink_;
  const DownloadOptions& options_;
  async::Shard shard_{0};
  Client open_;
  Client guarded_;  ///< refuses addresses that are not public
  async::Timer whole_;
  bool has_sent_ = false;
};

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

}  // namespace

std::string DownloadUrl::to_text() const {
  return fmt::format("{}://{}{}", is_tls ? "https" : "http", authority, path_and_query);
}

Result<DownloadUrl> parse_download_url(std::string_view url) {
  const auto separator = url.find("://");
  if (separator == std::string_view::npos) {
    return fail(ErrorKind::InvalidInput, "relative URL without a base").context("builder error");
  }
  DownloadUrl out;
  out.is_tls = starts_with_ignoring_case(url, "https://");
  if (!out.is_tls && !starts_with_ignoring_case(url, "http://")) {
    return fail(ErrorKind::InvalidInput, "URL scheme is not allowed")
        .context(fmt::format("builder error for url ({})", url));
  }
  std::string_view rest = url.substr(separator + 3);
  rest = rest.substr(0, rest.find('#'));
  const auto path = std::min(rest.find_first_of("/?"), rest.size());
  out.authority = rest.substr(0, path);
  out.path_and_query = rest.substr(path);
  if (!out.path_and_query.starts_with('/')) {
    out.path_and_query.insert(0, "/");
  }
  if (!parse_destination(out.is_tls ? Scheme::Https : Scheme::Http, out.authority)) {
    return fail(ErrorKind::InvalidInput, "\"{}\" is no host", out.authority)
        .context(fmt::format("builder error for url ({})", url));
  }
  return out;
}

Result<DownloadUrl> redirected(const DownloadUrl& from, std::string_view location) {
  const auto colon = location.find(':');
  const bool has_scheme = colon != std::string_view::npos && colon < location.find_first_of("/?#");
  if (has_scheme) {
    return parse_download_url(location);
  }
  const std::string base = fmt::format("{}://", from.is_tls ? "https" : "http");
  if (location.starts_with("//")) {
    return parse_download_url(base + std::string(location.substr(2)));
  }
  if (location.starts_with('/')) {
    return parse_download_url(base + from.authority + std::string(location));
  }
  const std::string path = from.path_and_query.substr(0, from.path_and_query.find('?'));
  const std::string folder = location.starts_with('?') ? path : path.substr(0, path.rfind('/') + 1);
  return parse_download_url(base + from.authority + folder + std::string(location));
}

Result<void> download(const std::string& url, DownloadSink& sink, const DownloadOptions& options) {
  WHORL_TRY(DownloadUrl parsed, parse_download_url(url));
  return Download(sink, options).run(std::move(parsed));
}

}  // namespace whorl::http
