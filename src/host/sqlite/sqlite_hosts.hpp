/// What guests import to use SQL databases, in its three forms: `spin:sqlite@3`, the newest of
/// which has asynchronous functions too, `fermyon:spin/sqlite@2.0.0`, and the older
/// `fermyon:spin/sqlite`.
#pragma once

#include "host/capability.hpp"
#include "host/sqlite/database.hpp"
#include "wit/fermyon_spin_sqlite.hpp"
#include "wit/fermyon_spin_sqlite_v1.hpp"
#include "wit/spin_sqlite_sqlite.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace whorl::host::sqlite {

/// The databases granted to a component, by label.
using GrantedDatabases = std::map<std::string, std::shared_ptr<Database>, std::less<>>;

/// Most connections a guest has open at once, over all interfaces.
inline constexpr std::size_t kMaxConnections = 256;

/// Counts a guest's connections. Outlives them.
class ConnectionCount {
 public:
  [[nodiscard]] bool try_add() noexcept {
    if (count_ >= kMaxConnections) {
      return false;
    }
    ++count_;
    return true;
  }
  void remove() noexcept { --count_; }

 private:
  std::size_t count_ = 0;
};

/// An open connection, counted as long as it lives.
class Opened {
 public:
  Opened(ConnectionCount& count, std::shared_ptr<Connection> connection) noexcept
      : count_(&count), connection_(std::move(connection)) {}
  Opened(Opened&& other) noexcept
      : count_(std::exchange(other.count_, nullptr)), connection_(std::move(other.connection_)) {}
  Opened& operator=(Opened&&) = delete;
  ~Opened() {
    if (count_ != nullptr) {
      count_->remove();
    }
  }
  [[nodiscard]] const std::shared_ptr<Connection>& connection() const noexcept {
    return connection_;
  }

 private:
  ConnectionCount* count_;
  std::shared_ptr<Connection> connection_;
};

/// fermyon:spin/sqlite@2.0.0
class SpinHost final : public wit::fermyon_spin_sqlite::Host {
 public:
  SpinHost(const GrantedDatabases& databases, ConnectionCount& count) noexcept
      : databases_(databases), count_(count) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::fermyon_spin_sqlite::Connection>,
      wit::fermyon_spin_sqlite::Error>>
  connection_open(component::Call& call, std::string_view database) override;

 private:
  const GrantedDatabases& databases_;
  ConnectionCount& count_;
};

/// spin:sqlite@3
class Spin3Host final : public wit::spin_sqlite_sqlite::Host {
 public:
  Spin3Host(const GrantedDatabases& databases, ConnectionCount& count) noexcept
      : databases_(databases), count_(count) {}
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_sqlite_sqlite::Connection>,
      wit::spin_sqlite_sqlite::Error>>
  connection_open(component::Call& call, std::string_view database) override;
  [[nodiscard]] component::HostResult<std::expected<
      component::Own<wit::spin_sqlite_sqlite::Connection>,
      wit::spin_sqlite_sqlite::Error>>
  connection_open_async(component::Call& call, std::string database) override;

 private:
  const GrantedDatabases& databases_;
  ConnectionCount& count_;
};

/// fermyon:spin/sqlite without version: connections are numbers.
class SpinV1Host final : public wit::fermyon_spin_sqlite_v1::Host {
 public:
  using Error = wit::fermyon_spin_sqlite_v1::Error;
  using Handle = wit::fermyon_spin_sqlite_v1::Connection;
  using QueryResult = wit::fermyon_spin_sqlite_v1::QueryResult;
  using Value = wit::fermyon_spin_sqlite_v1::Value;

  SpinV1Host(const GrantedDatabases& databases, ConnectionCount& count) noexcept
      : databases_(databases), count_(count) {}
  [[nodiscard]] component::HostResult<std::expected<Handle, Error>> open(
      component::Call& call, std::string_view database
  ) override;
  [[nodiscard]] component::HostResult<std::expected<QueryResult, Error>> execute(
      component::Call& call, Handle conn, std::string_view statement, std::vector<Value> parameters
  ) override;
  [[nodiscard]] component::HostResult<> close(component::Call& call, Handle conn) override;
  void reset() noexcept {
    open_.clear();
    next_ = 0;
  }

 private:
  const GrantedDatabases& databases_;
  ConnectionCount& count_;
  std::map<Handle, Opened> open_;
  Handle next_ = 0;
};

/// The host objects of one instance.
class Hosts final : public InstanceHosts {
 public:
  /// @param databases  outlives this object
  explicit Hosts(const GrantedDatabases& databases) noexcept
      : spin3(databases, count), spin(databases, count), v1(databases, count) {}
  void reset() noexcept override { v1.reset(); }

  ConnectionCount count;
  Spin3Host spin3;
  SpinHost spin;
  SpinV1Host v1;
};

}  // namespace whorl::host::sqlite
