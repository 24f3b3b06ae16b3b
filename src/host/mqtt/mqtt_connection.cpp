#include "host/mqtt/mqtt_connection.hpp"

#include "async/timer.hpp"
#include "fs/file.hpp"
#include "host/mqtt/mqtt_library.hpp"
#include "net/connect.hpp"
#include "net/tls_handout.hpp"
#include "net/watched_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace whorl::host::mqtt {
namespace {

struct Destroy {
  const MqttLibrary* library;
  void operator()(mosquitto* client) const noexcept { library->destroy(client); }
};

std::string number_of(const net::SocketAddress& address) {
  const std::string shown = address.with_port(0).to_string();
  const std::string_view number = std::string_view(shown).substr(0, shown.rfind(':'));
  return std::string(number.starts_with('[') ? number.substr(1, number.size() - 2) : number);
}

Error timed_out() {
  return fail(ErrorKind::DeadlineExceeded, "the server did not answer in time");
}

}  // namespace

struct MqttConnection::Impl {
  Impl(const MqttLibrary& its_library, ClientIds::Taken its_id)
      : library(its_library),
        id(std::move(its_id)),
        client(library.make(id.text().c_str(), true, this), Destroy{&library}) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (client != nullptr && is_connected) {
      library.disconnect(client.get());
    }
  }

  const MqttLibrary& library;
  ClientIds::Taken id;
  std::unique_ptr<net::TlsHandout> tls{};  ///< what the client's TLS is made of; none: plain
  std::unique_ptr<mosquitto, Destroy> client;
  std::unique_ptr<net::WatchedSocket> socket{};  ///< the library's, under a number of ours
  std::optional<int> answer{};                   ///< to CONNECT
  int acknowledged = 0;                          ///< the message that was, last
  bool is_connected = false;

  static void on_connect(mosquitto*, void* self, int code) {
    static_cast<Impl*>(self)->answer = code;
  }
  static void on_publish(mosquitto*, void* self, int message) {
    static_cast<Impl*>(self)->acknowledged = message;
  }

  [[nodiscard]] Result<> watch(async::Shard& shard) {
    fs::Fd copy(::fcntl(library.socket(client.get()), F_DUPFD_CLOEXEC, 0));
    if (!copy.is_open()) {
      return fail(ErrorKind::ResourceLimit, "no descriptor is free");
    }
    socket = std::make_unique<net::WatchedSocket>(shard, std::move(copy));
    return {};
  }
  [[nodiscard]] Error broken(int code) {
    const int number = errno;
    is_connected = false;
    if (tls != nullptr && (code == MOSQ_ERR_TLS || !tls->failure_text().empty())) {
      return fail(
          ErrorKind::Unauthenticated,
          "TLS: {}",
          tls->failure_text().empty() ? "the handshake failed" : tls->failure_text()
      );
    }
    if (code == MOSQ_ERR_ERRNO && number != 0) {
      return Error(ErrorKind::Disconnected, net_policy::system_message(number));
    }
    return fail(ErrorKind::Disconnected, "{}", library.error_text(code));
  }
  /// Waits until TCP has connected. @return errors: Unavailable, in the system's words
  [[nodiscard]] Result<> reach(Caller caller, async::Deadline deadline) {
    while (true) {
      int outcome = net::connect_outcome(socket->fd());
      // The library has begun to shake hands, and with that taken away the reason of a failure.
      if (outcome == 0 && tls != nullptr && !has_peer()) {
        outcome = ECONNREFUSED;
      }
      if (outcome == 0) {
        return {};
      }
      if (outcome != EINPROGRESS) {
        return Error(ErrorKind::Unavailable, net_policy::system_message(outcome));
      }
      socket->watch_writable();
      if (!async::wait_on(caller.shard, caller.fiber, socket->changed(), deadline)) {
        return timed_out();
      }
    }
  }
  [[nodiscard]] bool has_peer() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return ::getpeername(socket->fd(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  }
  /// The broker has ended the connection. While it shakes hands the library would wait on.
  [[nodiscard]] bool was_cut() const {
    char byte = 0;
    const ssize_t count = ::recv(socket->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
  }
  /// Reads and writes what can be, and waits until something can.
  [[nodiscard]] Result<> step(Caller caller, async::Deadline deadline) {
    if (library.socket(client.get()) < 0) {
      return broken(MOSQ_ERR_CONN_LOST);
    }
    if (deadline.is_expired()) {
      is_connected = false;
      return timed_out();
    }
    pollfd entry{socket->fd(), POLLIN, 0};
    entry.events |= library.wants_write(client.get()) ? POLLOUT : 0;
    const bool has_more = tls != nullptr && net::has_decrypted(library.ssl(client.get()));
    if (::poll(&entry, 1, 0) == 0 && !has_more) {
      socket->watch_readable();
      if ((entry.events & POLLOUT) != 0) {
        socket->watch_writable();
      }
      auto waited = async::wait_on(caller.shard, caller.fiber, socket->changed(), deadline);
      if (!waited) {
        is_connected = false;
        return waited.error().kind() == ErrorKind::DeadlineExceeded ? timed_out()
                                                                    : waited.take_error();
      }
      return {};
    }
    if ((entry.revents & POLLOUT) != 0) {
      if (const int code = library.write(client.get(), 1); code != MOSQ_ERR_SUCCESS) {
        return broken(code);
      }
    }
    if (has_more || (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      if (const int code = library.read(client.get(), 1); code != MOSQ_ERR_SUCCESS) {
        return broken(code);
      }
      if (tls != nullptr && !answer && was_cut()) {
        return broken(MOSQ_ERR_CONN_LOST);
      }
    }
    return {};
  }
};

MqttConnection::MqttConnection(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
MqttConnection::~MqttConnection() = default;

Result<std::unique_ptr<MqttConnection>> MqttConnection::open(
    Caller caller,
    net_policy::Network& network,
    ClientIds& ids,
    const MqttAddress& address,
    async::Deadline deadline
) {
  WHORL_TRY(const MqttLibrary* library, MqttLibrary::get());
  WHORL_TRY(
      const auto targets, network.resolve(caller, address.url.host, address.url.port, deadline)
  );
  std::optional<Error> last;
  for (const net::SocketAddress& target : targets) {
    const std::string number = number_of(target);
    auto impl = std::make_unique<Impl>(
        *library,
        ids.take(fmt::format("{}:{}", address.url.host, address.url.port), address.client_id)
    );
    if (impl->client == nullptr) {
      return fail(ErrorKind::ResourceLimit, "out of memory");
    }
    library->on_connect(impl->client.get(), Impl::on_connect);
    library->on_publish(impl->client.get(), Impl::on_publish);
    if (address.is_tls) {
      WHORL_TRY(const auto trusted, network.tls(caller, deadline));
      WHORL_TRY(impl->tls, net::make_tls_handout(*trusted, address.url.host));
      if (library->set_pointer(impl->client.get(), MOSQ_OPT_SSL_CTX, impl->tls->context()) !=
              MOSQ_ERR_SUCCESS ||
          library->set_number(impl->client.get(), MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0) !=
              MOSQ_ERR_SUCCESS) {
        return fail(ErrorKind::Unsupported, "the MQTT client library has no TLS");
      }
    }
    if (!address.user.empty()) {
      library->set_login(
          impl->client.get(),
          address.user.c_str(),
          address.password.empty() ? nullptr : address.password.c_str()
      );
    }
    const int started =
        library->connect(impl->client.get(), number.c_str(), address.url.port, address.keep_alive);
    if (started != MOSQ_ERR_SUCCESS) {
      last = impl->broken(started);
      continue;
    }
    WHORL_CHECKED(impl->watch(caller.shard));
    if (auto reached = impl->reach(caller, deadline); !reached) {
      last = reached.take_error();
      continue;
    }
    while (!impl->answer) {
      // A refusal is an answer and ends the connection.
      if (auto stepped = impl->step(caller, deadline); !stepped && !impl->answer) {
        return stepped.take_error();
      }
    }
    if (*impl->answer != 0) {
      return fail(ErrorKind::Unauthenticated, "{}", library->refusal_text(*impl->answer));
    }
    impl->is_connected = true;
    return std::make_unique<MqttConnection>(std::move(impl));
  }
  return *std::move(last);
}

Result<> MqttConnection::publish(
    Caller caller,
    const std::string& topic,
    const Bytes& payload,
    Quality quality,
    async::Deadline deadline
) {
  Impl& impl = *impl_;
  int message = 0;
  const int sent = impl.library.publish(
      impl.client.get(),
      &message,
      topic.c_str(),
      static_cast<int>(payload.size()),
      payload.data(),
      static_cast<int>(quality),
      false
  );
  if (sent == MOSQ_ERR_INVAL || sent == MOSQ_ERR_MALFORMED_UTF8 || sent == MOSQ_ERR_PAYLOAD_SIZE) {
    return fail(ErrorKind::InvalidInput, "{}", impl.library.error_text(sent));
  }
  if (sent != MOSQ_ERR_SUCCESS) {
    return impl.broken(sent);
  }
  // Without an acknowledgement it is done once it was written.
  while (impl.acknowledged != message || impl.library.wants_write(impl.client.get())) {
    WHORL_CHECKED(impl.step(caller, deadline));
  }
  return {};
}

bool MqttConnection::is_usable() const {
  char byte = 0;
  const ssize_t count = impl_->is_connected && impl_->socket != nullptr
                            ? ::recv(impl_->socket->fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT)
                            : 0;
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace whorl::host::mqtt
