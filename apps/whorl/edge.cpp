#include "edge.hpp"

#include "log/log.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

namespace whorl {
namespace {

/// Fewer than these in all are not shared out among clients: half of them would be no service.
constexpr std::size_t kFewConnections = 128;

http::ServerOptions server_options(const cli::UpRequest& request, unsigned shards) {
  http::ServerOptions options;
  if (request.max_head_bytes) {
    options.head.fields_bytes = *request.max_head_bytes;
  }
  const cli::EdgeSettings& edge = request.edge;
  options.header_timeout = edge.header_timeout.value_or(options.header_timeout);
  options.handshake_timeout = std::min(options.handshake_timeout, options.header_timeout);
  options.idle_timeout = edge.idle_timeout.value_or(options.idle_timeout);
  options.body_timeout = edge.body_timeout.value_or(options.body_timeout);
  options.write_timeout = edge.write_timeout.value_or(options.write_timeout);
  options.min_body_rate = edge.min_body_rate.value_or(options.min_body_rate);
  options.min_write_rate = edge.min_write_rate.value_or(options.min_write_rate);
  options.rate_grace = edge.rate_grace.value_or(options.rate_grace);
  options.max_body_bytes = edge.max_body_bytes.value_or(options.max_body_bytes);
  if (edge.max_connections) {
    options.max_connections =
        static_cast<std::size_t>((*edge.max_connections + shards - 1) / shards);
  }
  const std::size_t all = options.max_connections * shards;
  const std::uint64_t of_client =
      edge.max_client_connections.value_or(all < kFewConnections ? 0 : all / 2);
  if (of_client != 0) {
    options.clients = std::make_shared<http::ClientCensus>(static_cast<std::size_t>(of_client));
  }
  options.proxies = edge.proxies;
  if (shards > 1) {
    options.balance = std::make_shared<http::ConnectionBalance>();
  }
  options.scheme = edge.tls.empty() ? http::Scheme::Http : http::Scheme::Https;
  return options;
}

}  // namespace

Result<Edge> make_edge(const cli::UpRequest& request, unsigned shards) {
  Edge edge{
      .server = server_options(request, shards),
      .tls = nullptr,
      .drain_time = request.edge.drain_time,
  };
  WHORL_TRY(edge.tls, TlsFiles(request.edge).read());
  return edge;
}

TlsFiles::TlsFiles(const cli::EdgeSettings& settings) : settings_(settings), seen_(look()) {}

bool TlsFiles::is_empty() const noexcept {
  return settings_.tls.empty();
}

std::string TlsFiles::look() const {
  std::string text;
  const auto add = [&](const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) {
      text += fmt::format(
          "{} {} {}.{};", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec
      );
    } else {
      text += "none;";
    }
  };
  for (const cli::TlsFiles& files : settings_.tls) {
    add(files.certificate);
    add(files.private_key);
  }
  if (!settings_.tls_client_roots.empty()) {
    add(settings_.tls_client_roots);
  }
  return text;
}

bool TlsFiles::have_changed() {
  std::string now = look();
  const bool changed = now != seen_;
  seen_ = std::move(now);
  return changed;
}

Result<std::shared_ptr<const net::TlsServerContext>> TlsFiles::read() {
  if (is_empty()) {
    return std::shared_ptr<const net::TlsServerContext>();
  }
  seen_ = look();
  net::TlsServerOptions options;
  for (const cli::TlsFiles& files : settings_.tls) {
    options.identities.push_back(
        {.certificate_file = files.certificate, .private_key_file = files.private_key}
    );
  }
  options.client_roots_file = settings_.tls_client_roots;
  WHORL_TRY(auto context, net::TlsServerContext::create(options));
  for (const std::string& warning : context->warnings()) {
    log::warn("whorl::trigger", "{}", warning);
  }
  return context;
}

}  // namespace whorl
