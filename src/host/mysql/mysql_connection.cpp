#include "host/mysql/mysql_connection.hpp"

#include "host/mysql/mysql_impl.hpp"
#include "telemetry/text.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

namespace whorl::host::mysql {
namespace {

constexpr const char* kDefaultRoots = "/etc/ssl/certs/ca-certificates.crt";
/// Ways to log in that ask nobody anything and give no password away.
constexpr const char* kLogins =
    "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519";

std::unexpected<types::Error> no_connection(std::string text) {
  return std::unexpected(types::Error::connection_failed(std::move(text)));
}

std::string number_of(const net::SocketAddress& address) {
  const std::string shown = address.with_port(0).to_string();
  const std::string_view number = std::string_view(shown).substr(0, shown.rfind(':'));
  return std::string(number.starts_with('[') ? number.substr(1, number.size() - 2) : number);
}

void set_options(const MysqlLibrary& library, MYSQL* handle, const MysqlAddress& address) {
  const unsigned off = 0;
  const unsigned long most = kMaxAnswerBytes;
  const unsigned protocol = MYSQL_PROTOCOL_TCP;
  const my_bool yes = 1;
  library.set_option(handle, MYSQL_OPT_NONBLOCK, nullptr);
  // Otherwise a server could ask for files of the host.
  library.set_option(handle, MYSQL_OPT_LOCAL_INFILE, &off);
  library.set_option(handle, MYSQL_OPT_MAX_ALLOWED_PACKET, &most);
  library.set_option(handle, MYSQL_OPT_PROTOCOL, &protocol);
  library.set_option(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  library.set_option(handle, MARIADB_OPT_RESTRICTED_AUTH, kLogins);
  if (address.is_tls) {
    const char* moved = std::getenv("SSL_CERT_FILE");
    library.set_option(handle, MYSQL_OPT_SSL_CA, moved != nullptr ? moved : kDefaultRoots);
    library.set_option(handle, MYSQL_OPT_SSL_ENFORCE, &yes);
    library.set_option(handle, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
}

Outcome<void> connect_to(
    Caller caller,
    MysqlConnection::Impl& impl,
    const MysqlAddress& address,
    const net::SocketAddress& target,
    async::Deadline deadline
) {
  const MysqlLibrary& library = impl.library;
  impl.handle = library.init(nullptr);
  if (impl.handle == nullptr) {
    return no_connection("out of memory");
  }
  set_options(library, impl.handle, address);
  const std::string number = number_of(target);
  const std::string password = address.url.password.value_or("");
  MYSQL* connected = nullptr;
  const bool ended = impl.drive(
      caller,
      deadline,
      [&] {
        return library.connect_start(
            &connected,
            impl.handle,
            number.c_str(),
            address.url.user.c_str(),
            password.c_str(),
            address.database.empty() ? nullptr : address.database.c_str(),
            address.url.port,
            nullptr,
            0
        );
      },
      [&](int ready) { return library.connect_cont(&connected, impl.handle, ready); }
  );
  if (!ended) {
    return no_connection("the server did not answer in time");
  }
  if (connected == nullptr) {
    return no_connection(server_error(
        library.sql_state(impl.handle),
        library.error_number(impl.handle),
        library.error_text(impl.handle)
    ));
  }
  return {};
}

}  // namespace

std::string server_error(const char* state, unsigned number, const char* text) {
  // The server may have said any bytes.
  return telemetry::to_utf8(fmt::format("Server error: `ERROR {} ({}): {}'", state, number, text));
}

void MysqlConnection::Impl::close() noexcept {
  if (handle == nullptr) {
    return;
  }
  // The farewell must not wait for room.
  if (const int fd = static_cast<int>(library.socket(handle)); fd >= 0) {
    ::shutdown(fd, SHUT_RDWR);
  }
  library.close(std::exchange(handle, nullptr));
  socket.reset();
  watched = -1;
}

std::optional<int> MysqlConnection::Impl::wait(
    Caller caller, int status, async::Deadline deadline
) {
  const int fd = static_cast<int>(library.socket(handle));
  if (fd < 0) {
    return std::nullopt;
  }
  if (fd != watched) {
    fs::Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy.is_open()) {
      return std::nullopt;
    }
    socket = std::make_unique<net::WatchedSocket>(caller.shard, std::move(copy));
    watched = fd;
  }
  const short wanted = static_cast<short>(
      ((status & MYSQL_WAIT_READ) != 0 ? POLLIN : 0) |
      ((status & MYSQL_WAIT_WRITE) != 0 ? POLLOUT : 0)
  );
  while (true) {
    pollfd entry{fd, wanted, 0};
    if (::poll(&entry, 1, 0) > 0) {
      int ready = 0;
      ready |= (entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0 ? MYSQL_WAIT_READ : 0;
      ready |= (entry.revents & (POLLOUT | POLLHUP | POLLERR)) != 0 ? MYSQL_WAIT_WRITE : 0;
      return ready & status;
    }
    if ((wanted & POLLIN) != 0) {
      socket->watch_readable();
    }
    if ((wanted & POLLOUT) != 0) {
      socket->watch_writable();
    }
    if (!async::wait_on(caller.shard, caller.fiber, socket->changed(), deadline)) {
      return std::nullopt;
    }
  }
}

MysqlConnection::MysqlConnection(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
MysqlConnection::~MysqlConnection() = default;

Outcome<std::unique_ptr<MysqlConnection>> MysqlConnection::open(
    Caller caller,
    net_policy::Network& network,
    const MysqlAddress& address,
    async::Deadline deadline
) {
  const auto library = MysqlLibrary::get();
  if (!library) {
    return no_connection(library.error().message());
  }
  const auto& url = address.url;
  if (address.is_tls && !net::SocketAddress::from_ip(url.host, 0)) {
    // The library would look the name up once more, and block meanwhile.
    return no_connection("TLS to a MySQL server needs the server's IP address, not its name");
  }
  auto targets = network.resolve(caller, url.host, url.port, deadline);
  if (!targets) {
    return no_connection(targets.error().message());
  }
  std::optional<types::Error> last;
  for (std::size_t i = 0; i < targets->size(); ++i) {
    const auto left = static_cast<std::int64_t>(targets->size() - i);
    auto impl = std::make_unique<Impl>(**library);
    auto connected = connect_to(
        caller, *impl, address, (*targets)[i], async::Deadline::after(deadline.remaining() / left)
    );
    if (connected) {
      return std::make_unique<MysqlConnection>(std::move(impl));
    }
    last = std::move(connected.error());
    if (caller.fiber.cancelled()) {
      break;
    }
  }
  return std::unexpected(*std::move(last));
}

Outcome<types::RowSet> MysqlConnection::query(
    Caller caller,
    const std::string& statement,
    std::vector<types::ParameterValue> parameters,
    async::Deadline deadline
) {
  return run_statement(caller, *impl_, statement, std::move(parameters), deadline);
}

bool MysqlConnection::is_usable() const {
  if (impl_->handle == nullptr || (impl_->handle->server_status & SERVER_STATUS_IN_TRANS) != 0) {
    return false;
  }
  char byte = 0;
  const ssize_t count = ::recv(
      static_cast<int>(impl_->library.socket(impl_->handle)), &byte, 1, MSG_PEEK | MSG_DONTWAIT
  );
  return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace whorl::host::mysql
